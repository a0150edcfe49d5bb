/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "store/gc_scan.h"

#include "base/buf.h"
#include "base/err.h"
#include "base/file.h"
#include "store/entry.h"
#include "store/store.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int
names_add(struct gc_names *n, const char *name)
{
	char **more;

	if (n->count % 256 == 0) {
		more = realloc(n->name, (n->count + 256) * sizeof(*more));
		if (!more)
			return -ENOMEM;
		n->name = more;
	}
	n->name[n->count] = strdup(name);
	if (!n->name[n->count])
		return -ENOMEM;
	n->count++;
	return 0;
}

void
gc_names_free(struct gc_names *n)
{
	for (size_t i = 0; i < n->count; i++)
		free(n->name[i]);
	free(n->name);
	*n = (struct gc_names){ 0 };
}

int
gc_scan_flat(struct store *s, const char *dir, struct gc_names *out)
{
	int fd = openat(s->dir, dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *e;
	int r = 0;

	if (!d)
		return errno == ENOENT ? 0 : -errno;
	for (e = readdir(d); e && r == 0; e = readdir(d))
		if (e->d_name[0] != '.')
			r = names_add(out, e->d_name);
	closedir(d);
	return r;
}

int
gc_scan_tree(struct store *s, const char *dir, struct gc_names *out)
{
	struct gc_names dirs = { 0 };
	int r = gc_scan_flat(s, dir, &dirs);

	for (size_t i = 0; i < dirs.count && r == 0; i++) {
		char sub[STORE_NAME];

		if (strlen(dirs.name[i]) != 2)
			continue;
		snprintf(sub, sizeof(sub), "%s/%s", dir, dirs.name[i]);
		r = gc_scan_flat(s, sub, out);
	}
	gc_names_free(&dirs);
	return r;
}

static int
by_digest(const void *a, const void *b)
{
	return memcmp(((const struct gc_blob *)a)->digest.b,
		      ((const struct gc_blob *)b)->digest.b, DIGEST_LEN);
}

static uint64_t
blocks(const struct stat *st)
{
	return (uint64_t)st->st_blocks * 512;
}

static int
list_blobs(struct store *s, struct gc_scan *scan)
{
	struct gc_names names = { 0 };
	int r = gc_scan_tree(s, "blobs", &names);

	scan->blob = calloc(names.count + 1, sizeof(*scan->blob));
	scan->blob_size = calloc(names.count + 1, sizeof(uint64_t));
	if (!scan->blob || !scan->blob_size)
		r = -ENOMEM;
	for (size_t i = 0; i < names.count && r == 0; i++) {
		struct gc_blob *b = &scan->blob[scan->nblobs];
		char name[STORE_NAME];
		struct stat st;

		if (digest_parse(names.name[i], strlen(names.name[i]),
				 &b->digest) < 0)
			continue;
		store_name("blobs", &b->digest, name);
		if (fstatat(s->dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
			continue;
		b->size = blocks(&st);
		scan->bytes += b->size;
		scan->nblobs++;
	}
	gc_names_free(&names);
	if (r == 0)
		qsort(scan->blob, scan->nblobs, sizeof(*scan->blob), by_digest);
	for (size_t i = 0; i < scan->nblobs && r == 0; i++)
		scan->blob_size[i] = scan->blob[i].size;
	return r;
}

static struct gc_blob *
find_blob(const struct gc_scan *scan, const struct digest *d)
{
	struct gc_blob key = { .digest = *d };

	return bsearch(&key, scan->blob, scan->nblobs, sizeof(key), by_digest);
}

static void
stamp(const char *name, const struct stat *st, char out[160])
{
	snprintf(out, 160, "%s %llu %lld.%ld", name,
		 (unsigned long long)st->st_ino, (long long)st->st_ctim.tv_sec,
		 st->st_ctim.tv_nsec);
}

static int
add_blobs(struct gc_scan *scan, struct gc_entry *ge, const struct entry *e)
{
	if (scan->npool + ENTRY_OUTPUTS_MAX > scan->pool_cap) {
		size_t cap = scan->pool_cap * 2 + 4096;
		void *more = realloc(scan->pool, cap * sizeof(uint32_t));

		if (!more)
			return -ENOMEM;
		scan->pool = more;
		scan->pool_cap = cap;
	}
	ge->first = scan->npool;
	for (size_t i = 0; i < e->nout; i++) {
		struct gc_blob *b = find_blob(scan, &e->out[i].blob);

		if (e->out[i].role == ENTRY_DEPINFO || !b)
			continue;
		if (b->live)
			scan->shared += b->size;
		b->live = true;
		scan->pool[scan->npool++] = (uint32_t)(b - scan->blob);
		ge->nblobs++;
	}
	return 0;
}

static int
add_entry(struct store *s, struct gc_scan *scan, const char *hex)
{
	struct gc_entry *ge = &scan->entry[scan->nentries];
	char name[STORE_NAME], text[160], unit[DIGEST_HEX + 1];
	struct entry e = { 0 };
	struct stat st;
	int r;

	if (digest_parse(hex, strlen(hex), &ge->key) < 0)
		return 0;
	store_name("entries", &ge->key, name);
	if (fstatat(s->dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return 0;
	r = entry_load(s, &ge->key, &e);
	if (r < 0)
		return r == -ENOMEM ? r : 0;
	ge->used = (int64_t)st.st_mtim.tv_sec * 1000000000 + st.st_mtim.tv_nsec;
	ge->size = blocks(&st);
	ge->nblobs = 0;
	scan->bytes += ge->size;
	r = add_blobs(scan, ge, &e);
	digest_hex(&e.k0, unit);
	strset_add(&scan->units, unit, NULL);
	stamp(hex, &st, text);
	strset_add(&scan->stamps, text, NULL);
	scan->nentries++;
	entry_release(&e);
	return r;
}

static int
read_entries(struct store *s, struct gc_scan *scan)
{
	struct gc_names names = { 0 };
	int r = gc_scan_tree(s, "entries", &names);

	scan->entry = calloc(names.count + 1, sizeof(*scan->entry));
	if (!scan->entry)
		r = -ENOMEM;
	for (size_t i = 0; i < names.count && r == 0; i++)
		r = add_entry(s, scan, names.name[i]);
	gc_names_free(&names);
	return r;
}

static void
add_manifests(struct store *s, struct gc_scan *scan)
{
	struct gc_names names = { 0 };

	gc_scan_tree(s, "manifests", &names);
	for (size_t i = 0; i < names.count; i++) {
		char name[STORE_NAME];
		struct stat st;
		struct digest d;

		if (digest_parse(names.name[i], strlen(names.name[i]), &d) < 0)
			continue;
		store_name("manifests", &d, name);
		if (fstatat(s->dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0)
			scan->bytes += blocks(&st);
	}
	gc_names_free(&names);
}

int
gc_scan_read(struct store *s, struct gc_scan *scan)
{
	/* Blobs first: one that is stored behind our back is not in the list
	 * and so is never touched. */
	int r = list_blobs(s, scan);

	if (r == 0)
		r = read_entries(s, scan);
	if (r == 0)
		add_manifests(s, scan);
	if (r == 0 && (scan->units.failed || scan->stamps.failed))
		r = -ENOMEM;
	return r;
}

void
gc_scan_mark(struct gc_scan *scan)
{
	for (size_t i = 0; i < scan->nblobs; i++)
		scan->blob[i].live = false;
	for (size_t i = 0; i < scan->nentries; i++) {
		const struct gc_entry *e = &scan->entry[i];

		for (uint32_t k = 0; !e->victim && k < e->nblobs; k++)
			scan->blob[scan->pool[e->first + k]].live = true;
	}
}

void
gc_scan_changed(struct store *s, struct gc_scan *scan,
		void (*use)(void *ctx, const struct entry *e), void *ctx)
{
	struct gc_names names = { 0 };

	gc_scan_tree(s, "entries", &names);
	for (size_t i = 0; i < names.count; i++) {
		char name[STORE_NAME], text[160], unit[DIGEST_HEX + 1];
		struct entry e = { 0 };
		struct digest d;
		struct stat st;

		if (digest_parse(names.name[i], strlen(names.name[i]), &d) < 0)
			continue;
		store_name("entries", &d, name);
		if (fstatat(s->dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
			continue;
		stamp(names.name[i], &st, text);
		if (strset_has(&scan->stamps, text) ||
		    entry_load(s, &d, &e) < 0)
			continue;
		use(ctx, &e);
		digest_hex(&e.k0, unit);
		strset_add(&scan->units, unit, NULL);
		entry_release(&e);
	}
	gc_names_free(&names);
}

bool
gc_scan_has_unit(const struct gc_scan *scan, const struct digest *k0)
{
	char hex[DIGEST_HEX + 1];

	digest_hex(k0, hex);
	return strset_has(&scan->units, hex);
}

void
gc_scan_free(struct gc_scan *scan)
{
	free(scan->entry);
	free(scan->blob);
	free(scan->blob_size);
	free(scan->pool);
	strset_free(&scan->units);
	strset_free(&scan->stamps);
	memset(scan, 0, sizeof(*scan));
}
