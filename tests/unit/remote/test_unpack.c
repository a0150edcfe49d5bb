/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "tests/unit/remote/packbed.h"

#include <zstd.h>

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
hostile_inputs(void **state)
{
	struct unit u;

	(void)state;
	unit_make(&u, 300, false);
	assert_int_equal(inputs_add(&u.inputs, 'f', "/etc/shadow", 11), 0);
	assert_int_equal(head_of(&u, NULL), ERR_REFUSED);
	unit_free(&u);
}

static void
hostile_parts(void **state)
{
	struct pack_part parts[ENTRY_TRAVEL_MAX] = { 0 };
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

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(another_key_is_refused),
		cmocka_unit_test(every_cut_is_refused),
		cmocka_unit_test(no_flipped_bit_gives_another_result),
		cmocka_unit_test(bombs_do_not_go_off),
		cmocka_unit_test(windows_are_bounded),
		cmocka_unit_test(hostile_names),
		cmocka_unit_test(hostile_inputs),
		cmocka_unit_test(hostile_parts),
		cmocka_unit_test(announced_lengths_are_checked_first),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
