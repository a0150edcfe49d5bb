/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_CREDBED_H
#define TESTS_CREDBED_H

/*
 * What the sources of credentials ask: an HTTP server on a thread of the
 * test, which says what the test has put into a table; an environment; files
 * below a directory of our own.  For one test program only.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { PAGES = 8, VARS = 16 };

struct page {
	char start[120]; /* of "METHOD /path" */
	int status;
	int slow_ms;
	char *body; /* NULL: there is no such page */
	int asked;
};

static pthread_mutex_t bed_lock = PTHREAD_MUTEX_INITIALIZER;
static struct page pages[PAGES];
static char last[70000]; /* request that was answered by a page */
static char address[64];
static int bed_listener;
static pthread_t bed_thread;
static char bed_dir[] = "/tmp/kache-creds-XXXXXX";

static void
bed_sleep(int ms)
{
	struct timespec t = { ms / 1000, ms % 1000 * 1000000L };

	nanosleep(&t, NULL);
}

/* Says STATUS and BODY to what begins with START; NULL: not any more. */
static void
page(const char *start, int status, const char *body)
{
	struct page *p = pages;
	int i;

	pthread_mutex_lock(&bed_lock);
	for (i = PAGES - 1; i >= 0; i--) {
		if (!pages[i].body)
			p = &pages[i];
	}
	for (i = 0; i < PAGES; i++) {
		if (pages[i].body && strcmp(pages[i].start, start) == 0)
			p = &pages[i];
	}
	free(p->body);
	memset(p, 0, sizeof(*p));
	if (body) {
		snprintf(p->start, sizeof(p->start), "%s", start);
		p->status = status;
		p->body = strdup(body);
	}
	pthread_mutex_unlock(&bed_lock);
}

static void
slow(int ms)
{
	pthread_mutex_lock(&bed_lock);
	for (int i = 0; i < PAGES; i++)
		pages[i].slow_ms = ms;
	pthread_mutex_unlock(&bed_lock);
}

static int
asked(const char *start)
{
	int n = 0;

	pthread_mutex_lock(&bed_lock);
	for (int i = 0; i < PAGES; i++) {
		if (pages[i].body && strcmp(pages[i].start, start) == 0)
			n = pages[i].asked;
	}
	pthread_mutex_unlock(&bed_lock);
	return n;
}

static bool
was_said(const char *text)
{
	bool yes;

	pthread_mutex_lock(&bed_lock);
	yes = strstr(last, text) != NULL;
	pthread_mutex_unlock(&bed_lock);
	return yes;
}

static bool
read_request(int fd, char *to, size_t room)
{
	size_t n = 0;
	size_t want = 0;

	while (n < room - 1 && (!want || n < want)) {
		ssize_t got = recv(fd, to + n, room - 1 - n, 0);
		char *end;
		char *length;

		if (got <= 0)
			return false;
		n += (size_t)got;
		to[n] = '\0';
		end = strstr(to, "\r\n\r\n");
		length = strcasestr(to, "\r\nContent-Length:");
		if (end)
			want = (size_t)(end + 4 - to) +
			       (length ? strtoul(length + 17, NULL, 10) : 0);
	}
	return true;
}

static void
answer_one(int fd)
{
	static char request[sizeof(last)];
	char head[200];
	char *body = NULL;
	int status = 404;
	int ms = 0;

	if (!read_request(fd, request, sizeof(request)))
		return;
	pthread_mutex_lock(&bed_lock);
	for (int i = 0; i < PAGES; i++) {
		struct page *p = &pages[i];

		if (!p->body || strncmp(request, p->start, strlen(p->start)))
			continue;
		free(body);
		body = strdup(p->body);
		status = p->status;
		ms = p->slow_ms;
		p->asked++;
		memcpy(last, request, sizeof(last));
	}
	pthread_mutex_unlock(&bed_lock);
	bed_sleep(ms);
	snprintf(head, sizeof(head),
		 "HTTP/1.1 %d X\r\nConnection: close\r\nContent-Length: %zu"
		 "\r\n\r\n",
		 status, body ? strlen(body) : 0);
	send(fd, head, strlen(head), MSG_NOSIGNAL);
	if (body)
		send(fd, body, strlen(body), MSG_NOSIGNAL);
	free(body);
}

static void *
bed_accepting(void *ctx)
{
	(void)ctx;
	for (;;) {
		int fd = accept4(bed_listener, NULL, NULL, SOCK_CLOEXEC);

		if (fd < 0)
			return NULL;
		answer_one(fd);
		close(fd);
	}
}

static int
bed_up(void)
{
	struct sockaddr_in a = { .sin_family = AF_INET };
	socklen_t n = sizeof(a);

	if (!mkdtemp(bed_dir))
		return -1;
	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	bed_listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (bind(bed_listener, (struct sockaddr *)&a, sizeof(a)) != 0 ||
	    listen(bed_listener, 16) != 0 ||
	    getsockname(bed_listener, (struct sockaddr *)&a, &n) != 0)
		return -1;
	snprintf(address, sizeof(address), "http://127.0.0.1:%d",
		 ntohs(a.sin_port));
	return pthread_create(&bed_thread, NULL, bed_accepting, NULL);
}

static void
bed_down(void)
{
	char command[100];

	shutdown(bed_listener, SHUT_RDWR);
	pthread_join(bed_thread, NULL);
	close(bed_listener);
	for (int i = 0; i < PAGES; i++)
		free(pages[i].body);
	snprintf(command, sizeof(command), "rm -rf %s", bed_dir);
	if (system(command) != 0)
		perror(command);
}

/* --- environment and files ----------------------------------------------- */

static char vars[VARS][2][600];

static const char *
bed_get(const char *name)
{
	for (int i = 0; i < VARS; i++) {
		if (strcmp(vars[i][0], name) == 0)
			return vars[i][1];
	}
	return NULL;
}

static void
var(const char *name, const char *value)
{
	int i = 0;

	while (vars[i][0][0] && strcmp(vars[i][0], name) != 0)
		i++;
	snprintf(vars[i][0], sizeof(vars[i][0]), "%s", name);
	snprintf(vars[i][1], sizeof(vars[i][1]), "%s", value);
}

/* Writes file NAME in our directory and says where it is. */
static const char *
file(const char *name, const char *text)
{
	static char path[200];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", bed_dir, name);
	f = fopen(path, "we");
	if (!f)
		abort();
	fputs(text, f);
	fclose(f);
	return path;
}

#endif
