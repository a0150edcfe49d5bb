/* SPDX-License-Identifier: Apache-2.0 */
/*
 * For people who work on src/remote and for scenarios: asks the remote that
 * kache.ini or KACHE_REMOTE_MAIN_URL names, through remote.h.  Not installed.
 *
 *   remote-tool [-d] [-n] put NAME FILE | get NAME FILE | status
 *   remote-tool [-d] [-j JOBS] bench-put COUNT BYTES | bench-get COUNT
 *
 * -d: in the demand lane, within 3 s.  -n: over an existing object, too.
 * Prints one line for each operation, and the remote's problem, if it has one.
 */
#define _GNU_SOURCE
#include "base/err.h"
#include "base/file.h"
#include "base/log.h"
#include "config/config.h"
#include "remote/remote.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

struct task {
	struct remote_op op;
	int out;
	uint64_t got;
	int64_t began;
	bool ended;
	bool busy;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t moved = PTHREAD_COND_INITIALIZER;
static unsigned long moves;
static struct config config;
static struct remote *remote;
static enum remote_lane lane = REMOTE_BACKGROUND;
static bool over_existing;
static unsigned jobs = 16;

static void
die(const char *what, int rc)
{
	fprintf(stderr, "remote-tool: %s: %s\n", what, err_text(rc));
	exit(1);
}

static const char *
ask(void *ctx, const char *name)
{
	(void)ctx;
	return getenv(name);
}

static const char *
from_env(const char *name)
{
	return getenv(name);
}

static void
on_move(struct remote_op *op)
{
	(void)op;
	pthread_mutex_lock(&lock);
	moves++;
	pthread_cond_signal(&moved);
	pthread_mutex_unlock(&lock);
}

static void
drain(struct task *t)
{
	const void *p;
	size_t n;

	for (;;) {
		n = remote_peek(&t->op, &p, &t->ended);
		if (n == 0)
			return;
		if (t->out >= 0 && file_write_fd(t->out, p, n) != 0)
			die("write", -EIO);
		t->got += n;
		remote_consume(&t->op, n);
	}
}

static int
begin(struct task *t, enum remote_verb verb, const char *name)
{
	memset(&t->op, 0, sizeof(t->op));
	t->op.verb = verb;
	t->op.lane = lane;
	t->op.notify = on_move;
	t->op.max = 1ULL << 30;
	t->op.if_absent = !over_existing;
	t->got = 0;
	t->ended = false;
	t->began = file_monotonic();
	if (lane == REMOTE_DEMAND)
		t->op.deadline = t->began + 3000000000;
	snprintf(t->op.name, sizeof(t->op.name), "%s", name);
	return 0;
}

static void
wait_for(struct task *t)
{
	while (!t->ended) {
		unsigned long seen;

		pthread_mutex_lock(&lock);
		seen = moves;
		pthread_mutex_unlock(&lock);
		drain(t);
		pthread_mutex_lock(&lock);
		while (!t->ended && moves == seen)
			pthread_cond_wait(&moved, &lock);
		pthread_mutex_unlock(&lock);
	}
}

static void
show_problem(void)
{
	struct remote_status st;

	remote_status(remote, &st);
	if (*st.problem)
		printf("problem: %s\n", st.problem);
}

static void
body(struct task *t, int fd)
{
	struct stat st;

	t->op.fd = fd;
	if (fstat(fd, &st) != 0 || lseek(fd, 0, SEEK_SET) < 0 ||
	    digest_fd(fd, &t->op.sha) != 0)
		die("body", -errno);
	t->op.size = (uint64_t)st.st_size;
}

static int
one(enum remote_verb verb, const char *name, const char *file)
{
	struct task t = { .out = -1 };
	int fd;
	int rc;

	begin(&t, verb, name);
	fd = open(file,
		  verb == REMOTE_PUT ? O_RDONLY | O_CLOEXEC
				     : O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC,
		  0666);
	if (fd < 0)
		die(file, -errno);
	if (verb == REMOTE_PUT)
		body(&t, fd);
	else
		t.out = fd;
	rc = remote_start(remote, &t.op);
	if (rc == 0) {
		wait_for(&t);
		rc = remote_result(&t.op);
		printf("%s %llu bytes%s\n", rc == 0 ? "ok" : err_text(rc),
		       (unsigned long long)(verb == REMOTE_PUT ? t.op.size
							       : t.got),
		       t.op.existed ? ", existed" : "");
		remote_finish(&t.op);
	} else {
		printf("not started: %s\n", err_text(rc));
	}
	close(fd);
	return rc == 0 ? 0 : 1;
}

static int
memory_body(unsigned i, size_t bytes)
{
	int fd = memfd_create("bench", MFD_CLOEXEC);
	unsigned seed = i + 1;
	char block[4096];
	size_t n;

	for (n = 0; n < sizeof(block); n++)
		block[n] = (char)rand_r(&seed);
	while (fd >= 0 && bytes > 0) {
		n = bytes < sizeof(block) ? bytes : sizeof(block);
		if (file_write_fd(fd, block, n) != 0)
			die("memfd", -EIO);
		bytes -= n;
	}
	return fd;
}

static void
bench_start(struct task *t, enum remote_verb verb, unsigned i, size_t bytes)
{
	char name[64];
	int rc;

	snprintf(name, sizeof(name), "v1/bench/%02x/%u", i & 255, i);
	t->out = -1;
	begin(t, verb, name);
	if (verb == REMOTE_PUT)
		body(t, memory_body(i, bytes));
	rc = remote_start(remote, &t->op);
	if (rc != 0)
		die("start", rc);
	t->busy = true;
}

struct bench {
	unsigned done, failed;
	uint64_t bytes;
	int64_t *took;
};

static void
bench_end(struct bench *b, struct task *t)
{
	int rc = remote_result(&t->op);

	if (rc != 0)
		b->failed++;
	b->took[b->done] = file_monotonic() - t->began;
	b->done++;
	b->bytes += t->op.verb == REMOTE_PUT ? t->op.size : t->got;
	remote_finish(&t->op);
	if (t->op.verb == REMOTE_PUT)
		close(t->op.fd);
	t->busy = false;
}

static int
by_size(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a;
	int64_t y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

static void
bench_report(struct bench *b, int64_t took)
{
	double s = (double)took / 1e9;

	qsort(b->took, b->done, sizeof(*b->took), by_size);
	printf("%u done, %u failed, %.2f s, %.0f/s, %.1f MB/s, p50 %.1f ms, "
	       "p99 %.1f ms, rate %llu\n",
	       b->done, b->failed, s, b->done / s, (double)b->bytes / s / 1e6,
	       (double)b->took[b->done / 2] / 1e6,
	       (double)b->took[b->done * 99 / 100] / 1e6,
	       (unsigned long long)remote_rate(remote));
}

static int
bench(enum remote_verb verb, unsigned count, size_t bytes)
{
	struct task *tasks = calloc(jobs, sizeof(*tasks));
	struct bench b = { .took = calloc(count + 1, sizeof(*b.took)) };
	int64_t began = file_monotonic();
	unsigned next = 0;
	unsigned i;

	if (!tasks || !b.took)
		die("memory", -ENOMEM);
	while (b.done < count) {
		unsigned long seen;

		pthread_mutex_lock(&lock);
		seen = moves;
		pthread_mutex_unlock(&lock);
		for (i = 0; i < jobs; i++) {
			struct task *t = &tasks[i];

			if (t->busy)
				drain(t);
			if (t->busy && t->ended)
				bench_end(&b, t);
			if (!t->busy && next < count)
				bench_start(t, verb, next++, bytes);
		}
		pthread_mutex_lock(&lock);
		while (b.done < count && moves == seen)
			pthread_cond_wait(&moved, &lock);
		pthread_mutex_unlock(&lock);
	}
	bench_report(&b, file_monotonic() - began);
	free(b.took);
	free(tasks);
	return b.failed > 0;
}

static int
status(void)
{
	struct remote_status st;

	remote_status(remote, &st);
	printf("url %s\nmode %s\ncredentials %s\nexpires %lld\n", st.url,
	       st.mode, st.credentials, (long long)st.expires);
	return 0;
}

static int
usage(void)
{
	fprintf(stderr, "usage: remote-tool [-d] [-n] [-j JOBS] "
			"put NAME FILE | get NAME FILE | status |\n"
			"       bench-put COUNT BYTES | bench-get COUNT\n");
	return 2;
}

static int
run(int n, char **a)
{
	if (n == 3 && strcmp(a[0], "put") == 0)
		return one(REMOTE_PUT, a[1], a[2]);
	if (n == 3 && strcmp(a[0], "get") == 0)
		return one(REMOTE_GET, a[1], a[2]);
	if (n == 1 && strcmp(a[0], "status") == 0)
		return status();
	if (n == 3 && strcmp(a[0], "bench-put") == 0)
		return bench(REMOTE_PUT, (unsigned)strtoul(a[1], NULL, 10),
			     strtoul(a[2], NULL, 10));
	if (n == 2 && strcmp(a[0], "bench-get") == 0)
		return bench(REMOTE_GET, (unsigned)strtoul(a[1], NULL, 10), 0);
	return usage();
}

static void
options(int argc, char **argv)
{
	int c = getopt(argc, argv, "dnj:");

	for (; c != -1; c = getopt(argc, argv, "dnj:")) {
		if (c == 'd')
			lane = REMOTE_DEMAND;
		else if (c == 'n')
			over_existing = true;
		else if (c == 'j')
			jobs = (unsigned)strtoul(optarg, NULL, 10);
		else
			exit(usage());
	}
}

int
main(int argc, char **argv)
{
	struct config_source src = { .get = ask, .names = environ };
	char why[REMOTE_TEXT] = "";
	int rc;

	options(argc, argv);
	if (getenv("REMOTE_TOOL_LOG"))
		log_open(getenv("REMOTE_TOOL_LOG"), LOG_DEBUG);
	config_load(&config, &src);
	rc = remote_open(&config, from_env, &remote, why, sizeof(why));
	if (rc != 0)
		die(why, rc);
	rc = run(argc - optind, argv + optind);
	show_problem();
	remote_close(remote);
	return rc;
}
