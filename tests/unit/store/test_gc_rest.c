/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "store/gc_rest.h"

#include "base/digest.h"
#include "base/file.h"
#include "base/buf.h"
#include "base/record.h"
#include "store/gc_steps.h"
#include "store/upload_intent.h"
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

#define DAY_NS ((int64_t)86400 * 1000000000)

static struct store s;
static int64_t now;

static void
age(const char *name, int days)
{
	int64_t t = (now - days * DAY_NS) / 1000000000;
	struct timespec both[2] = { { .tv_sec = t }, { .tv_sec = t } };

	assert_int_equal(utimensat(s.dir, name, both, AT_SYMLINK_NOFOLLOW), 0);
}

static void
put(const char *name, const char *text, size_t n, int days)
{
	assert_int_equal(file_publish(s.dir, "tmp/x", name, text, n), 0);
	age(name, days);
}

static bool
is_there(const char *name)
{
	return faccessat(s.dir, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

static void
put_record(const char *name, char type, uint32_t version, int days)
{
	struct buf b = { 0 };

	record_seal(&b, type, version, "\x90", 1);
	put(name, b.p, b.len, days);
	buf_free(&b);
}

static void
name_of(const char *dir, int i, const char *end, char name[STORE_NAME])
{
	char hex[DIGEST_HEX + 1];
	struct digest d;

	digest_bytes(&i, sizeof(i), &d);
	digest_hex(&d, hex);
	snprintf(name, STORE_NAME, "%s/%s%s", dir, hex, end);
}

static void
sweep(struct gc_rest *r, bool dry_run)
{
	*r = (struct gc_rest){ .now = now, .dry_run = dry_run };
	assert_int_equal(gc_rest(&s, r), 0);
}

static void
temporary_files_live_a_day(void **state)
{
	struct gc_rest r;

	(void)state;
	put("tmp/00000000000000aa.2", "x", 1, 0);
	put("tmp/00000000000000aa.1", "x", 1, 2);
	assert_int_equal(mkdirat(s.dir, "tmp/00000000000000aa.3", 0700), 0);
	put("tmp/00000000000000aa.3/in", "x", 1, 2);
	age("tmp/00000000000000aa.3", 2);
	sweep(&r, true);
	assert_int_equal(r.temps, 2);
	assert_true(is_there("tmp/00000000000000aa.3/in"));
	sweep(&r, false);
	assert_int_equal(r.temps, 2);
	assert_true(is_there("tmp/00000000000000aa.2"));
	assert_false(is_there("tmp/00000000000000aa.1"));
	assert_false(is_there("tmp/00000000000000aa.3"));
}

static void
dead_letters_live_a_month(void **state)
{
	struct upload_intent_intent i = { .kind = UPLOAD_INTENT_UNIT };
	char name[STORE_NAME], waiting[STORE_NAME], newer[STORE_NAME];
	struct gc_rest r;

	(void)state;
	digest_bytes("dead", 4, &i.at);
	assert_int_equal(upload_intent_add(&s, &i), 0);
	assert_int_equal(upload_intent_bury(&s, &i.at, "too large"), 0);
	snprintf(name, sizeof(name), "spool/dead/");
	digest_hex(&i.at, name + strlen(name));
	digest_bytes("waiting", 7, &i.at);
	assert_int_equal(upload_intent_add(&s, &i), 0);
	store_name("spool", &i.at, waiting);
	age(waiting, 400);
	name_of("spool/dead", 7, "", newer);
	put_record(newer, 's', 2, 400);
	age(name, 29);
	sweep(&r, false);
	assert_int_equal(r.letters, 0);
	age(name, 31);
	sweep(&r, false);
	assert_int_equal(r.letters, 1);
	assert_false(is_there(name));
	assert_true(is_there(waiting));
	assert_true(is_there(newer));
}

static void
markers_live_a_day(void **state)
{
	static const char marker[] = "v1 0123456789abcdef 0\n";
	static const char *const names[] = {
		"sessions/0123456789abcdef0123456789abcdef",
		"sessions/1123456789abcdef0123456789abcdef",
		"sessions/2123456789abcdef0123456789abcdef",
		"sessions/README",
	};
	struct gc_rest r;

	(void)state;
	put(names[0], marker, sizeof(marker) - 1, 2);
	put(names[1], marker, sizeof(marker) - 1, 0);
	put(names[2], "v2 and more", 11, 2);
	put(names[3], marker, sizeof(marker) - 1, 2);
	sweep(&r, false);
	assert_int_equal(r.sessions, 1);
	assert_false(is_there(names[0]));
	for (int i = 1; i < 4; i++)
		assert_true(is_there(names[i]));
}

/* Reading is use; what belongs to another record goes after it. */
static void
answers_live_while_they_are_read(void **state)
{
	char unread[STORE_NAME], all[STORE_NAME], read[STORE_NAME],
		lone[STORE_NAME], newer[STORE_NAME];
	struct timespec t[2] = { { .tv_nsec = UTIME_NOW },
				 { .tv_nsec = UTIME_OMIT } };
	struct gc_rest r;

	(void)state;
	name_of("ids", 1, "", unread);
	name_of("ids", 2, "", read);
	name_of("ids", 2, ".all", all);
	name_of("ids", 3, ".all", lone);
	name_of("ids", 4, "", newer);
	put_record(unread, 'i', 1, 91);
	put_record(read, 'i', 1, 91);
	put_record(all, 'i', 1, 91);
	put_record(lone, 'i', 1, 91);
	put_record(newer, 'i', 2, 91);
	assert_int_equal(utimensat(s.dir, read, t, 0), 0);
	sweep(&r, false);
	assert_int_equal(r.ids, 2);
	assert_false(is_there(unread));
	assert_false(is_there(lone));
	assert_true(is_there(read));
	assert_true(is_there(all));
	assert_true(is_there(newer));
}

/* Somebody may keep things there; or the directory is a link to theirs. */
static void
files_of_others_stay(void **state)
{
	static const char *const names[] = {
		"tmp/notes.txt",           "tmp/photos",
		"tmp/00000000000000aa",    "tmp/00000000000000aa.x",
		"tmp/00000000000000AA.1",  "tmp/12.id",
		"tmp/00000000000000aa.1.", "tmp/12.34.idx",
	};
	enum { COUNT = sizeof(names) / sizeof(names[0]) };
	struct gc_rest r;

	(void)state;
	for (int i = 0; i < COUNT; i++)
		put(names[i], "x", 1, 400);
	put("tmp/12.34.id", "x", 1, 400);
	sweep(&r, false);
	assert_int_equal(r.temps, 1);
	assert_false(is_there("tmp/12.34.id"));
	for (int i = 0; i < COUNT; i++) {
		assert_true(is_there(names[i]));
		assert_int_equal(unlinkat(s.dir, names[i], 0), 0);
	}
	put("tmp/00000000000000aa.1", "x", 1, 400);
	assert_int_equal(renameat(s.dir, "tmp", s.dir, "theirs"), 0);
	assert_int_equal(symlinkat("theirs", s.dir, "tmp"), 0);
	sweep(&r, false);
	assert_int_equal(r.temps, 0);
	assert_true(is_there("theirs/00000000000000aa.1"));
	assert_int_equal(unlinkat(s.dir, "tmp", 0), 0);
	assert_int_equal(renameat(s.dir, "theirs", s.dir, "tmp"), 0);
	sweep(&r, false);
	assert_int_equal(r.temps, 1);
}

/* Else what a dry run says would go is fresh afterwards. */
static void
looking_is_no_use(void **state)
{
	char unread[STORE_NAME];
	struct gc_rest r;

	(void)state;
	name_of("ids", 11, "", unread);
	put_record(unread, 'i', 1, 91);
	sweep(&r, true);
	assert_int_equal(r.ids, 1);
	sweep(&r, false);
	assert_int_equal(r.ids, 1);
	assert_false(is_there(unread));
}

static bool
never(void *ctx, uint64_t done, uint64_t total)
{
	(void)ctx;
	(void)done;
	(void)total;
	return false;
}

static void
it_can_be_ended(void **state)
{
	struct gc_steps steps = { .go_on = never };
	struct gc_rest r = { .now = now, .steps = &steps };

	(void)state;
	put("tmp/00000000000000aa.1", "x", 1, 2);
	assert_int_equal(gc_rest(&s, &r), -ECANCELED);
	assert_true(is_there("tmp/00000000000000aa.1"));
}

static int
set_up(void **state)
{
	char dir[128];

	if (testdir_make(state) < 0)
		return -1;
	snprintf(dir, sizeof(dir), "%s/store", testdir);
	now = file_now();
	return store_open(&s, dir);
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
		cmocka_unit_test(temporary_files_live_a_day),
		cmocka_unit_test(dead_letters_live_a_month),
		cmocka_unit_test(markers_live_a_day),
		cmocka_unit_test(answers_live_while_they_are_read),
		cmocka_unit_test(files_of_others_stay),
		cmocka_unit_test(looking_is_no_use),
		cmocka_unit_test(it_can_be_ended),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
