/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "cli/daemon_client.h"

#include "base/spawn_detached.h"
#include "base/err.h"
#include "base/file.h"
#include "cli/cmd.h"
#include "wire/client.h"
#include "wire/message.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define MS INT64_C(1000000)

enum { HELLO_MS = 1000, ANSWER_MS = 5000, START_MS = 5000, STEP_MS = 20 };

/* Bytes of daemon.lock (src/store/FORMAT). */
enum { LOCK_RUNS, LOCK_STARTS };

static int64_t
in_ms(int64_t ms)
{
	return file_monotonic() + ms * MS;
}

int
daemon_client_init(struct daemon_client *t, const char *command)
{
	int r;

	cmd_load_config(&t->config);
	t->dir = t->config.v[CONFIG_STORE_DIR].text;
	if (!*t->dir) {
		fprintf(stderr, "kache %s: no directory for the store\n",
			command);
		return -1;
	}
	r = config_socket(&t->config, t->dir, t->socket, sizeof(t->socket));
	if (r < 0) {
		fprintf(stderr, "kache %s: socket: %s\n", command, err_text(r));
		return -1;
	}
	snprintf(t->log, sizeof(t->log), "%s/daemon.log", t->dir);
	return 0;
}

/* One question; M points into C, which the caller closes if this gives 0. */
static int
ask_daemon(const struct daemon_client *t, const struct message *q, int want,
	   int64_t ms, struct client *c, struct message *m)
{
	int r = client_open(c, t->socket, in_ms(HELLO_MS));

	if (r < 0)
		return r;
	r = client_send(c, q, in_ms(HELLO_MS));
	if (r == 0)
		r = client_receive(c, m, in_ms(ms));
	if (r == 0 && (int)m->type != want)
		r = ERR_CORRUPT;
	if (r < 0)
		client_close(c);
	return r;
}

int
daemon_client_status(const struct daemon_client *t,
		     struct daemon_client_report *r)
{
	struct message q = { .type = MESSAGE_STATUS }, m;
	struct daemon_client_report got = { 0 };
	struct client c;
	int e = ask_daemon(t, &q, MESSAGE_REPORT, ANSWER_MS, &c, &m);

	if (e < 0)
		return e;
	got.count = (size_t)m.lines.count;
	buf_add(&got.lines, m.lines.p, m.lines.n);
	client_close(&c);
	if (got.lines.failed) {
		buf_free(&got.lines);
		return -ENOMEM;
	}
	*r = got;
	return 0;
}

const char *
daemon_client_value(const struct daemon_client_report *r, const char *name)
{
	const char *p = r->lines.p;
	size_t n = strlen(name);

	for (size_t i = 0; i < r->count; i++) {
		if (!strncmp(p, name, n) && p[n] == '=')
			return p + n + 1;
		p += strlen(p) + 1;
	}
	return NULL;
}

int
daemon_client_left(const struct daemon_client *t, int type, int64_t ms,
		   uint64_t *left)
{
	struct message q = { .type = (enum message_type)type }, m;
	struct client c;
	int r;

	q.ms = (uint64_t)ms;
	r = ask_daemon(t, &q, MESSAGE_LEFT, ms + ANSWER_MS, &c, &m);
	if (r < 0)
		return r;
	*left = m.left;
	client_close(&c);
	return 0;
}

static int
open_lock(const struct daemon_client *t, int flags)
{
	char path[4200];
	int fd;

	snprintf(path, sizeof(path), "%s/daemon.lock", t->dir);
	fd = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW | flags, 0600);
	return fd < 0 ? -errno : fd;
}

static int
spawn(void)
{
	char *argv[] = { (char *)"kached", NULL };
	char path[PATH_MAX];
	int r = spawn_detached_beside("kached", path, sizeof(path));

	return r < 0 ? r : spawn_detached(path, argv, environ);
}

/* Until it answers; ERR_MISS only says that it does not listen yet. */
static int
wait_ready(const struct daemon_client *t)
{
	int64_t end = in_ms(START_MS);
	struct client c;
	int r;

	do {
		r = client_open(&c, t->socket, in_ms(HELLO_MS));
		if (r == 0)
			client_close(&c);
		if (r != ERR_MISS && r != -ECONNRESET)
			return r;
		poll(NULL, 0, STEP_MS);
	} while (file_monotonic() < end);
	return ERR_TIMEOUT;
}

int
daemon_client_start(const struct daemon_client *t, bool *started)
{
	struct client c;
	int lock, r = client_open(&c, t->socket, in_ms(HELLO_MS));

	*started = false;
	if (r == 0)
		client_close(&c);
	if (r != ERR_MISS)
		return r;
	r = file_mkdirs(t->dir, 0700);
	lock = r == 0 ? open_lock(t, O_CREAT) : r;
	if (lock < 0)
		return lock;
	/* Somebody else who starts it saves us the work. */
	if (file_lock(lock, LOCK_STARTS, true, 0) == 0) {
		*started = true;
		r = spawn();
	}
	if (r == 0)
		r = wait_ready(t);
	close(lock);
	return r;
}

int
daemon_client_gone(const struct daemon_client *t, int ms)
{
	int fd = open_lock(t, 0), r = 0;

	if (fd >= 0) {
		r = file_lock(fd, LOCK_RUNS, true, ms);
		close(fd);
	}
	return r;
}
