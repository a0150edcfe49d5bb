/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "store/upload_intent.h"

#include "base/buf.h"
#include "base/err.h"
#include "base/file.h"
#include "store/store.h"
#include "tests/unit/testdir.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

static struct store s;

static struct upload_intent_intent
intent(const char *name)
{
	struct upload_intent_intent i = { .kind = UPLOAD_INTENT_UNIT };

	digest_bytes(name, strlen(name), &i.at);
	digest_bytes("k1", 2, &i.k1);
	digest_bytes("tag", 3, &i.tag);
	digest_bytes("shape", 5, &i.inputs);
	return i;
}

struct hashset {
	unsigned n;
	char reason[300];
	int stop;
};

static int
see(void *ctx, const struct digest *at, const char *reason)
{
	struct hashset *seen = ctx;

	(void)at;
	seen->n++;
	snprintf(seen->reason, sizeof(seen->reason), "%s", reason);
	return seen->stop;
}

static unsigned
waiting(void)
{
	struct hashset seen = { 0 };

	assert_int_equal(upload_intent_each(&s, 0, see, &seen), 0);
	return seen.n;
}

static void
an_intent_waits_until_it_is_retired(void **state)
{
	struct upload_intent_intent i = intent("a"), back;
	struct hashset seen = { .stop = 5 };

	(void)state;
	assert_int_equal(waiting(), 0);
	assert_int_equal(upload_intent_read(&s, &i.at, &back), ERR_MISS);
	assert_int_equal(upload_intent_add(&s, &i), 0);
	assert_int_equal(upload_intent_add(&s, &i), 0);
	assert_int_equal(waiting(), 1);
	assert_int_equal(upload_intent_each(&s, 0, see, &seen), 5);
	assert_string_equal(seen.reason, "");
	assert_int_equal(upload_intent_read(&s, &i.at, &back), 0);
	assert_memory_equal(&back, &i, sizeof(i));
	upload_intent_retire(&s, &i.at);
	assert_int_equal(waiting(), 0);
	upload_intent_retire(&s, &i.at);
}

static void
dead_letters_keep_their_reason(void **state)
{
	struct upload_intent_intent i = intent("b"), back;
	struct hashset seen = { 0 };
	char name[STORE_NAME];

	(void)state;
	assert_int_equal(upload_intent_add(&s, &i), 0);
	assert_int_equal(upload_intent_bury(&s, &i.at, "over 1 GiB"), 0);
	assert_int_equal(waiting(), 0);
	assert_int_equal(upload_intent_read(&s, &i.at, &back), ERR_MISS);
	assert_int_equal(upload_intent_each(&s, 1, see, &seen), 0);
	assert_int_equal(seen.n, 1);
	assert_string_equal(seen.reason, "over 1 GiB");
	store_name("spool/dead", &i.at, name);
	assert_true(faccessat(s.dir, name, F_OK, 0) < 0);
}

static void
damage_is_buried(void **state)
{
	struct upload_intent_intent i = intent("c"), back;
	struct hashset seen = { 0 };
	struct buf b = { 0 };
	char name[STORE_NAME];

	(void)state;
	store_name("spool", &i.at, name);
	assert_int_equal(upload_intent_add(&s, &i), 0);
	assert_int_equal(file_read(s.dir, name, 4096, &b), 0);
	for (size_t k = 0; k <= b.len; k++) {
		if (k < b.len)
			b.p[k] ^= 1;
		assert_int_equal(file_publish(s.dir, "tmp/x", name, b.p, b.len),
				 0);
		assert_int_equal(upload_intent_read(&s, &i.at, &back),
				 k == b.len ? 0 : ERR_CORRUPT);
		if (k < b.len)
			b.p[k] ^= 1;
	}
	upload_intent_retire(&s, &i.at);
	assert_int_equal(upload_intent_each(&s, 1, see, &seen), 0);
	assert_int_equal(seen.n, 2);
	buf_free(&b);
}

/* The file of another one under this name. */
static void
a_name_must_be_that_of_its_content(void **state)
{
	struct upload_intent_intent i = intent("d"), other = intent("e"), back;
	char from[STORE_NAME], to[STORE_NAME];

	(void)state;
	assert_int_equal(upload_intent_add(&s, &i), 0);
	store_name("spool", &i.at, from);
	store_name("spool", &other.at, to);
	assert_int_equal(file_rename(s.dir, from, to), 0);
	assert_int_equal(upload_intent_read(&s, &other.at, &back), ERR_CORRUPT);
	assert_int_equal(waiting(), 0);
}

static void
foreign_files_disturb_nobody(void **state)
{
	struct upload_intent_intent i = intent("f"), d = intent("g"), back;
	char name[STORE_NAME];

	(void)state;
	assert_int_equal(upload_intent_add(&s, &i), 0);
	mkdirat(s.dir, "spool/zz", 0700);
	mkdirat(s.dir, "spool/00", 0700);
	close(openat(s.dir, "spool/00/README", O_CREAT | O_WRONLY, 0600));
	close(openat(s.dir, "spool/note", O_CREAT | O_WRONLY, 0600));
	unlinkat(s.dir, "spool/01", AT_REMOVEDIR);
	close(openat(s.dir, "spool/01", O_CREAT | O_WRONLY, 0600));
	assert_int_equal(symlinkat("/", s.dir, "spool/02"), 0);
	assert_int_equal(waiting(), 1);
	/* A directory, a pipe and a link in an intent's place. */
	store_name("spool", &d.at, name);
	name[strlen("spool/xx")] = '\0';
	mkdirat(s.dir, name, 0700);
	store_name("spool", &d.at, name);
	assert_int_equal(mkdirat(s.dir, name, 0700), 0);
	assert_int_equal(upload_intent_read(&s, &d.at, &back), ERR_CORRUPT);
	assert_int_equal(mkfifoat(s.dir, name, 0600), 0);
	assert_int_equal(upload_intent_read(&s, &d.at, &back), ERR_CORRUPT);
	assert_int_equal(waiting(), 1);
	assert_int_equal(upload_intent_add(&s, &d), 0);
	assert_int_equal(waiting(), 2);
	upload_intent_retire(&s, &d.at);
	upload_intent_retire(&s, &i.at);
}

static void
a_full_spool_takes_no_more(void **state)
{
	struct upload_intent_intent i = intent("full"), more;
	int r = 0;

	(void)state;
	for (unsigned k = 0; k <= UPLOAD_INTENT_MAX / 256 && r == 0; k++) {
		i.at.b[0] = 0xf7;
		i.at.b[1] = (uint8_t)(k >> 8);
		i.at.b[2] = (uint8_t)k;
		r = upload_intent_add(&s, &i);
	}
	assert_int_equal(r, ERR_TOOBIG);
	assert_int_equal(waiting(), UPLOAD_INTENT_MAX / 256);
	more = intent("elsewhere");
	assert_int_equal(upload_intent_add(&s, &more), 0);
}

static void
a_spool_that_cannot_be_is_an_error(void **state)
{
	struct upload_intent_intent i = intent("none");
	struct hashset seen = { 0 };

	(void)state;
	assert_int_equal(renameat(s.dir, "spool", s.dir, "spool.was"), 0);
	close(openat(s.dir, "spool", O_CREAT | O_WRONLY, 0600));
	assert_true(upload_intent_add(&s, &i) < 0);
	assert_int_equal(upload_intent_each(&s, 0, see, &seen), 0);
	assert_int_equal(seen.n, 0);
	assert_int_equal(unlinkat(s.dir, "spool", 0), 0);
	assert_int_equal(renameat(s.dir, "spool.was", s.dir, "spool"), 0);
}

static int
set_up(void **state)
{
	return testdir_make(state) < 0 ? -1 : store_open(&s, testdir);
}

static int
tear_down(void **state)
{
	store_close(&s);
	return testdir_remove(state);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_intent_waits_until_it_is_retired),
		cmocka_unit_test(dead_letters_keep_their_reason),
		cmocka_unit_test(damage_is_buried),
		cmocka_unit_test(a_name_must_be_that_of_its_content),
		cmocka_unit_test(foreign_files_disturb_nobody),
		cmocka_unit_test(a_full_spool_takes_no_more),
		cmocka_unit_test(a_spool_that_cannot_be_is_an_error),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
