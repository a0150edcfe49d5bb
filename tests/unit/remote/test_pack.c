/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "remote/pack.h"

#include "base/buf.h"
#include "base/err.h"
#include "base/file.h"
#include "key/memo.h"
#include "key/shape.h"
#include "remote/pack_internal.h"
#include "store/blob.h"
#include "store/entry.h"
#include "store/manifest.h"
#include "store/rmanifest.h"
#include "store/store.h"
#include "tests/unit/testdir.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <string.h>
#include <sys/stat.h>

#include <zstd.h>

/* Two machines. */
struct machine {
	struct store s;
	struct memo m;
};

static struct machine here, there;

/* A unit with metadata, an archive that holds it, and dep-info. */
struct unit {
	struct entry e;
	struct shape shape;
	struct digest k1;
	struct digest tag;
	struct digest at;
};

static void
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
	o->role = strstr(name, ".rmeta") ? ENTRY_METADATA : ENTRY_LINK;
	o->exec = put.exec;
	o->size = put.size;
	unlink(path);
}

/* As rustc writes it: the metadata in an object file in the archive. */
static void
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

static void
fill(char *p, size_t n, unsigned seed)
{
	for (size_t i = 0; i < n; i++) {
		seed = seed * 1103515245u + 12345u;
		p[i] = (char)(seed >> 16);
	}
}

static void
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
	rmanifest_at(&u->k1, &u->tag, &u->at);
	assert_int_equal(shape_add(&u->shape, 'f', "w/src/lib.rs", 12), 0);
	assert_int_equal(shape_finish(&u->shape), 0);
	buf_free(&rlib);
	free(meta);
}

static void
unit_free(struct unit *u)
{
	entry_release(&u->e);
	shape_free(&u->shape);
}

static int
pack(const struct unit *u, struct buf *out)
{
	struct pack_source src = { .store = &here.s,
				   .memo = &here.m,
				   .k1 = u->k1,
				   .tag = u->tag,
				   .at = &u->at,
				   .entry = &u->e,
				   .shape = &u->shape };
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

static int
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

static unsigned
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

static void
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
static void
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
		if (e.out[i].role != ENTRY_DEPINFO)
			assert_int_equal(blob_check(&there.s, &there.m,
						    &e.out[i].blob, &id),
					 0);
	}
	entry_release(&e);
}

static void
what_is_packed_is_unpacked(void **state)
{
	static const size_t pieces[] = { 1, 2, 17, 1000, 1 << 20 };
	struct manifest m;
	struct buf b = { 0 };
	struct unit u;

	(void)state;
	unit_make(&u, 5000, true);
	assert_int_equal(pack(&u, &b), 0);
	for (size_t i = 0; i < sizeof(pieces) / sizeof(pieces[0]); i++) {
		forget(&there, &u);
		assert_int_equal(unpack(&there, &u.at, b.p, b.len, pieces[i]),
				 0);
		check_equal(&u);
		assert_int_equal(files_in(&there, "tmp"), 0);
	}
	assert_int_equal(manifest_load(&there.s, &u.e.k0, &m), 0);
	assert_true(digest_eq(&m.rec[0].last_k1, &u.k1));
	assert_int_equal(m.rec[0].compile_us, 99);
	assert_string_equal(shape_item(&m.rec[0].shape, 0), "fw/src/lib.rs");
	manifest_release(&m);
	/* Once more, over what is there. */
	assert_int_equal(unpack(&there, &u.at, b.p, b.len, 4096), 0);
	check_equal(&u);
	forget(&there, &u);
	buf_free(&b);
	unit_free(&u);
}

static void
blobs_come_as_local_ones(void **state)
{
	mode_t old = umask(022);
	char name[STORE_NAME];
	struct buf b = { 0 };
	struct digest d;
	struct file_id id;
	struct stat st;
	struct unit u;

	(void)state;
	unit_make(&u, 500, false);
	assert_int_equal(pack(&u, &b), 0);
	assert_int_equal(unpack(&there, &u.at, b.p, b.len, 100), 0);
	for (size_t i = 0; i < 3; i++) {
		store_name("blobs", &u.e.out[i].blob, name);
		assert_int_equal(fstatat(there.s.dir, name, &st, 0), 0);
		assert_int_equal(st.st_mode & 07777,
				 u.e.out[i].exec ? 0755 : 0644);
		assert_int_equal(st.st_nlink, 1);
		file_id_of(&st, &id);
		assert_int_equal(memo_get_own(&there.m, &id, &d), 0);
		assert_true(digest_eq(&d, &u.e.out[i].blob));
	}
	forget(&there, &u);
	buf_free(&b);
	unit_free(&u);
	umask(old);
}

static void
metadata_is_not_stored_twice(void **state)
{
	struct buf b = { 0 };
	struct unit u;

	(void)state;
	/* The bytes do not compress. */
	unit_make(&u, 100000, false);
	assert_int_equal(pack(&u, &b), 0);
	assert_in_range(b.len, 100000, 103000);
	assert_int_equal(unpack(&there, &u.at, b.p, b.len, 3000), 0);
	check_equal(&u);
	forget(&there, &u);
	buf_free(&b);
	unit_free(&u);
}

static void
another_key_is_refused(void **state)
{
	struct buf b = { 0 };
	struct unit u;

	(void)state;
	unit_make(&u, 300, true);
	assert_int_equal(pack(&u, &b), 0);
	assert_int_equal(unpack(&there, &u.k1, b.p, b.len, b.len), ERR_CORRUPT);
	u.at.b[31] ^= 1;
	assert_int_equal(unpack(&there, &u.at, b.p, b.len, b.len), ERR_CORRUPT);
	/* One that says so itself, against its K1. */
	buf_reset(&b);
	assert_int_equal(pack(&u, &b), 0);
	assert_int_equal(unpack(&there, &u.at, b.p, b.len, b.len), ERR_CORRUPT);
	assert_int_equal(files_in(&there, "tmp"), 0);
	buf_free(&b);
	unit_free(&u);
}

static void
every_cut_is_refused(void **state)
{
	struct buf b = { 0 };
	struct unit u;

	(void)state;
	unit_make(&u, 300, true);
	assert_int_equal(pack(&u, &b), 0);
	for (size_t i = 0; i < b.len; i++)
		assert_int_equal(unpack(&there, &u.at, b.p, i, 4096),
				 ERR_CORRUPT);
	buf_char(&b, '\0');
	assert_int_equal(unpack(&there, &u.at, b.p, b.len, 4096), ERR_CORRUPT);
	assert_int_equal(unpack(&there, &u.at, b.p, b.len, 1), ERR_CORRUPT);
	assert_int_equal(files_in(&there, "tmp"), 0);
	buf_free(&b);
	unit_free(&u);
}

static void
no_flipped_bit_gives_another_result(void **state)
{
	char name[STORE_NAME];
	unsigned equal = 0;
	struct buf b = { 0 };
	struct unit u;

	(void)state;
	unit_make(&u, 300, true);
	assert_int_equal(pack(&u, &b), 0);
	for (size_t i = 0; i < b.len * 8; i++) {
		int r;

		b.p[i / 8] ^= (char)(1 << i % 8);
		r = unpack(&there, &u.at, b.p, b.len, 100);
		b.p[i / 8] ^= (char)(1 << i % 8);
		store_name("entries", &u.at, name);
		assert_int_equal(faccessat(there.s.dir, name, F_OK, 0) == 0,
				 r == 0);
		if (r < 0)
			continue;
		equal++;
		check_equal(&u);
		forget(&there, &u);
	}
	/* Unused bits of the zstd frame. */
	assert_in_range(equal, 0, 8);
	assert_int_equal(files_in(&there, "tmp"), 0);
	buf_free(&b);
	unit_free(&u);
}

/* A pack with a sound header of U and PARTS, and the frame Z. */
static void
forge(const struct unit *u, const struct pack_part *parts, const void *z,
      size_t n, struct buf *out)
{
	static const struct pack_part none[ENTRY_OUTPUTS_MAX];
	struct pack_source src = {
		.k1 = u->k1, .tag = u->tag, .entry = &u->e, .shape = &u->shape
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

/* A library of SIZE zero bytes and a frame with CONTENT zero bytes. */
static int
bomb(uint64_t size, size_t content, bool says_size)
{
	char *zeros = calloc(1, content + 1);
	size_t room = ZSTD_compressBound(content), n;
	void *z = malloc(room);
	ZSTD_CCtx *c = ZSTD_createCCtx();
	struct unit u = { 0 };
	struct buf b = { 0 };
	int r;

	assert_true(zeros && z && c);
	ZSTD_CCtx_setParameter(c, ZSTD_c_contentSizeFlag, says_size);
	n = ZSTD_compress2(c, z, room, zeros, content);
	assert_false(ZSTD_isError(n));
	buf_str(&u.e.crate, "one");
	snprintf(u.e.out[0].name, 64, "libone.rlib");
	u.e.out[0].size = size;
	u.e.out[0].role = ENTRY_LINK;
	u.e.nout = 1;
	if (size <= content)
		digest_bytes(zeros, size, &u.e.out[0].blob);
	digest_bytes("bomb", 4, &u.k1);
	u.at = u.k1;
	forge(&u, NULL, z, n, &b);
	r = unpack(&there, &u.at, b.p, b.len, 1000);
	assert_int_equal(files_in(&there, "tmp"), 0);
	if (r == 0)
		forget(&there, &u);
	ZSTD_freeCCtx(c);
	buf_free(&b);
	unit_free(&u);
	free(zeros);
	free(z);
	return r;
}

static void
bombs_do_not_go_off(void **state)
{
	(void)state;
	assert_int_equal(bomb(1 << 20, 1 << 20, true), 0);
	assert_int_equal(bomb(1 << 20, 64 << 20, true), ERR_CORRUPT);
	assert_int_equal(bomb(1 << 20, (1 << 20) + 1, true), ERR_CORRUPT);
	assert_int_equal(bomb((1 << 20) + 1, 1 << 20, true), ERR_CORRUPT);
	/* Frames that do not say. */
	assert_int_equal(bomb(1 << 20, 1 << 20, false), ERR_CORRUPT);
	assert_int_equal(bomb(100, 64 << 20, false), ERR_CORRUPT);
	assert_int_equal(bomb(PACK_MAX + 1, 100, true), ERR_TOOBIG);
	assert_int_equal(bomb(UINT64_MAX, 100, true), ERR_TOOBIG);
}

static void
windows_are_bounded(void **state)
{
	size_t content = 40 << 20, room = ZSTD_compressBound(content), n;
	char *p = calloc(1, content);
	void *z = malloc(room);
	ZSTD_CCtx *c = ZSTD_createCCtx();
	struct unit u = { 0 };
	struct buf b = { 0 };

	(void)state;
	assert_true(p && z && c);
	buf_str(&u.e.crate, "one");
	snprintf(u.e.out[0].name, 64, "libone.rlib");
	u.e.out[0].size = content;
	u.e.out[0].role = ENTRY_LINK;
	u.e.nout = 1;
	digest_bytes(p, content, &u.e.out[0].blob);
	for (int log = 22; log <= 25; log++) {
		ZSTD_CCtx_reset(c, ZSTD_reset_session_and_parameters);
		ZSTD_CCtx_setParameter(c, ZSTD_c_windowLog, log);
		n = ZSTD_compress2(c, z, room, p, content);
		assert_false(ZSTD_isError(n));
		forge(&u, NULL, z, n, &b);
		assert_int_equal(unpack(&there, &u.at, b.p, b.len, 1 << 20),
				 log <= PACK_WINDOW_READ ? 0 : ERR_CORRUPT);
		forget(&there, &u);
	}
	ZSTD_freeCCtx(c);
	buf_free(&b);
	unit_free(&u);
	free(p);
	free(z);
}

/* Decodes the header of U, less the frame. */
static int
head_of(const struct unit *u, const struct pack_part *parts)
{
	struct buf b = { 0 };
	int r;

	forge(u, parts, "", 0, &b);
	r = unpack(&there, &u->at, b.p, b.len, 100);
	buf_free(&b);
	assert_int_equal(files_in(&there, "tmp"), 0);
	return r;
}

static void
hostile_names(void **state)
{
	static const char *const bad[] = { "../one",     "one/../../x", "/one",
					   ".one",       "..",          "",
					   "two-1.rlib", "libtwo.rlib", "lib",
					   "on",         "one\n" };
	struct unit u;

	(void)state;
	unit_make(&u, 300, false);
	/* No frame: what is well up to there is cut short. */
	assert_int_equal(head_of(&u, NULL), ERR_CORRUPT);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		snprintf(u.e.out[0].name, 64, "%s", bad[i]);
		if (head_of(&u, NULL) != ERR_REFUSED)
			fail_msg("passed: %s", bad[i]);
	}
	memcpy(u.e.out[0].name, u.e.out[1].name, 64);
	assert_int_equal(head_of(&u, NULL), ERR_REFUSED);
	snprintf(u.e.out[0].name, 64, "libone-1.rmeta");
	buf_reset(&u.e.crate);
	assert_int_equal(head_of(&u, NULL), ERR_REFUSED);
	buf_str(&u.e.crate, "../one");
	assert_int_equal(head_of(&u, NULL), ERR_REFUSED);
	unit_free(&u);
}

static void
hostile_shapes(void **state)
{
	struct unit u;

	(void)state;
	unit_make(&u, 300, false);
	assert_int_equal(shape_add(&u.shape, 'f', "/etc/shadow", 11), 0);
	assert_int_equal(head_of(&u, NULL), ERR_REFUSED);
	unit_free(&u);
}

static void
hostile_parts(void **state)
{
	struct pack_part parts[ENTRY_OUTPUTS_MAX] = { 0 };
	struct unit u;

	(void)state;
	unit_make(&u, 300, false);
	u.e.out[2].size = PACK_MAX;
	assert_int_equal(head_of(&u, parts), ERR_TOOBIG);
	u.e.out[2].size = 5;
	parts[0].offset = 1;
	assert_int_equal(head_of(&u, parts), ERR_CORRUPT);
	/* Outside, itself, a part of a part, dep-info, nobody. */
	parts[0] = (struct pack_part){ 2, u.e.out[1].size - 299 };
	assert_int_equal(head_of(&u, parts), ERR_CORRUPT);
	parts[0] = (struct pack_part){ 2, UINT64_MAX };
	assert_int_equal(head_of(&u, parts), ERR_TOOBIG);
	parts[0] = (struct pack_part){ 1, 0 };
	assert_int_equal(head_of(&u, parts), ERR_CORRUPT);
	parts[0] = (struct pack_part){ 2, 0 };
	parts[1] = (struct pack_part){ 1, 0 };
	assert_int_equal(head_of(&u, parts), ERR_CORRUPT);
	parts[1] = (struct pack_part){ 0, 0 };
	parts[0] = (struct pack_part){ 5, 0 };
	assert_int_equal(head_of(&u, parts), ERR_CORRUPT);
	parts[0] = (struct pack_part){ 6, 0 };
	assert_int_equal(head_of(&u, parts), ERR_CORRUPT);
	parts[0] = (struct pack_part){ 0, 0 };
	u.e.out[4].size = 1;
	assert_int_equal(head_of(&u, parts), ERR_CORRUPT);
	u.e.nout = 0;
	assert_int_equal(head_of(&u, parts), ERR_CORRUPT);
	unit_free(&u);
}

static void
announced_lengths_are_checked_first(void **state)
{
	char head[16] = PACK_MAGIC "\0\1\0\0\0";
	struct digest at = { { 0 } };

	(void)state;
	memcpy(head + 12, "\377\377\377\177", 4);
	assert_int_equal(unpack(&there, &at, head, 16, 16), ERR_TOOBIG);
	memcpy(head + 12, "\1\0\20\0", 4);
	assert_int_equal(unpack(&there, &at, head, 16, 16), ERR_TOOBIG);
	assert_int_equal(unpack(&there, &at, "", 0, 1), ERR_CORRUPT);
}

static void
a_redirect_travels(void **state)
{
	struct unit u = { 0 };
	struct buf b = { 0 };
	struct entry e;

	(void)state;
	buf_str(&u.e.crate, "one");
	memcpy(u.e.roots, "tw", 3);
	digest_bytes("redirect", 8, &u.k1);
	u.at = u.k1;
	assert_int_equal(pack(&u, &b), 0);
	assert_int_equal(unpack(&there, &u.at, b.p, b.len, 7), 0);
	assert_int_equal(entry_load(&there.s, &u.at, &e), 0);
	assert_string_equal(e.roots, "tw");
	assert_int_equal(e.nout, 0);
	entry_release(&e);
	forget(&there, &u);
	buf_free(&b);
	unit_free(&u);
}

static void
foreign_times_are_bounded(void **state)
{
	struct unit u;
	struct buf b = { 0 };
	struct manifest m;
	struct entry e;

	(void)state;
	unit_make(&u, 300, false);
	u.e.compile_us = UINT64_MAX;
	u.e.stored_ms = UINT64_MAX;
	assert_int_equal(pack(&u, &b), 0);
	assert_int_equal(unpack(&there, &u.at, b.p, b.len, 100), 0);
	assert_int_equal(entry_load(&there.s, &u.at, &e), 0);
	assert_int_equal(manifest_load(&there.s, &u.e.k0, &m), 0);
	assert_int_equal(e.compile_us / 1000000, 3600);
	assert_int_equal(m.rec[0].compile_us / 1000000, 3600);
	assert_in_range(e.stored_ms, 1, (uint64_t)file_now() / 1000000);
	assert_in_range(m.rec[0].stored_ms, 1, (uint64_t)file_now() / 1000000);
	entry_release(&e);
	manifest_release(&m);
	forget(&there, &u);
	buf_free(&b);
	unit_free(&u);
}

enum { THREADS = MANIFEST_MAX };

struct job {
	pthread_t thread;
	struct unit u;
	struct buf b;
	int r;
};

static void *
unpack_one(void *arg)
{
	struct job *j = arg;

	j->r = unpack(&there, &j->u.at, j->b.p, j->b.len, 1000);
	return NULL;
}

/* Of one unit, each with a shape of its own: no record may be lost. */
static void
many_come_at_once(void **state)
{
	static struct job jobs[THREADS];
	struct manifest m;

	(void)state;
	for (size_t i = 0; i < THREADS; i++) {
		char item[16];
		int n = snprintf(item, sizeof(item), "w/%zu.rs", i);

		unit_make(&jobs[i].u, 300 + i, false);
		assert_int_equal(
			shape_add(&jobs[i].u.shape, 'f', item, (size_t)n), 0);
		assert_int_equal(shape_finish(&jobs[i].u.shape), 0);
		assert_int_equal(pack(&jobs[i].u, &jobs[i].b), 0);
	}
	for (size_t i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&jobs[i].thread, NULL,
						unpack_one, &jobs[i]),
				 0);
	for (size_t i = 0; i < THREADS; i++)
		pthread_join(jobs[i].thread, NULL);
	for (size_t i = 0; i < THREADS; i++)
		assert_int_equal(jobs[i].r, 0);
	assert_int_equal(manifest_load(&there.s, &jobs[0].u.e.k0, &m), 0);
	assert_int_equal(m.count, THREADS);
	manifest_release(&m);
	for (size_t i = 0; i < THREADS; i++) {
		forget(&there, &jobs[i].u);
		unit_free(&jobs[i].u);
		buf_free(&jobs[i].b);
	}
}

static void
a_local_entry_stays(void **state)
{
	struct unit u;
	struct buf b = { 0 };
	struct entry e;

	(void)state;
	unit_make(&u, 300, false);
	assert_int_equal(pack(&u, &b), 0);
	u.e.compile_us = 55;
	assert_int_equal(entry_save(&here.s, &u.at, &u.e), 0);
	assert_int_equal(unpack(&here, &u.at, b.p, b.len, 100), 0);
	assert_int_equal(entry_load(&here.s, &u.at, &e), 0);
	assert_int_equal(e.origin, ENTRY_MADE);
	assert_int_equal(e.compile_us, 55);
	entry_release(&e);
	/* One that lost a blob is made again. */
	forget(&here, &u);
	assert_int_equal(entry_save(&here.s, &u.at, &u.e), 0);
	assert_int_equal(unpack(&here, &u.at, b.p, b.len, 100), 0);
	assert_int_equal(entry_load(&here.s, &u.at, &e), 0);
	assert_int_equal(e.origin, ENTRY_ASKED);
	assert_true(blob_exists(&here.s, &e.out[0].blob));
	entry_release(&e);
	forget(&here, &u);
	buf_free(&b);
	unit_free(&u);
}

static void
lost_and_wrong_blobs_are_not_packed(void **state)
{
	char name[STORE_NAME];
	struct buf b = { 0 };
	struct unit u;

	(void)state;
	unit_make(&u, 300, false);
	store_name("blobs", &u.e.out[1].blob, name);
	assert_int_equal(unlinkat(here.s.dir, name, 0), 0);
	assert_int_equal(pack(&u, &b), ERR_MISS);
	assert_int_equal(file_publish(here.s.dir, "tmp/x", name, "wrong", 5),
			 0);
	assert_int_equal(pack(&u, &b), ERR_CORRUPT);
	forget(&here, &u);
	unit_free(&u);
	unit_make(&u, 300, false);
	for (int i = 0; i < 20000; i++) {
		char item[80];
		int n = snprintf(item, sizeof(item), "w/%060d", i);

		if (shape_add(&u.shape, 'f', item, (size_t)n) < 0)
			break;
	}
	assert_int_equal(shape_finish(&u.shape), 0);
	assert_int_equal(pack(&u, &b), ERR_TOOBIG);
	forget(&here, &u);
	buf_free(&b);
	unit_free(&u);
}

static int
open_machine(struct machine *m, const char *name)
{
	char path[128];
	int r;

	snprintf(path, sizeof(path), "%s/%s", testdir, name);
	r = store_open(&m->s, path);
	if (r == 0)
		memo_open(&m->m, m->s.dir);
	return r;
}

static int
set_up(void **state)
{
	if (testdir_make(state) < 0 || open_machine(&here, "here") < 0)
		return -1;
	return open_machine(&there, "there");
}

static int
tear_down(void **state)
{
	memo_close(&here.m);
	memo_close(&there.m);
	store_close(&here.s);
	store_close(&there.s);
	return testdir_remove(state);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_packed_is_unpacked),
		cmocka_unit_test(blobs_come_as_local_ones),
		cmocka_unit_test(metadata_is_not_stored_twice),
		cmocka_unit_test(another_key_is_refused),
		cmocka_unit_test(every_cut_is_refused),
		cmocka_unit_test(no_flipped_bit_gives_another_result),
		cmocka_unit_test(bombs_do_not_go_off),
		cmocka_unit_test(windows_are_bounded),
		cmocka_unit_test(hostile_names),
		cmocka_unit_test(hostile_shapes),
		cmocka_unit_test(hostile_parts),
		cmocka_unit_test(announced_lengths_are_checked_first),
		cmocka_unit_test(a_redirect_travels),
		cmocka_unit_test(foreign_times_are_bounded),
		cmocka_unit_test(many_come_at_once),
		cmocka_unit_test(a_local_entry_stays),
		cmocka_unit_test(lost_and_wrong_blobs_are_not_packed),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
