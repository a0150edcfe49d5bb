/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "observe/emit.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "observe/proc_links.h"
#include "observe/caller_scan.h"
#include "observe/rawsys.h"
#include "observe/recorder.h"

/* The first slots take what a small process has, on few pages. */
#define FIRST_SLOTS 2048u
#define SEEN_SLOTS 32768u
#define SEEN_PROBES 8u
#define DIRECTORY_MAX 4096

/* Touched page by page; a full neighbourhood only means a record too many. */
static uint64_t seen[SEEN_SLOTS];

struct record {
	struct obs_head head;
	struct iovec pieces[8];
	int n;
	size_t size;
};

enum look { LOOK_FULL, LOOK_KNOWN, LOOK_NEW };

/* Looks for a hash in `slots` slots and enters it if there is room nearby. */
static enum look
look_among(uint64_t *slots, uint32_t nslots, uint64_t hash)
{
	uint32_t i = (uint32_t)(hash >> 32), probe;
	uint64_t there, *slot;

	for (probe = 0; probe < SEEN_PROBES; probe++, i++) {
		slot = &slots[i % nslots];
		there = __atomic_load_n(slot, __ATOMIC_RELAXED);
		if (there == 0 && __atomic_compare_exchange_n(
					  slot, &there, hash, 0,
					  __ATOMIC_RELAXED, __ATOMIC_RELAXED))
			return LOOK_NEW;
		if (there == hash)
			return LOOK_KNOWN;
	}
	return LOOK_FULL;
}

int
emit_is_new(uint64_t hash)
{
	enum look l;

	if (hash == 0)
		hash = 1;
	l = look_among(seen, FIRST_SLOTS, hash);
	if (l == LOOK_FULL)
		l = look_among(seen + FIRST_SLOTS, SEEN_SLOTS - FIRST_SLOTS,
			       hash);
	return l != LOOK_KNOWN;
}

static uint64_t
mix(uint64_t h, const void *data, size_t n)
{
	const unsigned char *p = data;

	for (; n > 0; n--)
		h = (h ^ *p++) * 0x100000001b3u;
	return h;
}

static uint64_t
finish(uint64_t h)
{
	h ^= h >> 33;
	h *= 0xff51afd7ed558ccdu;
	h ^= h >> 33;
	h *= 0xc4ceb9fe1a85ec53u;
	return h ^ h >> 33;
}

static uint64_t
head_hash(const struct obs_head *h)
{
	uint64_t key =
		(uint64_t)h->type << 48 | (uint64_t)h->flags << 32 | h->aux;

	return mix(0xcbf29ce484222325u, &key, sizeof(key));
}

/*
 * The name of a directory into buf.  Its length, or 0 if it has none any
 * more.
 */
static size_t
directory_name(int dirfd, char buf[DIRECTORY_MAX])
{
	char link[32] = "/proc/self/fd/", digits[12];
	size_t n = sizeof "/proc/self/fd/" - 1, i = 0;
	long len;

	if (dirfd == AT_FDCWD) {
		len = rawsys2(SYS_getcwd, (long)buf, DIRECTORY_MAX);
		return len > 1 && buf[0] == '/' ? (size_t)len - 1 : 0;
	}
	if (dirfd < 0)
		return 0;
	do {
		digits[i++] = (char)('0' + dirfd % 10);
		dirfd /= 10;
	} while (dirfd > 0);
	while (i > 0)
		link[n++] = digits[--i];
	link[n] = '\0';
	len = rawsys4(SYS_readlinkat, AT_FDCWD, (long)link, (long)buf,
		      DIRECTORY_MAX);
	if (len <= 0 || len >= DIRECTORY_MAX || buf[0] != '/')
		return 0;
	return (size_t)len;
}

static void
add_piece(struct record *r, const void *data, size_t n)
{
	r->pieces[r->n].iov_base = (void *)data;
	r->pieces[r->n].iov_len = n;
	r->n++;
	r->size += n;
}

static int
is_relative(const struct emit_name *n)
{
	return n->dirfd != EMIT_PLAIN && (!n->name || n->name[0] != '/');
}

static int
is_proc(const char *directory)
{
	return rawsys_starts(directory, "/proc/");
}

/* 0 if the name cannot be made absolute. */
static int
add_name(struct record *r, const struct emit_name *n, char *directory)
{
	size_t len;

	if (is_relative(n)) {
		len = directory_name(n->dirfd, directory);
		/* Below /proc names mean something else in each process. */
		if (len == 0 ||
		    (n->name && n->name[0] != '\0' && is_proc(directory)))
			return 0;
		add_piece(r, directory, len);
		if (n->name && n->name[0] != '\0')
			add_piece(r, "/", directory[len - 1] != '/');
		else
			add_piece(r, "", 1);
	}
	if (n->name && (n->name[0] != '\0' || !is_relative(n)))
		add_piece(r, n->name, rawsys_strlen(n->name) + 1);
	return 1;
}

/* Of what it matters who asked. */
static int
is_attributed(unsigned type)
{
	return type == OBS_READ || type == OBS_PRESENT || type == OBS_LIST ||
	       type == OBS_CLOCK || type == OBS_HOST || type == OBS_ASK ||
	       type == OBS_SETS;
}

static void
begin_record(struct record *r, const struct emit *e)
{
	r->head = (struct obs_head){ .type = e->type,
				     .flags = e->flags,
				     .aux = e->aux,
				     .value = e->value };
	r->n = 0;
	r->size = 0;
	add_piece(r, &r->head, sizeof(r->head));
	if (is_attributed(e->type) && caller_scan_calls())
		r->head.flags |= OBS_BY_GUEST;
	if (e->st) {
		r->head.flags |= OBS_HAS_STAT;
		add_piece(r, e->st, sizeof(*e->st));
	}
}

/* `from`: the first piece that is a name. */
static uint64_t
record_hash(const struct record *r, const struct emit *e)
{
	uint64_t h = head_hash(&r->head);
	int i = e->st && e->type != OBS_READ ? 2 : 1;

	for (; i < r->n; i++)
		h = mix(h, r->pieces[i].iov_base, r->pieces[i].iov_len);
	return finish(h);
}

static void
finish_record(struct record *r, const struct emit *e, int always)
{
	if (!always && !emit_is_new(record_hash(r, e)))
		return;
	if (r->size > OBS_SIZE_MAX) {
		recorder_lost();
		return;
	}
	r->head.size = (uint32_t)r->size;
	r->head.pid = (uint32_t)rawsys2(SYS_getpid, 0, 0);
	recorder_append(r->pieces, r->n, r->size);
}

/* Apart, for its large frame: callers may run on small stacks. */
__attribute__((noinline)) static void
emit_relative(const struct emit *e, int always)
{
	char directory[DIRECTORY_MAX];
	struct record r;
	unsigned i;

	begin_record(&r, e);
	for (i = 0; i < e->n; i++)
		if (!add_name(&r, &e->names[i], directory)) {
			recorder_lost();
			return;
		}
	finish_record(&r, e, always);
}

__attribute__((noinline)) static void
emit_two_relative(const struct emit *e, int always)
{
	char directory[2][DIRECTORY_MAX];
	struct record r;

	begin_record(&r, e);
	if (!add_name(&r, &e->names[0], directory[0]) ||
	    !add_name(&r, &e->names[1], directory[1])) {
		recorder_lost();
		return;
	}
	finish_record(&r, e, always);
}

static int
may_detour(const struct emit_name *n)
{
	const char *s = n->name;

	if (n->dirfd == EMIT_PLAIN || !s || s[0] != '/')
		return 0;
	while (s[1] == '/' || (s[1] == '.' && s[2] == '/'))
		s++;
	return rawsys_starts(s, "/proc/") || rawsys_starts(s, "/dev/");
}

static void emit_named(const struct emit *e, int always);

/* Under the names that the links of /proc stand for. */
__attribute__((noinline)) static void
emit_detoured(const struct emit *e, int always)
{
	char names[2][PROC_LINKS_MAX];
	struct emit real = *e;
	unsigned i;

	for (i = 0; i < e->n; i++)
		if (may_detour(&e->names[i]) &&
		    proc_links_resolve(e->names[i].name, names[i])) {
			if (rawsys_starts(e->names[i].name, "/proc/self/cwd"))
				real.flags |= OBS_BY_CWD;
			real.names[i].name = names[i];
		}
	emit_named(&real, always);
}

static void
emit(const struct emit *e, int always)
{
	unsigned i;

	for (i = 0; i < e->n; i++)
		if (may_detour(&e->names[i])) {
			emit_detoured(e, always);
			return;
		}
	emit_named(e, always);
}

static void
emit_named(const struct emit *e, int always)
{
	unsigned i, relative = 0;
	struct record r;

	for (i = 0; i < e->n; i++)
		relative += (unsigned)is_relative(&e->names[i]);
	if (relative == 1) {
		emit_relative(e, always);
		return;
	}
	if (relative > 1) {
		emit_two_relative(e, always);
		return;
	}
	begin_record(&r, e);
	for (i = 0; i < e->n; i++)
		add_name(&r, &e->names[i], NULL);
	finish_record(&r, e, always);
}

void
emit_once(const struct emit *e)
{
	if (recorder_on())
		emit(e, 0);
}

void
emit_always(const struct emit *e)
{
	if (recorder_on())
		emit(e, 1);
}

void
emit_path(unsigned type, uint32_t aux, int dirfd, const char *name)
{
	struct emit e = { .type = (uint16_t)type, .aux = aux, .n = 1 };

	e.names[0].dirfd = dirfd;
	e.names[0].name = name;
	emit_once(&e);
}

void
emit_pair(unsigned type, const struct emit_name *from,
	  const struct emit_name *to)
{
	struct emit e = { .type = (uint16_t)type, .n = 2 };

	e.names[0] = *from;
	e.names[1] = *to;
	emit_once(&e);
}

void
emit_stat(struct obs_stat *to, const struct stat *from)
{
	to->dev = from->st_dev;
	to->ino = from->st_ino;
	to->size = (uint64_t)from->st_size;
	to->mtime_ns = (int64_t)from->st_mtim.tv_sec * 1000000000 +
		       from->st_mtim.tv_nsec;
	to->ctime_ns = (int64_t)from->st_ctim.tv_sec * 1000000000 +
		       from->st_ctim.tv_nsec;
	to->mode = from->st_mode;
	to->zero = 0;
}

uint64_t
emit_object_hash(const char *name)
{
	struct obs_head h = { .type = OBS_OBJECT };

	return finish(mix(head_hash(&h), name, rawsys_strlen(name) + 1));
}
