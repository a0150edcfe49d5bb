/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "store/gc_rest.h"

#include "base/digest.h"
#include "base/dir.h"
#include "base/file.h"
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

enum { MARKER_HEX = 32 };

struct kind {
	const char *dir;
	int64_t age;
	bool by_reading; /* last use is when it was read */
	bool tree;       /* directories go, too */
	bool (*ours)(int dir, const char *name);
};

/* As store_tmp makes them, and rustc/toolchain: "<pid>.<ns>.id". */
static bool
temporary(int dir, const char *name)
{
	size_t pid = strspn(name, "0123456789"), time;

	(void)dir;
	if (store_is_tmp(name))
		return true;
	if (!pid || name[pid] != '.')
		return false;
	time = strspn(name + pid + 1, "0123456789");
	return time && !strcmp(name + pid + 1 + time, ".id");
}

/* The first N bytes of the file, false if there are not as many. */
static bool
read_start(int dir, const char *name, unsigned char *p, size_t n)
{
	int fd = file_open_unseen(dir, name);
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
is_widow(int dir, const char *name)
{
	char base[DIGEST_HEX + 1];
	struct digest d;

	if (strlen(name) != DIGEST_HEX + 4 || strcmp(name + DIGEST_HEX, ".all"))
		return false;
	snprintf(base, sizeof(base), "%.*s", DIGEST_HEX, name);
	return digest_parse(name, DIGEST_HEX, &d) == 0 &&
	       faccessat(dir, base, F_OK, AT_SYMLINK_NOFOLLOW) < 0;
}

/* A record (base/record) of this version, or of none. */
static bool
known_record(int dir, const char *name)
{
	static const unsigned char one[4] = { 1, 0, 0, 0 };
	unsigned char head[8];
	struct digest d;

	if (digest_parse(name, strlen(name), &d) < 0 && !is_widow(dir, name))
		return false;
	return !read_start(dir, name, head, sizeof(head)) ||
	       memcmp(head, "kch", 3) != 0 || memcmp(head + 4, one, 4) == 0;
}

static bool
known_marker(int dir, const char *name)
{
	unsigned char head[3];

	if (strlen(name) != MARKER_HEX ||
	    strspn(name, "0123456789abcdef") != MARKER_HEX)
		return false;
	return !read_start(dir, name, head, sizeof(head)) ||
	       memcmp(head, "v1 ", 3) == 0;
}

static int64_t
last_use(const struct kind *k, const struct stat *st)
{
	int64_t m = file_ns(&st->st_mtim), a = file_ns(&st->st_atim);

	return k->by_reading && a > m ? a : m;
}

static bool
remove_tree(int dir, const char *name, const struct gc_rest *r)
{
	int fd = tree_enter(dir, name), e;
	uint64_t bytes = 0;

	if (fd < 0)
		return false;
	e = tree_remove(dir, name, fd, r->steps, &bytes);
	close(fd);
	return e == 0;
}

static bool
remove_one(int dir, const struct kind *k, const char *name,
	   const struct stat *st, const struct gc_rest *r)
{
	if (S_ISDIR(st->st_mode) && !k->tree)
		return false;
	if (r->dry_run)
		return true;
	if (S_ISDIR(st->st_mode))
		return remove_tree(dir, name, r);
	return unlinkat(dir, name, 0) == 0;
}

static int
sweep_names(int dir, const struct kind *k, const struct dir_names *names,
	    struct gc_rest *r, uint64_t *count)
{
	if (r->steps)
		gc_steps_expect(r->steps, names->count);
	for (size_t i = 0; i < names->count; i++) {
		const char *name = names->name[i];
		struct stat st;

		if (r->steps && !gc_step(r->steps))
			return -ECANCELED;
		if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
		    last_use(k, &st) < r->now - k->age && k->ours(dir, name) &&
		    remove_one(dir, k, name, &st, r))
			++*count;
	}
	return 0;
}

/* By the directory that was listed, which is none behind a link. */
static int
sweep_directory(struct store *s, const struct kind *k, struct gc_rest *r,
		uint64_t *count)
{
	int dir = openat(s->dir, k->dir,
			 O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	struct dir_names names;
	int e = 0;

	if (dir < 0)
		return 0;
	if (dir_list(dir, ".", 0, &names) == 0) {
		e = sweep_names(dir, k, &names, r, count);
		dir_names_free(&names);
	}
	close(dir);
	return e;
}

int
gc_rest(struct store *s, struct gc_rest *r)
{
	static const struct kind temps = { "tmp", DAY_NS, false, true,
					   temporary };
	static const struct kind letters = { "spool/dead", 30 * DAY_NS, false,
					     false, known_record };
	static const struct kind sessions = { "sessions", DAY_NS, false, false,
					      known_marker };
	static const struct kind ids = { "ids", 90 * DAY_NS, true, false,
					 known_record };
	static const struct kind reruns = { "reruns", 7 * DAY_NS, false, false,
					    known_record };
	int e = sweep_directory(s, &temps, r, &r->temps);

	e = e ? e : sweep_directory(s, &letters, r, &r->letters);
	e = e ? e : sweep_directory(s, &sessions, r, &r->sessions);
	e = e ? e : sweep_directory(s, &reruns, r, &r->ids);
	return e ? e : sweep_directory(s, &ids, r, &r->ids);
}
