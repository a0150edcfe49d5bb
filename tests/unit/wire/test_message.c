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

static const struct digest key = { "0123456789abcdef0123456789abcde" };

static struct message
hint(const char *crates, size_t n, uint64_t count)
{
	struct message m = { .type = MESSAGE_PREFETCH_HINT };

	m.hint = (struct message_hint){
		.session = UINT64_MAX,
		.workspace = { "/home/u/w", 9 },
		.lock = key,
		.toolchain = key,
		.items = { crates, n, count },
	};
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
	assert_true(got.hint.session == UINT64_MAX);
	assert_int_equal(got.hint.workspace.n, 9);
	assert_memory_equal(got.hint.workspace.p, "/home/u/w", 9);
	assert_true(digest_eq(&got.hint.toolchain, &key));
	assert_int_equal(got.hint.items.count, 2);
	assert_int_equal(got.hint.items.n, sizeof(crates));
	assert_memory_equal(got.hint.items.p, crates, sizeof(crates));
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

	m.session = (struct message_session){
		.session = UINT64_MAX,
		.pid = pid,
		.workspace = { "/home/u/w", 9 },
		.lock = key,
		.toolchain = key,
		.flags = flags,
	};
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
	assert_true(got.session.session == UINT64_MAX);
	assert_int_equal(got.session.pid, INT32_MAX);
	assert_int_equal(got.session.workspace.n, 9);
	assert_true(digest_eq(&got.session.lock, &key));
	assert_true(digest_eq(&got.session.toolchain, &key));
	assert_int_equal(got.session.flags, 3);
	buf_reset(&b);
	m = session((uint64_t)INT32_MAX + 1, 0);
	assert_int_equal(message_encode(&m, &b), ERR_TOOBIG);
	m = session(1, 4);
	assert_int_equal(message_encode(&m, &b), ERR_TOOBIG);
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
	m.type = MESSAGE_HELLO;
	m.hello.program = (struct message_bytes){ text, 65 };
	assert_int_equal(message_encode(&m, &b), ERR_TOOBIG);
	m.hello.program = (struct message_bytes){ "a\0b", 3 };
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

#define KEY \
	"\xc4\x20" \
	"0123456789abcdef0123456789abcde\0"
#define WHERE "\xc4\x09/home/u/w"
#define MOST "\xcf\xff\xff\xff\xff\xff\xff\xff\xff"

static void
encodes_to(const struct message *m, const char *bytes, size_t n)
{
	struct buf b = { 0 };

	assert_int_equal(message_encode(m, &b), 0);
	assert_int_equal(b.len, n);
	assert_memory_equal(b.p, bytes, n);
	buf_free(&b);
}

#define ENCODES(m, bytes) encodes_to(m, bytes, sizeof(bytes) - 1)

/* Old shims meet new daemons: these bytes change only with the version. */
static void
the_wire_keeps_its_bytes(void **state)
{
	static const char crates[] = "libc 0.2.1\0serde 1.0.0";
	struct message m = { .type = MESSAGE_HELLO };

	(void)state;
	m.hello = (struct message_hello){ 1, { "0.1.0", 5 } };
	ENCODES(&m, "\x93\x01\x01\xc4\x05"
		    "0.1.0");
	m = (struct message){ .type = MESSAGE_CHECK, .key = key };
	ENCODES(&m, "\x92\x02" KEY);
	m = (struct message){ .type = MESSAGE_ACCEPTED };
	ENCODES(&m, "\x91\x03");
	m = (struct message){ .type = MESSAGE_SHAPES };
	m.manifest = (struct message_bytes){ "a\0b", 3 };
	ENCODES(&m, "\x92\x06\xc4\x03"
		    "a\0b");
	m = (struct message){ .type = MESSAGE_GET, .key = key };
	ENCODES(&m, "\x92\x09" KEY);
	m = (struct message){ .type = MESSAGE_FOUND, .found = { key, 300 } };
	ENCODES(&m, "\x93\x0a" KEY "\xcd\x01\x2c");
	m = (struct message){ .type = MESSAGE_STORED, .key = key };
	ENCODES(&m, "\x92\x0b" KEY);
	m = session(INT32_MAX, 3);
	ENCODES(&m,
		"\x97\x0c" MOST "\xce\x7f\xff\xff\xff" WHERE KEY KEY "\x03");
	m = hint(crates, sizeof(crates), 2);
	ENCODES(&m, "\x96\x0d" MOST WHERE KEY KEY
		    "\x92\xaalibc 0.2.1\xabserde 1.0.0");
	m = (struct message){ .type = MESSAGE_REPORT, .lines = { "a", 2, 1 } };
	ENCODES(&m, "\x92\x0f\x91\xa1"
		    "a");
	m = (struct message){ .type = MESSAGE_DRAIN, .ms = 5 };
	ENCODES(&m, "\x92\x10\x05");
	m = (struct message){ .type = MESSAGE_STOP, .ms = 5 };
	ENCODES(&m, "\x92\x11\x05");
	m = (struct message){ .type = MESSAGE_LEFT, .left = 7 };
	ENCODES(&m, "\x92\x12\x07");
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
	mp_put_bin(&b, key.b, 31);
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
		cmocka_unit_test(the_wire_keeps_its_bytes),
		cmocka_unit_test(hostile_bodies_are_refused),
		cmocka_unit_test(long_texts_and_lists_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
