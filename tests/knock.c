/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Many clients of the daemon at once, by the bytes of src/wire/PROTOCOL.
 *
 *   knock SOCKET CLIENTS REQUESTS [check|get]
 *
 * Each client says HELLO and then asks CHECK (or GET) for random keys, one
 * after the other, until REQUESTS final answers have come to all together.
 * Prints "answers seconds rate errors" and what the answers were. Status 1
 * if a connection broke.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

/* Time counts from the connect, so a connection asks a few times only. */
enum { CLIENTS_MAX = 4096, FRAME_MAX = 1 << 20, PER_CONNECT = 8 };

enum { CHECK = 2, ACCEPTED = 3, GET = 9 };

struct client {
	int fd;
	bool greeted;
	uint8_t *in;
	size_t have;
	unsigned asked;
};

static struct client clients[CLIENTS_MAX];
static uint8_t request[4 + 2 + 2 + 32];
static unsigned long answers[32], total, errors;

static int64_t
now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static bool
put(struct client *c, const void *p, size_t n)
{
	return send(c->fd, p, n, MSG_NOSIGNAL) == (ssize_t)n;
}

static bool
ask(struct client *c)
{
	for (int i = 8; i < 40; i++)
		request[i] = (uint8_t)random();
	return put(c, request, sizeof(request));
}

static bool
dial(struct client *c, const char *path)
{
	static const uint8_t hello[] = { 8, 0,    0, 0,   0x93, 1,
					 1, 0xc4, 3, 't', 's',  't' };
	struct sockaddr_un sa = { .sun_family = AF_UNIX };

	snprintf(sa.sun_path, sizeof(sa.sun_path), "%s", path);
	c->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (!c->in)
		c->in = malloc(FRAME_MAX + 4);
	c->greeted = false;
	c->have = 0;
	if (c->fd < 0 || !c->in ||
	    connect(c->fd, (struct sockaddr *)&sa, sizeof(sa)) < 0)
		return false;
	fcntl(c->fd, F_SETFL, O_NONBLOCK);
	return put(c, hello, sizeof(hello));
}

/* One frame of N bytes at P. */
static bool
take(struct client *c, const uint8_t *p, size_t n)
{
	unsigned type = n > 1 ? p[1] : 0;

	if (type >= 32)
		return false;
	if (!c->greeted) {
		c->greeted = true;
		return type == 1 && ask(c);
	}
	answers[type]++;
	if (type == ACCEPTED)
		return true;
	total++;
	c->asked++;
	return c->asked % PER_CONNECT == 0 || ask(c);
}

static bool
receive(struct client *c)
{
	ssize_t n = read(c->fd, c->in + c->have, FRAME_MAX + 4 - c->have);
	size_t used = 0;

	if (n <= 0)
		return n < 0 && errno == EAGAIN;
	c->have += (size_t)n;
	while (c->have - used >= 4) {
		const uint8_t *p = c->in + used;
		size_t len = p[0] | p[1] << 8 | p[2] << 16 | (size_t)p[3] << 24;

		if (len > FRAME_MAX)
			return false;
		if (c->have - used < len + 4)
			break;
		if (!take(c, p + 4, len))
			return false;
		used += len + 4;
	}
	memmove(c->in, c->in + used, c->have - used);
	c->have -= used;
	return true;
}

int
main(int argc, char **argv)
{
	static struct pollfd p[CLIENTS_MAX];
	int n = argc > 3 ? atoi(argv[2]) : 0;
	unsigned long wanted = argc > 3 ? strtoul(argv[3], NULL, 10) : 0;
	int64_t start;
	double s;

	if (n < 1 || n > CLIENTS_MAX) {
		fputs("usage: knock SOCKET CLIENTS REQUESTS [check|get]\n",
		      stderr);
		return 2;
	}
	request[0] = sizeof(request) - 4;
	request[4] = 0x92;
	request[5] = argc > 4 && !strcmp(argv[4], "get") ? GET : CHECK;
	request[6] = 0xc4;
	request[7] = 32;
	for (int i = 0; i < n; i++) {
		if (!dial(&clients[i], argv[1])) {
			perror("knock: connect");
			return 1;
		}
		p[i] = (struct pollfd){ clients[i].fd, POLLIN, 0 };
	}
	start = now_ns();
	while (total < wanted && errors < (unsigned long)n) {
		if (poll(p, (nfds_t)n, 10000) <= 0) {
			errors++;
			break;
		}
		for (int i = 0; i < n; i++) {
			struct client *c = &clients[i];

			if (!p[i].revents)
				continue;
			if (receive(c)) {
				if (c->asked && c->asked % PER_CONNECT == 0) {
					c->asked = 0;
					close(c->fd);
					if (!dial(c, argv[1]))
						errors++;
					p[i].fd = c->fd;
				}
				continue;
			}
			errors++;
			close(p[i].fd);
			p[i].fd = -1;
		}
	}
	s = (double)(now_ns() - start) / 1e9;
	printf("%lu answers %.2f s %.0f/s %lu errors\n", total, s,
	       (double)total / s, errors);
	for (int i = 0; i < 32; i++)
		if (answers[i])
			printf("type %d: %lu\n", i, answers[i]);
	return errors ? 1 : 0;
}
