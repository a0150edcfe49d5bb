/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/buf.h"
#include "plan/history.h"

#include <stdlib.h>
#include <string.h>

static void
line(struct buf *b, const char *session, const char *outcome,
     const char *reason, const char *kind, int key, const char *externs,
     const char *status)
{
	char at[65], k0[65];
	struct digest d;

	digest_bytes(&key, sizeof(key), &d);
	digest_hex(&d, at);
	digest_bytes(at, 64, &d);
	digest_hex(&d, k0);
	buf_fmt(b, "k1\t1\t%s\t%s\t%s\tcrate%d\t%s\t%s\t%s\t%s", session,
		outcome, reason, key, kind, k0, at, externs);
	buf_fmt(b, "\t1\t2\t3\t400\t5\t6\t7\t800\t%s\tbuild\tdebug", status);
	buf_fmt(b, "\tpkg%d\t1.2.3", key);
	buf_fmt(b, "\t/w\t%s\n", at);
}

#define OURS "00000000000000ab"

static void
sum(void *ctx, uint64_t prefix)
{
	*(uint64_t *)ctx += prefix;
}

static void
it_reads_one_session(void **state)
{
	struct history h;
	struct buf b = { 0 };
	uint64_t total = 0;

	(void)state;
	line(&b, OURS, "miss", "", "lib", 1, "", "0");
	line(&b, "00000000000000ac", "miss", "", "lib", 2, "", "0");
	line(&b, OURS, "local_hit", "", "query", 3, "", "0");
	line(&b, OURS, "prefetch_hit", "", "lib", 4,
	     "a:0000000000000001,b:0000000000000002,c:bad,d", "0");
	line(&b, OURS, "miss", "", "lib", 5, "", "1");
	line(&b, OURS, "miss", "local:private", "bin", 6, "", "0");
	line(&b, OURS, "local_hit", "", "lib", 1, "", "0");
	buf_str(&b, "garbage\n\nk1\tshort\n");
	line(&b, OURS, "remote_hit", "", "lib", 7, "", "0");
	b.len -= 5; /* is being written */
	assert_int_equal(history_read(b.p, b.len, 0xab, &h), 0);
	assert_int_equal(h.count, 3);
	assert_int_equal(h.prefetch_hits, 1);
	assert_int_equal(h.hits, 2);
	assert_int_equal(h.compiled, 2);
	assert_string_equal(h.unit[0].package, "pkg1");
	assert_int_equal(h.unit[0].compile_us, 400);
	assert_false(h.unit[0].local);
	assert_true(h.unit[0].compiled);
	assert_string_equal(h.unit[1].version, "1.2.3");
	assert_int_equal(h.unit[1].compile_us, 800);
	assert_true(h.unit[1].prefetched);
	history_externs(&h.unit[1], sum, &total);
	assert_int_equal(total, 3);
	assert_true(h.unit[2].local);
	history_release(&h);
	buf_free(&b);
}

/* What their package waits for, though nothing names it. */
static void
scripts_and_their_runs_are_marked(void **state)
{
	struct history h;
	struct buf b = { 0 };

	(void)state;
	line(&b, OURS, "miss", "", "build-script", 1, "", "0");
	line(&b, OURS, "miss", "", "run", 2, "", "0");
	line(&b, OURS, "miss", "", "lib", 3, "", "0");
	assert_int_equal(history_read(b.p, b.len, 0xab, &h), 0);
	assert_int_equal(h.count, 3);
	assert_true(h.unit[0].script);
	assert_true(h.unit[1].script);
	assert_false(h.unit[2].script);
	history_release(&h);
	buf_free(&b);
}

static void
prefixes_agree(void **state)
{
	struct digest d;
	char hex[DIGEST_HEX + 1];
	char text[64];
	struct history_unit u = { .externs = text };
	uint64_t got = 0;

	(void)state;
	digest_bytes("x", 1, &d);
	digest_hex(&d, hex);
	memcpy(text, "n:", 2);
	memcpy(text + 2, hex, 16);
	text[18] = '\0';
	history_externs(&u, sum, &got);
	assert_true(got == history_prefix(&d));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_reads_one_session),
		cmocka_unit_test(scripts_and_their_runs_are_marked),
		cmocka_unit_test(prefixes_agree),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
