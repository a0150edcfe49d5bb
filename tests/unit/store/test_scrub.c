/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "store/scrub.h"

#include "base/digest.h"
#include "base/err.h"
#include "base/file.h"
#include "key/digest_cache.h"
#include "store/blob.h"
#include "store/gc_lock.h"
#include "store/store.h"
#include "store/verify.h"
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

#define SECOND ((int64_t)1000000000)

enum { BLOBS = 40 };

static const uint64_t whole = (uint64_t)1 << 32;
static struct store s;
static struct digest_cache m;
static struct digest all[BLOBS];
static bool stopped;

static bool
go_on(void *ctx)
{
	(void)ctx;
	return !stopped;
}

static struct digest
put(const char *text)
{
	char tmp[STORE_NAME];
	struct digest d;
	bool existed;

	store_tmp(&s, tmp);
	assert_int_equal(file_publish(s.dir, tmp, tmp, text, strlen(text)), 0);
	digest_bytes(text, strlen(text), &d);
	assert_int_equal(blob_adopt(&s, &m, tmp, &d, &existed), 0);
	assert_int_equal(unlinkat(s.dir, tmp, 0), 0);
	return d;
}

/* A bit changes, the stat does not. */
static void
rot(const struct digest *d)
{
	char name[STORE_NAME], c;
	struct timespec t[2];
	struct stat st;
	int fd;

	store_name("blobs", d, name);
	fd = openat(s.dir, name, O_RDWR | O_CLOEXEC);
	assert_true(fd >= 0);
	assert_int_equal(fstat(fd, &st), 0);
	assert_int_equal(pread(fd, &c, 1, 1), 1);
	c ^= 1;
	assert_int_equal(pwrite(fd, &c, 1, 1), 1);
	t[0] = st.st_atim;
	t[1] = st.st_mtim;
	assert_int_equal(futimens(fd, t), 0);
	close(fd);
}

static void
fill(void)
{
	for (int i = 0; i < BLOBS; i++) {
		char text[32];

		snprintf(text, sizeof(text), "blob number %d", i);
		all[i] = put(text);
	}
}

/* As if the round had begun SECONDS ago and got to AT. */
static void
begun(int64_t seconds, uint64_t at)
{
	struct digest_cache_scrub at_now = {
		.began = file_now() - seconds * SECOND, .at = at
	};

	digest_cache_set_scrub(&m, &at_now);
}

static struct scrub
run(void)
{
	struct scrub in = {
		.store = &s, .memo = &m, .budget_ms = 60000, .go_on = go_on
	};

	assert_int_equal(scrub_run(&in), 0);
	return in;
}

static struct digest_cache_scrub
state_now(void)
{
	struct digest_cache_scrub at;

	assert_int_equal(digest_cache_get_scrub(&m, &at), 0);
	return at;
}

static void
due_grows_with_time(void **state)
{
	struct digest_cache_scrub at = { 0 };
	int64_t now = 1000 * SECOND, part = SCRUB_PERIOD_S / 256 + 1;

	(void)state;
	assert_int_equal(scrub_due(&at, now), 0);
	assert_int_equal(at.began, now);
	assert_int_equal(scrub_due(&at, now + (part - 2) * SECOND), 0);
	assert_int_equal(scrub_due(&at, now + part * SECOND), whole / 256);
	assert_int_equal(scrub_due(&at, now + SCRUB_PERIOD_S * SECOND), whole);
	assert_int_equal(scrub_due(&at, INT64_MAX), whole);
	/* A clock that was set back, before 1970 even. */
	at.at = 77;
	assert_int_equal(scrub_due(&at, now / 2), 0);
	assert_int_equal(at.began, now / 2);
	assert_int_equal(at.at, 0);
	assert_int_equal(scrub_due(&at, -5), 0);
	/* The end of a round is the beginning of the next. */
	at = (struct digest_cache_scrub){ .began = now, .at = whole };
	assert_int_equal(scrub_due(&at, 2 * now), 0);
	assert_int_equal(at.whole, 2 * now);
	assert_int_equal(at.at, 0);
}

static void
a_sound_store_is_read_once(void **state)
{
	struct scrub got;

	(void)state;
	fill();
	begun(SCRUB_PERIOD_S + 1, 0);
	assert_true(scrub_is_due(&m));
	got = run();
	assert_int_equal(got.blobs, BLOBS);
	assert_int_equal(got.bad, 0);
	assert_true(state_now().whole > 0);
	assert_false(scrub_is_due(&m));
	assert_int_equal(run().blobs, 0);
}

static void
half_a_period_is_half_of_the_store(void **state)
{
	struct scrub first, second;

	(void)state;
	begun(SCRUB_PERIOD_S / 2 + 60, 0);
	first = run();
	assert_in_range(first.blobs, 1, BLOBS - 1);
	assert_int_equal(state_now().at, whole / 2);
	/* Another process goes on where this one ended. */
	digest_cache_close(&m);
	digest_cache_open(&m, s.dir);
	begun(SCRUB_PERIOD_S + 1, state_now().at);
	second = run();
	assert_int_equal(first.blobs + second.blobs, BLOBS);
}

static void
rot_is_found_removed_counted_and_forgotten(void **state)
{
	char name[STORE_NAME];
	struct file_id id, copy;
	struct digest d;
	uint64_t before = state_now().bad;

	(void)state;
	/* A file restored from it is as wrong. */
	assert_int_equal(file_publish(s.dir, "tmp/c", "tmp/copy", "x", 1), 0);
	assert_int_equal(file_id_at(s.dir, "tmp/copy", &copy), 0);
	digest_cache_put_own(&m, &copy, &all[3]);
	rot(&all[3]);
	assert_int_equal(blob_check(&s, &m, &all[3], &id), 0);
	begun(SCRUB_PERIOD_S + 1, 0);
	assert_int_equal(run().bad, 1);
	store_name("blobs", &all[3], name);
	assert_false(blob_exists(&s, &all[3]));
	assert_int_equal(state_now().bad, before + 1);
	assert_int_equal(digest_cache_get_own(&m, &id, &d), ERR_MISS);
	assert_int_equal(digest_cache_get_own(&m, &copy, &d), ERR_MISS);
	/* What is stored anew is believed. */
	all[3] = put("blob number 3");
	assert_int_equal(blob_check(&s, &m, &all[3], &id), 0);
	assert_int_equal(digest_cache_get_own(&m, &id, &d), 0);
	begun(SCRUB_PERIOD_S + 1, 0);
	assert_int_equal(run().bad, 0);
}

static void
always_reads_before_each_use(void **state)
{
	struct file_id id;

	(void)state;
	rot(&all[5]);
	assert_int_equal(blob_check(&s, &m, &all[5], &id), 0);
	s.always = true;
	assert_int_equal(blob_check(&s, &m, &all[5], &id), ERR_CORRUPT);
	assert_int_equal(blob_check(&s, &m, &all[6], &id), 0);
	s.always = false;
	assert_false(blob_exists(&s, &all[5]));
	all[5] = put("blob number 5");
}

static void
verify_makes_the_memo_forget_too(void **state)
{
	struct verify_options o = { .repair = true, .memo = &m };
	struct verify_report rep;
	uint64_t before = state_now().bad;
	struct file_id id;
	struct digest d;

	(void)state;
	rot(&all[7]);
	assert_int_equal(blob_check(&s, &m, &all[7], &id), 0);
	assert_int_equal(verify_run(&s, &o, &rep), 0);
	assert_int_equal(rep.bad_blobs, 1);
	assert_int_equal(digest_cache_get_own(&m, &id, &d), ERR_MISS);
	assert_int_equal(state_now().bad, before + 1);
	all[7] = put("blob number 7");
}

static void
it_stops_and_goes_on(void **state)
{
	struct scrub none = { .store = &s, .memo = &m, .budget_ms = 0 };

	(void)state;
	begun(SCRUB_PERIOD_S + 1, 0);
	stopped = true;
	assert_in_range(run().blobs, 0, 1);
	stopped = false;
	assert_int_equal(scrub_run(&none), 0);
	assert_int_equal(none.blobs, 0);
	assert_true(scrub_is_due(&m));
	assert_int_equal(run().blobs, BLOBS);
}

static void
one_at_a_time(void **state)
{
	struct scrub in = { .store = &s, .memo = &m, .budget_ms = 1000 };
	int fd = file_open_own(s.dir, "gc.lock", O_RDWR);

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(file_lock(fd, LOCK_SCRUB, true, 0), 0);
	assert_int_equal(scrub_run(&in), -EAGAIN);
	close(fd);
}

static void
odd_files_do_not_stop_it(void **state)
{
	(void)state;
	assert_int_equal(mkdirat(s.dir, "blobs/zz", 0700), 0);
	assert_true(mkdirat(s.dir, "blobs/00", 0700) == 0 || errno == EEXIST);
	assert_int_equal(mkfifoat(s.dir,
				  "blobs/00/"
				  "00000000000000000000000000000000"
				  "00000000000000000000000000000000",
				  0600),
			 0);
	assert_int_equal(file_publish(s.dir, "tmp/x", "blobs/00/name", "x", 1),
			 0);
	begun(SCRUB_PERIOD_S + 1, 0);
	assert_int_equal(run().blobs, BLOBS + 1);
	assert_int_equal(run().blobs, 0);
}

static int
set_up(void **state)
{
	int r = testdir_make(state);

	r = r ? r : store_open(&s, testdir);
	if (r == 0)
		digest_cache_open(&m, s.dir);
	return r;
}

static int
tear_down(void **state)
{
	digest_cache_close(&m);
	store_close(&s);
	return testdir_remove(state);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(due_grows_with_time),
		cmocka_unit_test(a_sound_store_is_read_once),
		cmocka_unit_test(half_a_period_is_half_of_the_store),
		cmocka_unit_test(rot_is_found_removed_counted_and_forgotten),
		cmocka_unit_test(always_reads_before_each_use),
		cmocka_unit_test(verify_makes_the_memo_forget_too),
		cmocka_unit_test(it_stops_and_goes_on),
		cmocka_unit_test(one_at_a_time),
		cmocka_unit_test(odd_files_do_not_stop_it),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
