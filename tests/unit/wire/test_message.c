/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "wire/message.h"

#include "base/buf.h"
#include "base/err.h"
#include "base/mp.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

static char key[33] = "0123456789abcdef0123456789abcdef";

static struct message
hint(const char *crates, size_t n, uint64_t count)
{
	struct message m = { .type = MESSAGE_PREFETCH_HINT };

	m.field[0].num = UINT64_MAX;
	m.field[1].p = "/home/u/w";
	m.field[1].n = 9;
	m.field[2].p = key;
	m.field[2].n = 32;
	m.field[3] = m.field[2];
	m.field[4].p = crates;
	m.field[4].n = n;
	m.field[4].num = count;
	return m;
}

static int
decode(const struct buf *b, enum message_way way)
{
	struct buf lists = { 0 };
	struct message m = { 0 };
	int r = message_decode(b->p, b->len, way, &lists, &m);

	assert_true(r == 0 || m.type == 0);
	buf_free(&lists);
	return r;
}

static void
all_kinds_come_back(void **state)
{
	static const char crates[] = "libc 0.2.1\0serde 1.0.0";
	struct message m = hint(crates, sizeof(crates), 2);
	struct buf b = { 0 }, lists = { 0 };
	struct message got;

	(void)state;
	assert_int_equal(message_encode(&m, &b), 0);
	assert_int_equal(
		message_decode(b.p, b.len, MESSAGE_TO_DAEMON, &lists, &got), 0);
	assert_int_equal(got.type, MESSAGE_PREFETCH_HINT);
	assert_true(got.field[0].num == UINT64_MAX);
	assert_int_equal(got.field[1].n, 9);
	assert_memory_equal(got.field[1].p, "/home/u/w", 9);
	assert_memory_equal(got.field[3].p, key, 32);
	assert_int_equal(got.field[4].num, 2);
	assert_int_equal(got.field[4].n, sizeof(crates));
	assert_memory_equal(got.field[4].p, crates, sizeof(crates));
	got = hint(NULL, 0, 0);
	buf_reset(&b);
	assert_int_equal(message_encode(&got, &b), 0);
	assert_int_equal(decode(&b, MESSAGE_TO_DAEMON), 0);
	/* It travels one way only. */
	assert_int_equal(decode(&b, MESSAGE_FROM_DAEMON), ERR_CORRUPT);
	buf_free(&lists);
	buf_free(&b);
}

static struct message
session(uint64_t pid, uint64_t flags)
{
	struct message m = { .type = MESSAGE_SESSION };

	m.field[0].num = UINT64_MAX;
	m.field[1].num = pid;
	m.field[2].p = "/home/u/w";
	m.field[2].n = 9;
	m.field[3].p = key;
	m.field[3].n = 32;
	m.field[4] = m.field[3];
	m.field[5].num = flags;
	return m;
}

static void
a_session_comes_back(void **state)
{
	struct message m = session(
		INT32_MAX, MESSAGE_SESSION_WRITES | MESSAGE_SESSION_CONTINUES);
	struct buf b = { 0 }, lists = { 0 };
	struct message got;

	(void)state;
	assert_int_equal(message_encode(&m, &b), 0);
	assert_int_equal(
		message_decode(b.p, b.len, MESSAGE_TO_DAEMON, &lists, &got), 0);
	assert_int_equal(got.type, MESSAGE_SESSION);
	assert_true(got.field[0].num == UINT64_MAX);
	assert_int_equal(got.field[1].num, INT32_MAX);
	assert_int_equal(got.field[2].n, 9);
	assert_memory_equal(got.field[3].p, key, 32);
	assert_memory_equal(got.field[4].p, key, 32);
	assert_int_equal(got.field[5].num, 3);
	buf_reset(&b);
	m = session((uint64_t)INT32_MAX + 1, 0);
	assert_int_equal(message_encode(&m, &b), ERR_TOOBIG);
	m = session(1, 4);
	assert_int_equal(message_encode(&m, &b), ERR_TOOBIG);
	m = session(1, 0);
	m.field[4].n = 0;
	assert_int_equal(message_encode(&m, &b), ERR_REFUSED);
	buf_free(&lists);
	buf_free(&b);
}

static void
every_type_has_a_row(void **state)
{
	(void)state;
	for (unsigned t = MESSAGE_HELLO; t <= MESSAGE_LEFT; t++)
		assert_non_null(message_name(t));
	assert_null(message_name(0));
	assert_null(message_name(MESSAGE_LEFT + 1));
	assert_string_equal(message_name(MESSAGE_LATE), "LATE");
}

static void
what_is_no_message_is_not_sent(void **state)
{
	char text[130];
	struct message m = { .type = 0 };
	struct buf b = { 0 };

	(void)state;
	memset(text, 'x', sizeof(text));
	text[129] = '\0';
	assert_int_equal(message_encode(&m, &b), ERR_REFUSED);
	m.type = MESSAGE_CHECK;
	m.field[0].p = key;
	m.field[0].n = 31;
	assert_int_equal(message_encode(&m, &b), ERR_REFUSED);
	m.field[0].n = 33;
	assert_int_equal(message_encode(&m, &b), ERR_TOOBIG);
	m.type = MESSAGE_HELLO;
	m.field[1].p = text;
	m.field[1].n = 65;
	assert_int_equal(message_encode(&m, &b), ERR_TOOBIG);
	m.field[1].p = "a\0b";
	m.field[1].n = 3;
	assert_int_equal(message_encode(&m, &b), ERR_REFUSED);
	m = hint(text, 130, 1);
	assert_int_equal(message_encode(&m, &b), ERR_TOOBIG);
	m = hint("a\0b", 4, 3);
	assert_int_equal(message_encode(&m, &b), ERR_REFUSED);
	m = hint("a\0b", 4, 1);
	assert_int_equal(message_encode(&m, &b), ERR_REFUSED);
	m = hint("", 0, 8193);
	assert_int_equal(message_encode(&m, &b), ERR_TOOBIG);
	assert_int_equal(b.len, 0);
	buf_free(&b);
}

static void
hostile_bodies_are_refused(void **state)
{
	struct buf b = { 0 };

	(void)state;
	mp_put_list(&b, 1);
	mp_put_uint(&b, MESSAGE_STATUS);
	assert_int_equal(decode(&b, MESSAGE_TO_DAEMON), 0);
	buf_char(&b, '\0');
	assert_int_equal(decode(&b, MESSAGE_TO_DAEMON), ERR_CORRUPT);

	buf_reset(&b); /* a field too many */
	mp_put_list(&b, 2);
	mp_put_uint(&b, MESSAGE_STATUS);
	mp_put_uint(&b, 0);
	assert_int_equal(decode(&b, MESSAGE_TO_DAEMON), ERR_CORRUPT);

	buf_reset(&b); /* unknown */
	mp_put_list(&b, 1);
	mp_put_uint(&b, UINT64_MAX);
	assert_int_equal(decode(&b, MESSAGE_TO_DAEMON), ERR_CORRUPT);

	buf_reset(&b); /* a short key */
	mp_put_list(&b, 2);
	mp_put_uint(&b, MESSAGE_GET);
	mp_put_bin(&b, key, 31);
	assert_int_equal(decode(&b, MESSAGE_TO_DAEMON), ERR_CORRUPT);

	buf_reset(&b); /* a number over its maximum */
	mp_put_list(&b, 2);
	mp_put_uint(&b, MESSAGE_DRAIN);
	mp_put_uint(&b, 3600001);
	assert_int_equal(decode(&b, MESSAGE_TO_DAEMON), ERR_TOOBIG);

	buf_reset(&b); /* one byte a piece here, 24 once decoded */
	mp_put_list(&b, 2);
	mp_put_uint(&b, MESSAGE_REPORT);
	mp_put_list(&b, 100000);
	for (int i = 0; i < 100000; i++)
		mp_put_uint(&b, 0);
	assert_int_equal(decode(&b, MESSAGE_FROM_DAEMON), ERR_TOOBIG);
	buf_free(&b);
}

static void
long_texts_and_lists_are_refused(void **state)
{
	struct buf b = { 0 };
	char text[66] = { 0 };

	(void)state;
	memset(text, 'x', 65);
	mp_put_list(&b, 3);
	mp_put_uint(&b, MESSAGE_HELLO);
	mp_put_uint(&b, MESSAGE_PROTOCOL);
	mp_put_str(&b, text);
	assert_int_equal(decode(&b, MESSAGE_TO_DAEMON), ERR_TOOBIG);

	buf_reset(&b);
	mp_put_list(&b, 2);
	mp_put_uint(&b, MESSAGE_REPORT);
	mp_put_list(&b, 1025);
	for (int i = 0; i < 1025; i++)
		mp_put_str(&b, "");
	assert_int_equal(decode(&b, MESSAGE_FROM_DAEMON), ERR_TOOBIG);

	buf_reset(&b);
	mp_put_list(&b, 2);
	mp_put_uint(&b, MESSAGE_REPORT);
	mp_put_list(&b, 1);
	mp_put_bin(&b, "a\0b", 3);
	assert_int_equal(decode(&b, MESSAGE_FROM_DAEMON), ERR_CORRUPT);
	buf_free(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_kinds_come_back),
		cmocka_unit_test(a_session_comes_back),
		cmocka_unit_test(every_type_has_a_row),
		cmocka_unit_test(what_is_no_message_is_not_sent),
		cmocka_unit_test(hostile_bodies_are_refused),
		cmocka_unit_test(long_texts_and_lists_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
