/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
/*
 * Storers, restorers and a sweeper on one store: after all of it no entry
 * that is there may have lost a blob, and no restore may have brought wrong
 * bytes.  usage: torture DIR SECONDS SEED
 */
#include "base/digest.h"
#include "base/err.h"
#include "base/file.h"
#include "key/memo.h"
#include "store/blob.h"
#include "store/entry.h"
#include "store/gc.h"
#include "store/gc_scan.h"
#include "store/publish.h"
#include "store/restore.h"
#include "store/store.h"

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

enum { STORERS = 4, KEYS = 400, CONTENTS = 150, OUTPUTS = 3 };

struct shared {
	unsigned long stored, restored, missed, sweeps, removed, wrong;
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
open_store(struct store *s, struct memo *m)
{
	char path[4200];

	snprintf(path, sizeof(path), "%s/store", root);
	if (store_open(s, path) < 0)
		abort();
	memo_open(m, s->dir);
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

static void
store_one(struct store *s, struct memo *m, const char *dir, unsigned k)
{
	char path[OUTPUTS][4400];
	const char *paths[OUTPUTS];
	struct entry e = { .nout = OUTPUTS };
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
	if (publish_entry(s, m, &key, &e, paths) == 0)
		add(&sum->stored, 1);
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

static void
restore_one(struct store *s, struct memo *m, const char *dir, unsigned k)
{
	struct entry e = { 0 };
	struct restore r = { .store = s, .memo = m, .entry = &e, .dir = dir };
	struct digest key;

	key_of(k, &key);
	if (entry_load(s, &key, &e) < 0)
		return;
	if (restore_outputs(&r) == 0) {
		check_restored(dir, k);
		add(&sum->restored, 1);
	} else {
		add(&sum->missed, 1);
	}
	entry_release(&e);
}

static void
storer(unsigned id, unsigned seed)
{
	struct store s;
	struct memo m;
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
	memo_close(&m);
	store_close(&s);
	_exit(0);
}

static void
sweeper(void)
{
	struct gc_options o = { .max_size = 256 << 10 };
	struct gc_report rep;
	struct store s;
	struct memo m;

	open_store(&s, &m);
	while (time(NULL) < end)
		if (gc_run(&s, &m, &o, &rep) == 0) {
			add(&sum->sweeps, 1);
			add(&sum->removed, rep.orphans);
		}
	memo_close(&m);
	store_close(&s);
	_exit(0);
}

static unsigned long
count_lost(void)
{
	struct gc_names names = { 0 };
	unsigned long lost = 0;
	struct store s;
	struct memo m;

	open_store(&s, &m);
	gc_scan_tree(&s, "entries", &names);
	for (size_t i = 0; i < names.count; i++) {
		struct entry e = { 0 };
		struct digest d;
		struct file_id id;

		if (digest_parse(names.name[i], strlen(names.name[i]), &d) ||
		    entry_load(&s, &d, &e) < 0)
			continue;
		for (size_t k = 0; k < e.nout; k++)
			if (blob_check(&s, &m, &e.out[k].blob, &id) < 0)
				lost++;
		entry_release(&e);
	}
	gc_names_free(&names);
	memo_close(&m);
	store_close(&s);
	return lost;
}

int
main(int argc, char **argv)
{
	unsigned seed = argc > 3 ? (unsigned)atoi(argv[3]) : 1;
	unsigned long lost;

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
		sweeper();
	while (wait(NULL) > 0 || errno == EINTR)
		continue;
	lost = count_lost();
	printf("stored %lu, restored %lu, clean misses %lu, sweeps %lu, "
	       "blobs removed %lu, wrong %lu, lost %lu\n",
	       sum->stored, sum->restored, sum->missed, sum->sweeps,
	       sum->removed, sum->wrong, lost);
	return sum->wrong || lost || !sum->removed || !sum->restored;
}
