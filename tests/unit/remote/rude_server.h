/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_RUDE_SERVER_H
#define TESTS_RUDE_SERVER_H

/*
 * An HTTP server on threads of the test itself, that does what the path says:
 * answers, delays, cuts, resets, never reads.  For one test program only.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static int listener;
static int port;
static atomic_int connections;
static atomic_int dropped;

static void
nap(int ms)
{
	struct timespec t = { ms / 1000, ms % 1000 * 1000000L };

	nanosleep(&t, NULL);
}

static bool
gone(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLRDHUP };

	return poll(&p, 1, 0) > 0 &&
	       (p.revents & (POLLRDHUP | POLLHUP | POLLERR)) != 0;
}

static void
say(int fd, const char *text)
{
	send(fd, text, strlen(text), MSG_NOSIGNAL);
}

static bool
send_body(int fd, size_t n)
{
	char block[16384];

	memset(block, 'x', sizeof(block));
	while (n > 0) {
		size_t part = n < sizeof(block) ? n : sizeof(block);
		ssize_t sent = send(fd, block, part, MSG_NOSIGNAL);

		if (sent <= 0)
			return false;
		n -= (size_t)sent;
	}
	return true;
}

static bool
answer(int fd, const char *status, size_t announced, size_t n)
{
	char head[200];

	snprintf(head, sizeof(head),
		 "HTTP/1.1 %s\r\nContent-Length: %zu\r\nX-Mark: yes\r\n\r\n",
		 status, announced);
	say(fd, head);
	return send_body(fd, n);
}

static bool
do_ok(int fd, const char *arg, size_t body)
{
	size_t n = strtoul(arg, NULL, 10);

	(void)body;
	return answer(fd, "200 OK", n, n);
}

static bool
do_silent(int fd, const char *arg, size_t body)
{
	int i;

	(void)arg;
	(void)body;
	for (i = 0; i < 400 && !gone(fd); i++)
		nap(10);
	return false;
}

static bool
do_trickle(int fd, const char *arg, size_t body)
{
	int i;

	(void)arg;
	(void)body;
	answer(fd, "200 OK", 10000000, 0);
	for (i = 0; i < 400 && !gone(fd); i++) {
		say(fd, "x");
		nap(10);
	}
	return false;
}

static bool
do_cut(int fd, const char *arg, size_t body)
{
	(void)arg;
	(void)body;
	answer(fd, "200 OK", 1000, 500);
	return false;
}

static bool
do_reset(int fd, const char *arg, size_t body)
{
	struct linger l = { .l_onoff = 1 };

	(void)arg;
	(void)body;
	setsockopt(fd, SOL_SOCKET, SO_LINGER, &l, sizeof(l));
	return false;
}

static bool
do_error(int fd, const char *arg, size_t body)
{
	(void)arg;
	(void)body;
	return answer(fd, "503 Slow Down", 100000, 100000);
}

static bool
do_redirect(int fd, const char *arg, size_t body)
{
	(void)arg;
	(void)body;
	say(fd, "HTTP/1.1 301 Moved\r\nLocation: /ok/5\r\n"
		"Content-Length: 0\r\n\r\n");
	return true;
}

/* Reads the body without ever saying 100 Continue. */
static bool
do_put(int fd, const char *arg, size_t body)
{
	char block[65536];

	(void)arg;
	while (body > 0) {
		ssize_t n =
			recv(fd, block,
			     body < sizeof(block) ? body : sizeof(block), 0);

		if (n <= 0)
			return false;
		body -= (size_t)n;
	}
	return answer(fd, "200 OK", 0, 0);
}

/* The connection dies once, after a part of the body. */
static bool
do_flaky(int fd, const char *arg, size_t body)
{
	char block[1024];

	if (atomic_exchange(&dropped, 0)) {
		recv(fd, block, sizeof(block), 0);
		return do_reset(fd, arg, body);
	}
	return do_put(fd, arg, body);
}

static bool
do_deaf(int fd, const char *arg, size_t body)
{
	(void)arg;
	(void)body;
	/* gone() would not see a close behind unread bytes. */
	(void)fd;
	nap(3000);
	return false;
}

struct act {
	const char *path;
	bool (*run)(int fd, const char *arg, size_t body);
};

static const struct act acts[] = {
	{ "/ok/", do_ok },
	{ "/silent", do_silent },
	{ "/trickle", do_trickle },
	{ "/cut", do_cut },
	{ "/reset", do_reset },
	{ "/error", do_error },
	{ "/redirect", do_redirect },
	{ "/put", do_put },
	{ "/flaky", do_flaky },
	{ "/deaf", do_deaf },
};

/* A head, byte by byte: what follows belongs to the body. */
static bool
read_head(int fd, char *head, size_t room)
{
	size_t n = 0;

	while (n < room - 1 && recv(fd, head + n, 1, 0) == 1) {
		n++;
		head[n] = '\0';
		if (n >= 4 && strcmp(head + n - 4, "\r\n\r\n") == 0)
			return true;
	}
	return false;
}

static bool
serve_one(int fd)
{
	char head[8192];
	const char *length;
	const char *path;
	size_t i;

	if (!read_head(fd, head, sizeof(head)))
		return false;
	length = strcasestr(head, "\r\nContent-Length:");
	path = strchr(head, '/');
	for (i = 0; path && i < sizeof(acts) / sizeof(acts[0]); i++) {
		size_t n = strlen(acts[i].path);

		if (strncmp(path, acts[i].path, n) == 0)
			return acts[i].run(
				fd, path + n,
				length ? strtoul(length + 17, NULL, 10) : 0);
	}
	return answer(fd, "404 Not Found", 0, 0);
}

static void *
serve(void *ctx)
{
	int fd = (int)(intptr_t)ctx;

	while (serve_one(fd))
		;
	close(fd);
	atomic_fetch_sub(&connections, 1);
	return NULL;
}

static void *
accepting(void *ctx)
{
	(void)ctx;
	for (;;) {
		pthread_t t;
		int one = 1;
		int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);

		if (fd < 0)
			return NULL;
		/* Head and body are two packets. */
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
		atomic_fetch_add(&connections, 1);
		pthread_create(&t, NULL, serve, (void *)(intptr_t)fd);
		pthread_detach(t);
	}
}

static pthread_t acceptor;

static int
server_up(void **state)
{
	struct sockaddr_in a = { .sin_family = AF_INET };
	socklen_t n = sizeof(a);

	(void)state;
	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (bind(listener, (struct sockaddr *)&a, sizeof(a)) != 0 ||
	    listen(listener, 128) != 0 ||
	    getsockname(listener, (struct sockaddr *)&a, &n) != 0)
		return -1;
	port = ntohs(a.sin_port);
	return pthread_create(&acceptor, NULL, accepting, NULL);
}

static int
server_down(void **state)
{
	int i;

	(void)state;
	shutdown(listener, SHUT_RDWR);
	pthread_join(acceptor, NULL);
	close(listener);
	for (i = 0; i < 500 && atomic_load(&connections) > 0; i++)
		nap(10);
	return 0;
}

#endif
