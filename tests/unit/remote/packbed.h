/* SPDX-License-Identifier: Apache-2.0 */
#ifndef UNIT_PACKBED_H
#define UNIT_PACKBED_H

/* Two machines with a store each, and units to send from one to the other;
 * for the tests of packs.  Needs _GNU_SOURCE. */
#include "base/buf.h"
#include "base/err.h"
#include "base/file.h"
#include "key/digest_cache.h"
#include "key/inputs.h"
#include "remote/pack.h"
#include "remote/pack_internal.h"
#include "store/blob.h"
#include "store/entry.h"
#include "store/unit_manifest.h"
#include "store/store.h"
#include "tests/unit/testdir.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dirent.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

/* Two machines. */
struct machine {
	struct store s;
	struct digest_cache m;
};

static struct machine here, there;

/* A unit with metadata, an archive that holds it, and dep-info. */
struct unit {
	struct entry e;
	struct inputs inputs;
	struct digest k1;
	struct digest tag;
	struct digest at;
};

static inline void
output(struct unit *u, const char *name, const void *p, size_t n, mode_t mode)
{
	struct entry_output *o = &u->e.out[u->e.nout++];
	struct blob_put put = { 0 };
	char path[160];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", testdir, name);
	snprintf(o->name, sizeof(o->name), "%s", name);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode);
	assert_true(fd >= 0);
	assert_int_equal(file_write_fd(fd, p, n), 0);
	close(fd);
	put.path = path;
	assert_int_equal(blob_put(&here.s, &here.m, &put, &o->blob), 0);
	o->role = strstr(name, ".rmeta") ? ENTRY_METADATA
		  : strstr(name, ".dwp") ? ENTRY_SIDE
					 : ENTRY_LINK;
	o->exec = put.exec;
	o->size = put.size;
	unlink(path);
}

/* As rustc writes it: the metadata in an object file in the archive. */
static inline void
archive(const char *meta, size_t n, struct buf *out)
{
	buf_str(out, "!<arch>\n");
	buf_fmt(out, "%-16s%-12d%-6d%-6d%-8d%-10d`\n", "/", 0, 0, 0, 0, 5);
	buf_str(out, "12345\n");
	buf_fmt(out, "%-16s%-12d%-6d%-6d%-8d%-10zu`\n", "lib.rmeta/", 0, 0, 0,
		644, n + 72);
	for (int i = 0; i < 64; i++)
		buf_char(out, (char)(i ^ 0x55));
	buf_add(out, meta, n);
	buf_str(out, "trailer.");
	buf_fmt(out, "%-16s%-12d%-6d%-6d%-8d%-10d`\n", "x.o/", 0, 0, 0, 644, 6);
	buf_str(out, "object");
}

static inline void
fill(char *p, size_t n, unsigned seed)
{
	for (size_t i = 0; i < n; i++) {
		seed = seed * 1103515245u + 12345u;
		p[i] = (char)(seed >> 16);
	}
}

static inline void
unit_make(struct unit *u, size_t n, bool says)
{
	struct buf rlib = { 0 };
	char *meta = malloc(n);

	memset(u, 0, sizeof(*u));
	assert_non_null(meta);
	fill(meta, n, 7);
	memcpy(meta, "rust\0\0\0\t", 8);
	archive(meta, n, &rlib);
	output(u, "libone-1.rmeta", meta, n, 0644);
	output(u, "libone-1.rlib", rlib.p, rlib.len, 0644);
	output(u, "one-1", "#!run", 5, 0755);
	output(u, "libone-1.so", "", 0, 0644);
	snprintf(u->e.out[u->e.nout].name, 64, "one-1.d");
	u->e.out[u->e.nout++].role = ENTRY_DEPINFO;
	output(u, "one-1.dwp", "debug information", 17, 0644);
	u->e.stored_ms = 1234567;
	u->e.compile_us = 99;
	u->e.kind = 2;
	digest_bytes("k0", 2, &u->e.k0);
	digest_bytes(&n, sizeof(n), &u->k1);
	buf_str(&u->e.crate, "one");
	buf_str(&u->e.depinfo, "\1w\1/src/lib.rs:\n");
	if (says) {
		buf_str(&u->e.stderr_text, "{\"warning\":1}\n");
		digest_bytes("tag", 3, &u->tag);
	}
	unit_manifest_at(&u->k1, &u->tag, &u->at);
	assert_int_equal(inputs_add(&u->inputs, 'f', "w/src/lib.rs", 12), 0);
	assert_int_equal(inputs_finish(&u->inputs), 0);
	buf_free(&rlib);
	free(meta);
}

static inline void
unit_free(struct unit *u)
{
	entry_release(&u->e);
	inputs_free(&u->inputs);
}

static inline int
pack(const struct unit *u, struct buf *out)
{
	struct pack_source src = { .store = &here.s,
				   .memo = &here.m,
				   .k1 = u->k1,
				   .tag = u->tag,
				   .at = &u->at,
				   .entry = &u->e,
				   .inputs = &u->inputs };
	int fd = open(testdir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600), r;
	struct digest sha, have;
	uint64_t size;

	assert_true(fd >= 0);
	r = pack_write(&src, fd, &size, &sha);
	if (r == 0) {
		assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
		assert_int_equal(file_read_fd(fd, PACK_MAX, out), 0);
		assert_int_equal(out->len, size);
		digest_bytes(out->p, out->len, &have);
		assert_true(digest_eq(&have, &sha));
	}
	close(fd);
	return r;
}

static inline int
unpack(struct machine *to, const struct digest *at, const char *p, size_t n,
       size_t piece)
{
	struct pack_info info;
	struct unpack *u;
	int r;

	assert_int_equal(unpack_open(&to->s, &to->m, at, 1, &u), 0);
	for (r = 0; r == 0 && n > 0;) {
		size_t k = n < piece ? n : piece;
		/* Its own memory: what reads behind it is seen. */
		char *copy = malloc(k);

		assert_non_null(copy);
		memcpy(copy, p, k);
		r = unpack_feed(u, copy, k);
		free(copy);
		p += k;
		n -= k;
	}
	if (r == 0) {
		r = unpack_end(u, &info);
	} else {
		assert_int_equal(unpack_feed(u, "x", 1), r);
		assert_int_equal(unpack_end(u, &info), r);
	}
	unpack_free(u);
	return r;
}

static inline unsigned
files_in(struct machine *m, const char *dir)
{
	int fd = openat(m->s.dir, dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	unsigned n = 0;

	if (!d)
		return 0;
	for (struct dirent *e = readdir(d); e; e = readdir(d))
		n += e->d_name[0] != '.';
	closedir(d);
	return n;
}

static inline void
forget(struct machine *m, const struct unit *u)
{
	char name[STORE_NAME];

	store_name("entries", &u->at, name);
	store_remove(&m->s, name);
	store_name("manifests", &u->e.k0, name);
	store_remove(&m->s, name);
	for (size_t i = 0; i < u->e.nout; i++) {
		store_name("blobs", &u->e.out[i].blob, name);
		store_remove(&m->s, name);
	}
}

/* What THERE holds is what U is. */
static inline void
check_equal(const struct unit *u)
{
	struct digest a, b;
	struct file_id id;
	struct entry e;

	assert_int_equal(entry_load(&there.s, &u->at, &e), 0);
	entry_content(&e, &a);
	entry_content(&u->e, &b);
	assert_true(digest_eq(&a, &b));
	assert_int_equal(e.origin, 1);
	assert_int_equal(e.stored_ms, 1234567);
	assert_int_equal(e.compile_us, 99);
	assert_int_equal(e.kind, 2);
	assert_true(digest_eq(&e.k0, &u->e.k0));
	assert_string_equal(e.crate.p, "one");
	for (size_t i = 0; i < e.nout; i++) {
		assert_int_equal(e.out[i].size, u->e.out[i].size);
		assert_int_equal(e.out[i].role, u->e.out[i].role);
		if (e.out[i].role != ENTRY_DEPINFO)
			assert_int_equal(blob_check(&there.s, &there.m,
						    &e.out[i].blob, &id),
					 0);
	}
	entry_release(&e);
}

/* A pack with a sound header of U and PARTS, and the frame Z. */
static inline void
forge(const struct unit *u, const struct pack_part *parts, const void *z,
      size_t n, struct buf *out)
{
	static const struct pack_part none[ENTRY_TRAVEL_MAX];
	struct pack_source src = {
		.k1 = u->k1, .tag = u->tag, .entry = &u->e, .inputs = &u->inputs
	};
	uint32_t word[2] = { PACK_VERSION, 0 };
	struct buf h = { 0 };
	struct digest d;

	pack_head_encode(&src, parts ? parts : none, &h);
	word[1] = (uint32_t)h.len;
	digest_bytes(h.p, h.len, &d);
	buf_reset(out);
	buf_add(out, PACK_MAGIC, 8);
	buf_add(out, word, 8);
	buf_add(out, h.p, h.len);
	buf_add(out, d.b, DIGEST_LEN);
	buf_add(out, "\0\0\0", 4);
	buf_add(out, z, n);
	buf_free(&h);
}

static inline int
open_machine(struct machine *m, const char *name)
{
	char path[128];
	int r;

	snprintf(path, sizeof(path), "%s/%s", testdir, name);
	r = store_open(&m->s, path);
	if (r == 0)
		digest_cache_open(&m->m, m->s.dir);
	return r;
}

static inline int
set_up(void **state)
{
	if (testdir_make(state) < 0 || open_machine(&here, "here") < 0)
		return -1;
	return open_machine(&there, "there");
}

static inline int
tear_down(void **state)
{
	digest_cache_close(&here.m);
	digest_cache_close(&there.m);
	store_close(&here.s);
	store_close(&there.s);
	return testdir_remove(state);
}

#endif
