/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A bad network and a bad server, in front of a good one: an HTTP/1.1 proxy
 * on loopback for tests and benchmarks.  One thread.
 *
 *   fault-proxy LISTEN-PORT SERVER-PORT RULES-FILE [LOG-FILE]
 *
 * RULES-FILE is read again whenever it changes.  Lines:
 *
 *   delay MS        round trip time
 *   rate BYTES      bytes a second towards all clients together
 *   window BYTES    each connection begins with so many bytes a round trip
 *                   and doubles (TCP slow start); 0: off
 *   METHOD PATH ACTION [ARG [COUNT [CODE [HEADER...]]]]
 *       METHOD and PATH (a substring of the target) may be *.  COUNT: for so
 *       many requests only.  Actions:
 *         status ARG    answers by itself: <Code>CODE</Code>, and HEADER
 *         reset BYTES   resets after so many bytes of the answer's body
 *         truncate N    closes in order after N bytes of the answer's body
 *         flip N        inverts a bit of byte N of the answer's body
 *         hang MS       sends nothing more; MS 0: for ever
 *         noexpect      takes "Expect:" out: no 100 Continue will come
 *
 * LOG-FILE gets a line for each request: method, target, action, and what it
 * was signed with: region and time.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { CONNS = 1024, RULES = 64, HEAD_MAX = 65536, QUEUED_MAX = 4 << 20 };

enum action { NONE, STATUS, RESET, TRUNCATE, FLIP, HANG, NOEXPECT };

static const char *const action_names[] = { "-",        "status", "reset",
					    "truncate", "flip",   "hang",
					    "noexpect" };

struct rule {
	char method[16], path[256], code[64], header[128];
	enum action action;
	long arg;
	long left; /* -1: no limit */
};

struct piece {
	struct piece *next;
	int64_t due;
	size_t n, sent;
	char p[];
};

/* One direction of a connection. */
struct way {
	int from, to;
	struct piece *first, **last;
	size_t queued;
	bool eof, shut;
	char head[HEAD_MAX + 1]; /* a message head that is not whole yet */
	size_t head_len;
	int64_t body; /* bytes of the body still to pass; -1: to the end */
	bool in_body;
	int64_t passed; /* bytes of this body so far */
	int64_t time;   /* virtual clock of the window */
	int64_t round;  /* when its round began */
	int64_t used, window;
};

struct conn {
	struct way up, down;
	enum action action;
	long arg;
	bool head_only; /* the answer has no body: HEAD */
	int64_t silent_until;
	bool swallow; /* the request's body goes nowhere */
	struct rule *rule;
};

static struct rule rules[RULES];
static int nrules;
static long delay_ms, rate, window;
static struct timespec rules_time;
static int64_t link_free;
static struct conn *conns[CONNS];
static int nconns, server_port;
static const char *rules_file;
static FILE *log_file;

static int64_t
now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static void
read_rule(const char *line)
{
	struct rule *r = &rules[nrules];
	char action[16];
	long arg = 0, count = -1;
	int n;

	memset(r, 0, sizeof(*r));
	n = sscanf(line, "%15s %255s %15s %ld %ld %63s %127[^\n]", r->method,
		   r->path, action, &arg, &count, r->code, r->header);
	if (n < 3 || nrules == RULES - 1)
		return;
	for (int i = 1; i <= NOEXPECT; i++)
		if (!strcmp(action, action_names[i]))
			r->action = (enum action)i;
	r->arg = arg;
	r->left = count;
	if (r->action)
		nrules++;
}

static void
read_rules(void)
{
	char line[1024];
	struct stat st;
	FILE *f;

	if (stat(rules_file, &st) < 0 ||
	    !memcmp(&st.st_mtim, &rules_time, sizeof(rules_time)))
		return;
	rules_time = st.st_mtim;
	nrules = 0;
	delay_ms = rate = window = 0;
	f = fopen(rules_file, "r");
	while (f && fgets(line, sizeof(line), f)) {
		if (sscanf(line, "delay %ld", &delay_ms) == 1 ||
		    sscanf(line, "rate %ld", &rate) == 1 ||
		    sscanf(line, "window %ld", &window) == 1)
			continue;
		read_rule(line);
	}
	if (f)
		fclose(f);
}

static void
push(struct way *w, const char *p, size_t n, int64_t due)
{
	struct piece *q = malloc(sizeof(*q) + n);

	if (!q)
		abort();
	q->next = NULL;
	q->due = due;
	q->n = n;
	q->sent = 0;
	memcpy(q->p, p, n);
	*w->last = q;
	w->last = &q->next;
	w->queued += n;
}

/* Bytes on their way: half a round trip, the window's rounds, the link. */
static void
send_on(struct way *w, const char *p, size_t n, bool down)
{
	int64_t now = now_ns(), rtt = delay_ms * 1000000;

	if (w->time < now)
		w->time = now;
	while (n) {
		size_t k = n;
		int64_t due;

		if (window && rtt) {
			if (!w->window)
				w->window = window;
			if (w->time >= w->round + rtt) {
				w->round = w->time;
				w->used = 0;
			}
			if (w->used >= w->window) {
				w->time = w->round + rtt;
				if (w->window < 64 << 20)
					w->window *= 2;
				continue;
			}
			if ((int64_t)k > w->window - w->used)
				k = (size_t)(w->window - w->used);
			w->used += (int64_t)k;
		}
		due = w->time + rtt / 2;
		if (down && rate) {
			if (link_free < due)
				link_free = due;
			link_free += (int64_t)k * 1000000000 / rate;
			due = link_free;
		}
		push(w, p, k, due);
		p += k;
		n -= k;
	}
}

static void
close_conn(int i, bool reset)
{
	struct conn *c = conns[i];
	struct linger l = { 1, 0 };

	if (reset)
		setsockopt(c->up.from, SOL_SOCKET, SO_LINGER, &l, sizeof(l));
	close(c->up.from);
	close(c->down.from);
	for (int k = 0; k < 2; k++) {
		struct piece *p = k ? c->up.first : c->down.first, *next;

		for (; p; p = next) {
			next = p->next;
			free(p);
		}
	}
	free(c);
	conns[i] = conns[--nconns];
}

static long
header_number(const char *head, const char *name, long otherwise)
{
	const char *p = strcasestr(head, name);

	return p ? strtol(p + strlen(name), NULL, 10) : otherwise;
}

static struct rule *
match(const char *method, const char *target)
{
	for (int i = 0; i < nrules; i++) {
		struct rule *r = &rules[i];

		if (r->left == 0 ||
		    (strcmp(r->method, "*") && strcmp(r->method, method)) ||
		    (strcmp(r->path, "*") && !strstr(target, r->path)))
			continue;
		if (r->left > 0)
			r->left--;
		return r;
	}
	return NULL;
}

static void
answer_alone(struct conn *c, const struct rule *r)
{
	char body[256], all[700];
	int n = snprintf(body, sizeof(body), "<Error><Code>%s</Code></Error>",
			 *r->code ? r->code : "InternalError");

	n = snprintf(all, sizeof(all),
		     "HTTP/1.1 %ld Fault\r\nContent-Length: %d\r\n%s%s"
		     "Content-Type: application/xml\r\n\r\n%s",
		     r->arg, n, r->header, *r->header ? "\r\n" : "",
		     c->head_only ? "" : body);
	send_on(&c->down, all, (size_t)n, true);
}

static void
cut_expect(char *head, size_t *n)
{
	char *p = strcasestr(head, "\r\nExpect:"), *end;

	if (!p)
		return;
	end = strstr(p + 2, "\r\n");
	memmove(p, end, strlen(end) + 1);
	*n = strlen(head);
}

static void
log_request(const char *head, const char *method, const char *target,
	    const char *action)
{
	const char *scope = strstr(head, "Credential=");
	const char *date = strcasestr(head, "\r\nx-amz-date:");
	char region[64] = "-", time[32] = "-";

	if (!log_file)
		return;
	if (scope)
		sscanf(scope, "Credential=%*[^/]/%*[^/]/%63[^/]", region);
	if (date)
		sscanf(date + strlen("\r\nx-amz-date:"), " %31s", time);
	fprintf(log_file, "%s %s %s %s %s\n", method, target, action, region,
		time);
	fflush(log_file);
}

/* A whole request head in W->head, N bytes. */
static void
begin_request(struct conn *c, size_t n)
{
	struct way *w = &c->up;
	char method[16] = "", target[2048] = "";
	struct rule *r;

	read_rules();
	sscanf(w->head, "%15s %2047s", method, target);
	r = match(method, target);
	c->action = r ? r->action : NONE;
	c->arg = r ? r->arg : 0;
	c->head_only = !strcmp(method, "HEAD");
	c->silent_until = c->action != HANG ? 0
			  : c->arg          ? now_ns() + c->arg * 1000000
					    : INT64_MAX;
	log_request(w->head, method, target, action_names[c->action]);
	w->body = header_number(w->head, "\r\nContent-Length:", 0);
	w->in_body = w->body > 0;
	c->swallow = c->action == STATUS;
	if (c->action == NOEXPECT)
		cut_expect(w->head, &n);
	if (c->action != STATUS) {
		send_on(w, w->head, n, false);
		return;
	}
	if (strcasestr(w->head, "\r\nExpect:") || !w->in_body) {
		answer_alone(c, r);
		w->in_body = false;
	} else {
		c->rule = r;
	}
}

static void
begin_answer(struct conn *c, size_t n)
{
	struct way *w = &c->down;
	long status = 0;

	sscanf(w->head, "HTTP/1.1 %ld", &status);
	w->body = header_number(w->head, "\r\nContent-Length:", -1);
	if (status / 100 == 1 || status == 204 || status == 304 || c->head_only)
		w->body = 0;
	else if (w->body < 0 && strcasestr(w->head, "chunked"))
		w->body = -1;
	w->in_body = w->body != 0;
	w->passed = 0;
	send_on(w, w->head, n, true);
}

/* False: the connection ends here. */
static bool
fault(struct conn *c, char *p, size_t *n, bool *reset)
{
	struct way *w = &c->down;
	int64_t at = c->arg;

	if (c->action == FLIP && at >= w->passed &&
	    at < w->passed + (int64_t)*n)
		p[at - w->passed] ^= 1;
	if ((c->action == TRUNCATE || c->action == RESET) &&
	    w->passed + (int64_t)*n > at) {
		*n = (size_t)(at - w->passed);
		*reset = c->action == RESET;
		return false;
	}
	return true;
}

/* Passes N bytes on; heads are looked at.  False: it ends, see *RESET. */
static bool
pass(struct conn *c, struct way *w, char *p, size_t n, bool *reset)
{
	bool down = w == &c->down;

	while (n) {
		size_t k = n;
		char *end;

		if (w->in_body) {
			if (w->body >= 0 && (int64_t)k > w->body)
				k = (size_t)w->body;
			if (down && !fault(c, p, &k, reset)) {
				send_on(w, p, k, true);
				return false;
			}
			if (down || !c->swallow)
				send_on(w, p, k, down);
			w->passed += (int64_t)k;
			if (w->body >= 0) {
				w->body -= (int64_t)k;
				w->in_body = w->body > 0;
			}
			if (!down && !w->in_body && c->swallow && c->rule) {
				answer_alone(c, c->rule);
				c->rule = NULL;
			}
			p += k;
			n -= k;
			continue;
		}
		w->head[w->head_len++] = *p++;
		n--;
		w->head[w->head_len] = '\0';
		if (w->head_len == HEAD_MAX)
			return false;
		if (*(p - 1) != '\n' || w->head_len < 4)
			continue;
		end = w->head + w->head_len - 4;
		if (memcmp(end, "\r\n\r\n", 4))
			continue;
		k = w->head_len;
		w->head_len = 0;
		if (down)
			begin_answer(c, k);
		else
			begin_request(c, k);
	}
	return true;
}

static bool
receive(struct conn *c, struct way *w, bool *reset)
{
	static char p[65536];
	ssize_t n = read(w->from, p, sizeof(p));

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return true;
	if (n <= 0) {
		w->eof = true;
		return true;
	}
	return pass(c, w, p, (size_t)n, reset);
}

/* False: the other end is gone. */
static bool
deliver(struct way *w, int64_t now)
{
	while (w->first && w->first->due <= now) {
		struct piece *q = w->first;
		ssize_t n = send(w->to, q->p + q->sent, q->n - q->sent,
				 MSG_NOSIGNAL);

		if (n < 0)
			return errno == EAGAIN || errno == EINTR;
		q->sent += (size_t)n;
		w->queued -= (size_t)n;
		if (q->sent < q->n)
			return true;
		w->first = q->next;
		if (!w->first)
			w->last = &w->first;
		free(q);
	}
	if (!w->first && w->eof && !w->shut) {
		w->shut = true;
		shutdown(w->to, SHUT_WR);
	}
	return true;
}

static int
dial(void)
{
	struct sockaddr_in a = { .sin_family = AF_INET,
				 .sin_port = htons((uint16_t)server_port),
				 .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), one = 1;

	if (fd >= 0 && connect(fd, (struct sockaddr *)&a, sizeof(a)) < 0) {
		close(fd);
		return -1;
	}
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	fcntl(fd, F_SETFL, O_NONBLOCK);
	return fd;
}

static void
open_conn(int listener)
{
	int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	int one = 1, to = fd >= 0 && nconns < CONNS ? dial() : -1;
	struct conn *c = to >= 0 ? calloc(1, sizeof(*c)) : NULL;

	if (!c) {
		if (fd >= 0)
			close(fd);
		if (to >= 0)
			close(to);
		return;
	}
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	c->up.from = c->down.to = fd;
	c->up.to = c->down.from = to;
	c->up.last = &c->up.first;
	c->down.last = &c->down.first;
	conns[nconns++] = c;
}

/* False: close it, after what is on its way. */
static bool
serve(struct conn *c, struct pollfd *p, int64_t now, bool *reset)
{
	bool ok = true;

	if (p[0].revents & (POLLIN | POLLHUP | POLLERR))
		ok = receive(c, &c->up, reset);
	if (ok && p[1].revents & (POLLIN | POLLHUP | POLLERR))
		ok = receive(c, &c->down, reset);
	if (!deliver(&c->up, now))
		return false;
	if (c->silent_until <= now && !deliver(&c->down, now))
		return false;
	if (c->up.eof && !c->up.first && c->silent_until > now)
		return false;
	if (!ok)
		c->down.eof = c->up.eof = true;
	if (!ok && *reset)
		return false;
	return !(c->up.shut && c->down.shut) &&
	       !(c->down.shut && !c->down.first);
}

static int
wait_ms(int64_t now)
{
	int64_t first = now + 1000000000;

	for (int i = 0; i < nconns; i++) {
		struct conn *c = conns[i];

		if (c->up.first && c->up.first->due < first)
			first = c->up.first->due;
		if (c->down.first && c->silent_until <= now &&
		    c->down.first->due < first)
			first = c->down.first->due;
		if (c->silent_until > now && c->silent_until < first)
			first = c->silent_until;
	}
	return first <= now ? 1 : (int)((first - now) / 1000000);
}

static short
wants(const struct way *in)
{
	return !in->eof && in->queued < QUEUED_MAX ? POLLIN : 0;
}

static void
turn(int listener)
{
	static struct pollfd p[2 * CONNS + 1];
	int64_t now = now_ns();
	int n = nconns;

	p[0] = (struct pollfd){ listener, POLLIN, 0 };
	for (int i = 0; i < n; i++) {
		struct conn *c = conns[i];

		p[2 * i + 1] = (struct pollfd){ wants(&c->up) ? c->up.from : -1,
						POLLIN, 0 };
		p[2 * i + 2] =
			(struct pollfd){ wants(&c->down) ? c->down.from : -1,
					 POLLIN, 0 };
	}
	if (poll(p, (nfds_t)(2 * n + 1), wait_ms(now)) < 0)
		return;
	now = now_ns();
	for (int i = n - 1; i >= 0; i--) {
		bool reset = false;

		if (!serve(conns[i], &p[2 * i + 1], now, &reset))
			close_conn(i, reset);
	}
	if (p[0].revents)
		open_conn(listener);
}

int
main(int argc, char **argv)
{
	struct sockaddr_in a = { .sin_family = AF_INET,
				 .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd, one = 1;

	if (argc < 4) {
		fputs("usage: fault-proxy LISTEN-PORT SERVER-PORT RULES "
		      "[LOG]\n",
		      stderr);
		return 2;
	}
	signal(SIGPIPE, SIG_IGN);
	a.sin_port = htons((uint16_t)atoi(argv[1]));
	server_port = atoi(argv[2]);
	rules_file = argv[3];
	log_file = argc > 4 ? fopen(argv[4], "a") : NULL;
	fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (bind(fd, (struct sockaddr *)&a, sizeof(a)) < 0 ||
	    listen(fd, 1024) < 0) {
		perror("fault-proxy");
		return 1;
	}
	for (;;)
		turn(fd);
}
