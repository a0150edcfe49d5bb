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
 *   queue MS        what waits before the line at one time (50); connections
 *                   take turns, and one whose client does not read waits
 *   METHOD PATH ACTION [ARG [COUNT [CODE [HEADER...]]]]
 *       METHOD and PATH (a substring of the target) may be *.  COUNT: for so
 *       many requests only.  Actions:
 *         status ARG    answers by itself: <Code>CODE</Code>, and HEADER
 *         reset BYTES   resets after so many bytes of the answer's body
 *         truncate N    closes in order after N bytes of the answer's body
 *         flip N        inverts a bit of byte N of the answer's body
 *         hang MS       sends nothing more; MS 0: for ever
 *         endless ARG   answers by itself, with status ARG and a body without
 *                       an end; the log then gets "endless BYTES" that went
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
enum { TURN = 16 << 10, QUEUE_MS = 50, WINDOW_MAX = 64 << 20 };

enum action { NONE, STATUS, RESET, TRUNCATE, FLIP, HANG, ENDLESS, NOEXPECT };

static const char *const action_names[] = { "-",        "status",  "reset",
					    "truncate", "flip",    "hang",
					    "endless",  "noexpect" };

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

struct line {
	struct piece *first, **last;
};

/* One direction of a connection. */
struct way {
	int from, to;
	struct line held; /* at the sender */
	struct line sent; /* on its way, each piece with its time */
	size_t queued;    /* bytes of both */
	bool full;        /* the receiver takes no more */
	bool eof, shut;
	char head[HEAD_MAX + 1]; /* a message head that is not whole yet */
	size_t head_len;
	int64_t body; /* bytes of the body still to pass; -1: to the end */
	bool in_body;
	int64_t passed; /* bytes of this body so far */
	int64_t round;  /* when the window's round began */
	int64_t used, window;
	int64_t delivered;
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
static long delay_ms, rate, window, queue_ms;
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
	queue_ms = QUEUE_MS;
	f = fopen(rules_file, "r");
	while (f && fgets(line, sizeof(line), f)) {
		if (sscanf(line, "delay %ld", &delay_ms) == 1 ||
		    sscanf(line, "rate %ld", &rate) == 1 ||
		    sscanf(line, "window %ld", &window) == 1 ||
		    sscanf(line, "queue %ld", &queue_ms) == 1)
			continue;
		read_rule(line);
	}
	if (f)
		fclose(f);
}

static void
append(struct line *l, struct piece *q)
{
	q->next = NULL;
	*l->last = q;
	l->last = &q->next;
}

static struct piece *
take_first(struct line *l)
{
	struct piece *q = l->first;

	l->first = q->next;
	if (!l->first)
		l->last = &l->first;
	return q;
}

static void
drop_all(struct line *l)
{
	while (l->first)
		free(take_first(l));
}

static bool
is_empty(const struct way *w)
{
	return !w->held.first && !w->sent.first;
}

/* In pieces of one turn at the line. */
static void
hold(struct way *w, const char *p, size_t n)
{
	while (n) {
		size_t k = n < TURN ? n : TURN;
		struct piece *q = malloc(sizeof(*q) + k);

		if (!q)
			abort();
		q->n = k;
		q->sent = 0;
		memcpy(q->p, p, k);
		append(&w->held, q);
		w->queued += k;
		p += k;
		n -= k;
	}
}

/* When the next piece of W may leave the sender; NOW: at once. */
static int64_t
may_leave(struct way *w, bool down, int64_t now)
{
	int64_t rtt = delay_ms * 1000000, room = queue_ms * 1000000;

	if (window && rtt && now >= w->round + rtt) {
		if (!w->window)
			w->window = window;
		else if (w->used >= w->window && w->window < WINDOW_MAX)
			w->window *= 2;
		w->round = now;
		w->used = 0;
	}
	if (window && rtt && w->used >= w->window)
		return w->round + rtt;
	if (down && rate && link_free > now + room)
		return link_free - room;
	return now;
}

/* Half a round trip, after its time on the line. */
static void
leave(struct way *w, bool down, int64_t now)
{
	struct piece *q = take_first(&w->held);

	q->due = now;
	w->used += (int64_t)q->n;
	if (down && rate) {
		if (link_free < now)
			link_free = now;
		link_free += (int64_t)q->n * 1000000000 / rate;
		q->due = link_free;
	}
	q->due += delay_ms * 1000000 / 2;
	append(&w->sent, q);
}

/* Who may send does, by turns, beginning with another one each time.  Gives
 * when there is more to do. */
static int64_t
advance(int64_t now)
{
	static int start;
	int64_t next = now + 1000000000;
	bool moved = true;

	start++;
	while (moved) {
		moved = false;
		for (int k = 0; k < 2 * nconns; k++) {
			struct conn *c = conns[(start + k / 2) % nconns];
			struct way *w = k % 2 ? &c->down : &c->up;
			int64_t at;

			if (!w->held.first || w->full)
				continue;
			at = may_leave(w, k % 2, now);
			if (at <= now) {
				leave(w, k % 2, now);
				moved = true;
			} else if (at < next) {
				next = at;
			}
		}
	}
	return next;
}

static void
close_conn(int i, bool reset)
{
	struct conn *c = conns[i];
	struct linger l = { 1, 0 };

	if (reset)
		setsockopt(c->up.from, SOL_SOCKET, SO_LINGER, &l, sizeof(l));
	if (c->action == ENDLESS && log_file) {
		fprintf(log_file, "endless %lld\n",
			(long long)c->down.delivered);
		fflush(log_file);
	}
	close(c->up.from);
	close(c->down.from);
	for (int k = 0; k < 2; k++) {
		drop_all(k ? &c->up.held : &c->down.held);
		drop_all(k ? &c->up.sent : &c->down.sent);
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
	hold(&c->down, all, (size_t)n);
}

static void
begin_endless(struct conn *c)
{
	char head[128];
	int n = snprintf(head, sizeof(head),
			 "HTTP/1.1 %ld Fault\r\nConnection: close\r\n\r\n",
			 c->arg);

	hold(&c->down, head, (size_t)n);
}

/* More of it, as long as the client takes what there is. */
static void
go_on_endless(struct conn *c)
{
	static const char bytes[256 << 10];

	if (c->action == ENDLESS && c->down.queued < sizeof(bytes))
		hold(&c->down, bytes, sizeof(bytes));
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
	c->swallow = c->action == STATUS || c->action == ENDLESS;
	if (c->action == NOEXPECT)
		cut_expect(w->head, &n);
	if (c->action == ENDLESS) {
		begin_endless(c);
		return;
	}
	if (c->action != STATUS) {
		hold(w, w->head, n);
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
	hold(w, w->head, n);
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
				hold(w, p, k);
				return false;
			}
			if (down || !c->swallow)
				hold(w, p, k);
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
	w->full = false;
	while (w->sent.first && w->sent.first->due <= now) {
		struct piece *q = w->sent.first;
		ssize_t n = send(w->to, q->p + q->sent, q->n - q->sent,
				 MSG_NOSIGNAL);

		if (n < 0) {
			w->full = errno == EAGAIN;
			return errno == EAGAIN || errno == EINTR;
		}
		q->sent += (size_t)n;
		w->delivered += n;
		w->queued -= (size_t)n;
		if (q->sent < q->n)
			return true;
		free(take_first(&w->sent));
	}
	if (is_empty(w) && w->eof && !w->shut) {
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
	int one = 1, small = TURN, to = fd >= 0 && nconns < CONNS ? dial() : -1;
	struct conn *c = to >= 0 ? calloc(1, sizeof(*c)) : NULL;

	if (!c) {
		if (fd >= 0)
			close(fd);
		if (to >= 0)
			close(to);
		return;
	}
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	/* What waits does so before the line, not behind it. */
	setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &small, sizeof(small));
	c->up.from = c->down.to = fd;
	c->up.to = c->down.from = to;
	c->up.held.last = &c->up.held.first;
	c->up.sent.last = &c->up.sent.first;
	c->down.held.last = &c->down.held.first;
	c->down.sent.last = &c->down.sent.first;
	conns[nconns++] = c;
}

/* False: close it, after what is on its way. */
static bool
take_in(struct conn *c, struct pollfd *p, bool *reset)
{
	bool ok = true;

	if (p[0].revents & (POLLIN | POLLHUP | POLLERR))
		ok = receive(c, &c->up, reset);
	if (ok && p[1].revents & (POLLIN | POLLHUP | POLLERR))
		ok = receive(c, &c->down, reset);
	if (!ok)
		c->down.eof = c->up.eof = true;
	return ok;
}

/* False: it is over. */
static bool
hand_out(struct conn *c, int64_t now)
{
	if (!deliver(&c->up, now))
		return false;
	if (c->silent_until <= now && !deliver(&c->down, now))
		return false;
	if (c->up.eof && is_empty(&c->up) && c->silent_until > now)
		return false;
	return !(c->up.shut && c->down.shut) &&
	       !(c->down.shut && is_empty(&c->down));
}

static int
wait_ms(int64_t now)
{
	int64_t first = advance(now);

	for (int i = 0; i < nconns; i++) {
		struct conn *c = conns[i];

		if (c->up.sent.first && c->up.sent.first->due < first)
			first = c->up.sent.first->due;
		if (c->down.sent.first && c->silent_until <= now &&
		    c->down.sent.first->due < first)
			first = c->down.sent.first->due;
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
	static bool reset[CONNS], ended[CONNS];
	int64_t now = now_ns();
	int n = nconns;

	p[0] = (struct pollfd){ listener, POLLIN, 0 };
	for (int i = 0; i < n; i++) {
		struct conn *c = conns[i];

		go_on_endless(c);
		p[2 * i + 1] = (struct pollfd){ wants(&c->up) ? c->up.from : -1,
						POLLIN, 0 };
		p[2 * i + 2] =
			(struct pollfd){ wants(&c->down) ? c->down.from : -1,
					 POLLIN, 0 };
	}
	if (poll(p, (nfds_t)(2 * n + 1), wait_ms(now)) < 0)
		return;
	now = now_ns();
	for (int i = 0; i < n; i++) {
		reset[i] = false;
		ended[i] = !take_in(conns[i], &p[2 * i + 1], &reset[i]);
	}
	advance(now);
	for (int i = n - 1; i >= 0; i--)
		if (!hand_out(conns[i], now) || (ended[i] && reset[i]))
			close_conn(i, reset[i]);
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
