/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
/*
 * Storers, restorers and a sweeper on one store, which sweeps by size, by age,
 * by itself and for nothing (dry runs): no restore may bring wrong bytes,
 * nothing that waits for its upload may go, after all of it verify must find
 * nothing, and a last sweep must bring the store below its limit.
 * usage: torture DIR SECONDS SEED
 */
#include "base/digest.h"
#include "base/err.h"
#include "base/file.h"
#include "key/digest_cache.h"
#include "store/blob.h"
#include "store/entry.h"
#include "store/gc.h"
#include "store/manifest.h"
#include "store/publish.h"
#include "store/restore.h"
#include "store/upload_intent.h"
#include "store/store.h"
#include "store/verify.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { STORERS = 4, KEYS = 400, UNITS = 50, CONTENTS = 150, OUTPUTS = 3 };
enum { PINNED = 8, LIMIT = 768 << 10 };

struct shared {
	unsigned long stored, restored, missed, sweeps, removed, wrong;
	unsigned long by_age, by_size, dry_victims, pins, pins_lost;
};

static struct shared *sum;
static char root[4096];
static time_t end;

static void
add(unsigned long *n, unsigned long v)
{
	__atomic_fetch_add(n, v, __ATOMIC_RELAXED);
}

static void
open_store(struct store *s, struct digest_cache *m)
{
	char path[4200];

	snprintf(path, sizeof(path), "%s/store", root);
	if (store_open(s, path) < 0)
		abort();
	digest_cache_open(m, s->dir);
}

static size_t
content(unsigned n, char *text, size_t room)
{
	size_t len = (size_t)snprintf(text, room, "content %u\n", n);

	while (len < 200 + n * 13)
		text[len++] = (char)('a' + n % 26);
	return len;
}

static void
write_file(const char *path, unsigned n)
{
	char text[8192];
	size_t len = content(n, text, sizeof(text));
	int fd;

	unlink(path);
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL, 0666);
	if (fd < 0 || file_write_fd(fd, text, len) < 0)
		abort();
	close(fd);
}

static void
key_of(unsigned n, struct digest *d)
{
	digest_bytes(&n, sizeof(n), d);
}

/* Output I of key K always has the same content, shared between keys. */
static unsigned
content_of(unsigned k, unsigned i)
{
	return (k * 7 + i * 31) % CONTENTS;
}

/* Several keys are input lists of one unit, as results of one command line
 * are. */
static void
unit_of(unsigned k, struct entry *e, struct manifest_record *r)
{
	unsigned unit = ~(k % UNITS);
	char name[32];

	digest_bytes(&unit, sizeof(unit), &e->k0);
	snprintf(name, sizeof(name), "/src/%u.rs", k);
	if (inputs_add(&r->inputs, 'f', name, strlen(name)) < 0 ||
	    inputs_finish(&r->inputs) < 0)
		abort();
	inputs_digest(&r->inputs, &e->inputs);
	key_of(k, &r->last_k1);
}

static void
store_one(struct store *s, struct digest_cache *m, const char *dir, unsigned k)
{
	char path[OUTPUTS][4400];
	const char *paths[OUTPUTS];
	struct entry e = { .nout = OUTPUTS };
	struct manifest_record r = { 0 };
	struct digest key;

	for (unsigned i = 0; i < OUTPUTS; i++) {
		struct blob_put put = { .link = i != 2 };

		snprintf(path[i], sizeof(path[i]), "%s/lib%u.%s", dir, i,
			 i ? "rlib" : "rmeta");
		write_file(path[i], content_of(k, i));
		paths[i] = put.path = path[i];
		if (blob_put(s, m, &put, &e.out[i].blob) < 0)
			return;
		snprintf(e.out[i].name, sizeof(e.out[i].name), "lib%u.%s", i,
			 i ? "rlib" : "rmeta");
		e.out[i].role = i ? ENTRY_LINK : ENTRY_METADATA;
		e.out[i].size = put.size;
	}
	key_of(k, &key);
	unit_of(k, &e, &r);
	if (publish_entry(s, m, &key, &e, paths) == 0) {
		add(&sum->stored, 1);
		manifest_add(s, &e.k0, &r);
	}
	inputs_free(&r.inputs);
}

static void
check_restored(const char *dir, unsigned k)
{
	for (unsigned i = 0; i < OUTPUTS; i++) {
		char path[4400], want[8192], have[8192];
		size_t len = content(content_of(k, i), want, sizeof(want));
		int fd;
		ssize_t n;

		snprintf(path, sizeof(path), "%s/lib%u.%s", dir, i,
			 i ? "rlib" : "rmeta");
		fd = open(path, O_RDONLY);
		n = fd < 0 ? -1 : read(fd, have, sizeof(have));
		if (n != (ssize_t)len || memcmp(want, have, len))
			add(&sum->wrong, 1);
		if (fd >= 0)
			close(fd);
	}
}

/* False: it was not there. */
static bool
restore_one(struct store *s, struct digest_cache *m, const char *dir,
	    unsigned k)
{
	struct entry e = { 0 };
	struct restore r = { .store = s, .memo = m, .entry = &e, .dir = dir };
	struct digest key;
	bool there;

	key_of(k, &key);
	if (entry_load(s, &key, &e) < 0)
		return false;
	there = restore_outputs(&r) == 0;
	if (there) {
		check_restored(dir, k);
		add(&sum->restored, 1);
	} else {
		add(&sum->missed, 1);
	}
	entry_release(&e);
	return there;
}

/* Until N sweeps that began from now on have ended, or the end. */
static void
wait_sweeps(unsigned n)
{
	unsigned long now = __atomic_load_n(&sum->sweeps, __ATOMIC_RELAXED);

	while (time(NULL) < end &&
	       __atomic_load_n(&sum->sweeps, __ATOMIC_RELAXED) < now + 1 + n)
		usleep(500);
}

/*
 * What waits for its upload stays, through sweeps of any kind.  The intent is
 * there before a sweep begins, so that no sweep may have looked before it.
 */
static void
pinner(void)
{
	struct store s;
	struct digest_cache m;
	char dir[4200];

	open_store(&s, &m);
	snprintf(dir, sizeof(dir), "%s/pins", root);
	file_mkdirs(dir, 0755);
	for (unsigned n = 0; time(NULL) < end; n++) {
		unsigned k = KEYS + n % PINNED;
		struct upload_intent_intent i = { .kind = UPLOAD_INTENT_UNIT };

		key_of(k, &i.at);
		i.k1 = i.at;
		if (upload_intent_add(&s, &i) < 0)
			abort();
		wait_sweeps(1);
		store_one(&s, &m, dir, k);
		wait_sweeps(3);
		/* At the end nobody waited: a blob may be in the trash for a
		 * moment. */
		if (time(NULL) < end) {
			add(&sum->pins, 1);
			if (!restore_one(&s, &m, dir, k))
				add(&sum->pins_lost, 1);
		}
		upload_intent_retire(&s, &i.at);
	}
	digest_cache_close(&m);
	store_close(&s);
	_exit(0);
}

static void
storer(unsigned id, unsigned seed)
{
	struct store s;
	struct digest_cache m;
	char dir[4200];

	srandom(seed + id);
	open_store(&s, &m);
	snprintf(dir, sizeof(dir), "%s/target%u", root, id);
	file_mkdirs(dir, 0755);
	while (time(NULL) < end) {
		unsigned k = (unsigned)random() % KEYS;

		if (random() % 2)
			store_one(&s, &m, dir, k);
		else
			restore_one(&s, &m, dir, k);
	}
	digest_cache_close(&m);
	store_close(&s);
	_exit(0);
}

static const struct gc_options sweeps[] = {
	{ .max_size = LIMIT },
	{ .max_size = LIMIT, .max_age = 30 * 1000000 },
	{ .max_size = LIMIT, .dry_run = true },
	{ .max_size = LIMIT / 2, .automatic = true },
	{ .max_size = 1 },
};

static void
sweeper(unsigned seed)
{
	struct store s;
	struct digest_cache m;

	srandom(seed);
	open_store(&s, &m);
	while (time(NULL) < end) {
		const struct gc_options *o = &sweeps[random() % 5];
		struct gc_report rep = { 0 };

		if (gc_run(&s, &m, o, &rep) < 0)
			continue;
		add(&sum->sweeps, 1);
		if (o->dry_run) {
			add(&sum->dry_victims, rep.victims);
			continue;
		}
		add(&sum->removed, rep.orphans);
		add(&sum->by_age, rep.by_age);
		add(&sum->by_size, rep.by_size + rep.unreachable);
	}
	digest_cache_close(&m);
	store_close(&s);
	_exit(0);
}

static void
say_problem(void *ctx, const char *name, const char *what)
{
	(void)ctx;
	printf("%s: %s\n", name, what);
}

/* Problems of the store, and then whether a sweep leaves too much. */
static unsigned long
judge(void)
{
	struct verify_options v = { .problem = say_problem };
	struct gc_options o = { .max_size = LIMIT };
	struct verify_report r = { 0 };
	struct gc_report g = { 0 };
	unsigned long bad;
	struct store s;
	struct digest_cache m;

	open_store(&s, &m);
	bad = verify_run(&s, &v, &r) < 0 ? 1 : r.left;
	if (gc_run(&s, &m, &o, &g) < 0 || g.bytes_after > LIMIT) {
		printf("%llu bytes are left\n",
		       (unsigned long long)g.bytes_after);
		bad++;
	}
	/* A second one finds what the first has left. */
	if (gc_run(&s, &m, &o, &g) < 0 || g.orphans || g.victims) {
		printf("a second sweep finds more\n");
		bad++;
	}
	digest_cache_close(&m);
	store_close(&s);
	return bad;
}

int
main(int argc, char **argv)
{
	unsigned seed = argc > 3 ? (unsigned)atoi(argv[3]) : 1;
	unsigned long bad;

	if (argc < 3)
		return 2;
	snprintf(root, sizeof(root), "%s", argv[1]);
	end = time(NULL) + atoi(argv[2]);
	sum = mmap(NULL, sizeof(*sum), PROT_READ | PROT_WRITE,
		   MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	for (unsigned i = 0; i < STORERS; i++)
		if (fork() == 0)
			storer(i, seed);
	if (fork() == 0)
		pinner();
	if (fork() == 0)
		sweeper(seed);
	while (wait(NULL) > 0 || errno == EINTR)
		continue;
	bad = judge();
	printf("stored %lu, restored %lu, clean misses %lu, sweeps %lu, "
	       "blobs removed %lu, entries by age %lu, by size %lu, in dry "
	       "runs %lu, pinned %lu, of those lost %lu, wrong %lu, "
	       "problems %lu\n",
	       sum->stored, sum->restored, sum->missed, sum->sweeps,
	       sum->removed, sum->by_age, sum->by_size, sum->dry_victims,
	       sum->pins, sum->pins_lost, sum->wrong, bad);
	return sum->wrong || sum->pins_lost || bad || !sum->removed ||
	       !sum->restored || !sum->by_age || !sum->by_size || !sum->pins;
}
