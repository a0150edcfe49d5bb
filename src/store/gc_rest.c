/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "store/gc_rest.h"

#include "base/digest.h"
#include "store/gc_scan.h"
#include "store/gc_steps.h"
#include "store/store.h"
#include "store/tree.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define DAY_NS ((int64_t)86400 * 1000000000)

enum { MARKER_HEX = 32, NAME_ROOM = 300 };

struct kind {
	const char *dir;
	int64_t age;
	bool by_reading; /* last use is when it was read */
	bool tree;       /* directories go, too */
	bool (*ours)(struct store *s, const char *name, const char *path);
};

static bool
any_name(struct store *s, const char *name, const char *path)
{
	(void)s;
	(void)name;
	(void)path;
	return true;
}

/* The first N bytes of the file, 0 if there are not as many. */
static bool
read_start(struct store *s, const char *path, unsigned char *p, size_t n)
{
	int fd = openat(s->dir, path,
			O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	bool all;

	if (fd < 0)
		return false;
	all = pread(fd, p, n, 0) == (ssize_t)n;
	close(fd);
	return all;
}

/* "<digest>.all" is a part of the record "<digest>", and read without it
 * only by checks: it goes when the other is gone. */
static bool
is_widow(struct store *s, const char *name, const char *path)
{
	char base[NAME_ROOM];
	struct digest d;

	if (strlen(name) != DIGEST_HEX + 4 || strcmp(name + DIGEST_HEX, ".all"))
		return false;
	snprintf(base, sizeof(base), "%.*s", (int)strlen(path) - 4, path);
	return digest_parse(name, DIGEST_HEX, &d) == 0 &&
	       faccessat(s->dir, base, F_OK, AT_SYMLINK_NOFOLLOW) < 0;
}

/* A record (base/record) of this version, or of none. */
static bool
known_record(struct store *s, const char *name, const char *path)
{
	static const unsigned char one[4] = { 1, 0, 0, 0 };
	unsigned char head[8];
	struct digest d;

	if (digest_parse(name, strlen(name), &d) < 0 &&
	    !is_widow(s, name, path))
		return false;
	return !read_start(s, path, head, sizeof(head)) ||
	       memcmp(head, "kch", 3) != 0 || memcmp(head + 4, one, 4) == 0;
}

static bool
known_marker(struct store *s, const char *name, const char *path)
{
	unsigned char head[3];

	if (strlen(name) != MARKER_HEX ||
	    strspn(name, "0123456789abcdef") != MARKER_HEX)
		return false;
	return !read_start(s, path, head, sizeof(head)) ||
	       memcmp(head, "v1 ", 3) == 0;
}

static int64_t
ns(const struct timespec *t)
{
	return (int64_t)t->tv_sec * 1000000000 + t->tv_nsec;
}

static int64_t
last_use(const struct kind *k, const struct stat *st)
{
	int64_t m = ns(&st->st_mtim), a = ns(&st->st_atim);

	return k->by_reading && a > m ? a : m;
}

static bool
remove_one(struct store *s, const struct kind *k, const char *path,
	   const struct stat *st, const struct gc_rest *r)
{
	uint64_t bytes = 0;

	if (S_ISDIR(st->st_mode) && !k->tree)
		return false;
	if (r->dry_run)
		return true;
	if (S_ISDIR(st->st_mode))
		return tree_remove(s->dir, path, r->steps, &bytes) == 0;
	return unlinkat(s->dir, path, 0) == 0;
}

static int
sweep(struct store *s, const struct kind *k, struct gc_rest *r, uint64_t *count)
{
	struct gc_names names = { 0 };
	int e = 0;

	gc_scan_flat(s, k->dir, &names);
	if (r->steps)
		gc_steps_expect(r->steps, names.count);
	for (size_t i = 0; i < names.count && e == 0; i++) {
		char path[NAME_ROOM];
		struct stat st;

		if (r->steps && !gc_step(r->steps)) {
			e = -ECANCELED;
			continue;
		}
		snprintf(path, sizeof(path), "%s/%s", k->dir, names.name[i]);
		if (fstatat(s->dir, path, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
		    last_use(k, &st) < r->now - k->age &&
		    k->ours(s, names.name[i], path) &&
		    remove_one(s, k, path, &st, r))
			++*count;
	}
	gc_names_free(&names);
	return e;
}

int
gc_rest(struct store *s, struct gc_rest *r)
{
	static const struct kind temps = { "tmp", DAY_NS, false, true,
					   any_name };
	static const struct kind letters = { "spool/dead", 30 * DAY_NS, false,
					     false, known_record };
	static const struct kind sessions = { "sessions", DAY_NS, false, false,
					      known_marker };
	static const struct kind ids = { "ids", 90 * DAY_NS, true, false,
					 known_record };
	int e = sweep(s, &temps, r, &r->temps);

	e = e ? e : sweep(s, &letters, r, &r->letters);
	e = e ? e : sweep(s, &sessions, r, &r->sessions);
	return e ? e : sweep(s, &ids, r, &r->ids);
}
