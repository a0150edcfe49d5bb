/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "store/gc.h"
#include "store/gc_plan.h"

#include "base/digest.h"
#include "base/file.h"
#include "key/memo.h"
#include "store/blob.h"
#include "store/entry.h"
#include "store/store.h"
#include "tests/unit/testdir.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

/* --- the plan: pure --- */

static const uint64_t sizes[] = { 100, 200, 400, 50 };
static const uint32_t pool[] = { 0, 1, 1, 2 };
static const struct gc_blobs blobs = { sizes, 4, pool };

static void
make(struct gc_entry e[3])
{
	memset(e, 0, 3 * sizeof(*e));
	for (int i = 0; i < 3; i++) {
		e[i].key.b[0] = (uint8_t)i;
		e[i].used = 1000 + i;
		e[i].size = 10;
	}
	e[0].first = 0; /* blobs 0 and 1 */
	e[0].nblobs = 2;
	e[1].first = 2; /* blob 1 */
	e[1].nblobs = 1;
	e[2].first = 3; /* blob 2; nobody names blob 3 */
	e[2].nblobs = 1;
}

static void
below_the_limit_only_orphans_go(void **state)
{
	struct gc_limits l = { .max_size = 1000, .target = 900, .now = 2000 };
	struct gc_entry e[3];

	(void)state;
	make(e);
	assert_int_equal(gc_plan(e, 3, &blobs, 780, &l), 730);
	for (int i = 0; i < 3; i++)
		assert_false(e[i].victim);
}

static void
least_recently_used_go_first(void **state)
{
	struct gc_limits l = { .max_size = 700, .target = 650, .now = 2000 };
	struct gc_entry e[3];

	(void)state;
	make(e);
	/* Entry 0 takes blob 0 along; blob 1 is still named by entry 1. */
	assert_int_equal(gc_plan(e, 3, &blobs, 780, &l), 620);
	assert_true(e[0].victim);
	assert_false(e[1].victim);
	l.target = 500;
	make(e);
	assert_int_equal(gc_plan(e, 3, &blobs, 780, &l), 410);
	assert_true(e[1].victim);
	assert_false(e[2].victim);
	l.target = 0;
	make(e);
	assert_int_equal(gc_plan(e, 3, &blobs, 780, &l), 0);
	assert_true(e[2].victim);
}

static void
the_young_are_spared_in_automatic_sweeps(void **state)
{
	struct gc_limits l = {
		.max_size = 1, .target = 0, .now = 2000, .spare = 999
	};
	struct gc_entry e[3];

	(void)state;
	make(e);
	gc_plan(e, 3, &blobs, 780, &l);
	for (int i = 0; i < 3; i++)
		assert_int_equal(e[i].victim, e[i].used <= 1001);
}

static void
the_old_go_in_any_case(void **state)
{
	struct gc_limits l = { .max_size = 0, .max_age = 999, .now = 2000 };
	struct gc_entry e[3];

	(void)state;
	make(e);
	gc_plan(e, 3, &blobs, 780, &l);
	for (int i = 0; i < 3; i++)
		assert_int_equal(e[i].victim, e[i].used < 1001);
}

enum { ENTRIES = 40, BLOBS = 30, ROUNDS = 20000 };

/* A random store and random limits; small numbers, so that ties happen. */
struct random_plan {
	struct gc_entry e[ENTRIES];
	uint8_t before[ENTRIES]; /* why, as it went in */
	uint64_t size[BLOBS];
	uint32_t pool[ENTRIES * 4];
	struct gc_blobs blobs;
	struct gc_limits l;
	size_t n;
	uint64_t total;
};

static bool
chance(int of)
{
	return random() % of == 0;
}

static void
make_random_entry(struct random_plan *p, size_t i, size_t *npool)
{
	struct gc_entry *e = &p->e[i];

	e->key.b[0] = (uint8_t)i;
	e->used = random() % 100;
	e->size = (uint64_t)random() % 20;
	e->pinned = chance(6);
	e->unreachable = chance(4);
	if (chance(8))
		e->why = chance(2) ? GC_DAMAGED : GC_PURGED;
	p->before[i] = e->why;
	e->first = *npool;
	e->nblobs = (uint32_t)random() % 4;
	for (uint32_t k = 0; k < e->nblobs; k++)
		p->pool[(*npool)++] =
			(uint32_t)((size_t)random() % p->blobs.count);
	p->total += e->size;
}

static void
make_random(struct random_plan *p)
{
	size_t npool = 0;

	memset(p, 0, sizeof(*p));
	p->n = (size_t)random() % ENTRIES;
	p->blobs.count = 1 + (size_t)random() % BLOBS;
	p->blobs.size = p->size;
	p->blobs.pool = p->pool;
	for (size_t i = 0; i < p->blobs.count; i++) {
		p->size[i] = (uint64_t)random() % 100;
		p->total += p->size[i];
	}
	for (size_t i = 0; i < p->n; i++)
		make_random_entry(p, i, &npool);
	p->l = (struct gc_limits){ .now = 100,
				   .max_size = (uint64_t)random() % 2000,
				   .max_age = random() % 3 ? 0 : random() % 100,
				   .spare = random() % 2 ? 0 : random() % 100 };
	p->l.target = p->l.max_size / 10 * 9;
}

/* What is left on disk without the victims that GOES says go. */
static uint64_t
left(const struct random_plan *p, bool (*goes)(const struct gc_entry *e))
{
	bool live[BLOBS] = { false };
	uint64_t sum = 0;

	for (size_t i = 0; i < p->n; i++) {
		const struct gc_entry *e = &p->e[i];

		if (e->victim && goes(e))
			continue;
		sum += e->size;
		for (uint32_t k = 0; k < e->nblobs; k++)
			live[p->pool[e->first + k]] = true;
	}
	for (size_t i = 0; i < p->blobs.count; i++)
		sum += live[i] ? p->size[i] : 0;
	return sum;
}

static bool
any(const struct gc_entry *e)
{
	(void)e;
	return true;
}

static bool
by_size(const struct gc_entry *e)
{
	return e->why == GC_BY_SIZE || e->why == GC_UNREACHABLE;
}

static bool
not_by_size(const struct gc_entry *e)
{
	return !by_size(e);
}

static const struct gc_entry *last; /* of those that went by size */

static bool
all_but_last(const struct gc_entry *e)
{
	return e != last;
}

static bool
is_old(const struct random_plan *p, const struct gc_entry *e)
{
	return p->l.max_age && e->used < p->l.now - p->l.max_age;
}

static bool
may_go_by_size(const struct random_plan *p, const struct gc_entry *e)
{
	return !e->pinned && !(p->l.spare && e->used > p->l.now - p->l.spare);
}

/* A is to go before B. */
static bool
before(const struct gc_entry *a, const struct gc_entry *b)
{
	if (a->unreachable != b->unreachable)
		return a->unreachable;
	return a->used < b->used;
}

/* Each one by itself: nobody goes or stays against the rules. */
static void
check_entry(const struct random_plan *p, size_t i)
{
	const struct gc_entry *e = &p->e[i];

	assert_int_equal(e->victim, e->why != GC_STAYS);
	if (e->pinned) {
		assert_false(e->victim);
	} else if (p->before[i] != GC_STAYS) {
		assert_int_equal(e->why, p->before[i]);
	} else if (is_old(p, e)) {
		assert_int_equal(e->why, GC_BY_AGE);
	} else if (e->victim) {
		assert_true(by_size(e));
		assert_true(may_go_by_size(p, e));
		assert_int_equal(e->why == GC_UNREACHABLE, e->unreachable);
	}
}

static void
check_plan(const struct random_plan *p, uint64_t after)
{
	bool over = p->l.max_size && left(p, not_by_size) > p->l.max_size;
	const struct gc_entry *kept = NULL; /* first that might have gone */

	last = NULL;
	assert_int_equal(after, left(p, any));
	for (size_t i = 0; i < p->n; i++) {
		const struct gc_entry *e = &p->e[i];

		check_entry(p, i);
		if (by_size(e) && e->victim && (!last || before(last, e)))
			last = e;
		if (!e->victim && may_go_by_size(p, e) &&
		    (!kept || before(e, kept)))
			kept = e;
	}
	/* Only if need be, and down to the target unless nothing is left
	 * that might go. */
	assert_true(over || !last);
	assert_true(!over || after <= p->l.target || !kept);
	assert_true(!p->l.max_size || after <= p->l.max_size || !kept);
	/* Least recently used first. */
	assert_true(!last || !kept || !before(kept, last));
}

/* No more than it takes: the one that went last was needed.  With equals one
 * of them is. */
static void
check_thrift(const struct random_plan *p)
{
	bool needed = false;
	const struct gc_entry *of = last;

	for (size_t i = 0; i < p->n && of; i++) {
		const struct gc_entry *e = &p->e[i];

		if (!e->victim || !by_size(e) || before(e, of) || before(of, e))
			continue;
		last = e;
		needed = needed || left(p, all_but_last) > p->l.target;
	}
	assert_true(!of || needed);
}

static void
random_plans_hold_what_they_promise(void **state)
{
	static struct random_plan p;
	unsigned sized = 0;

	(void)state;
	srandom(20260101);
	for (int i = 0; i < ROUNDS; i++) {
		make_random(&p);
		check_plan(&p, gc_plan(p.e, p.n, &p.blobs, p.total, &p.l));
		sized += last != NULL;
		check_thrift(&p);
	}
	/* The test itself sees what it is about. */
	assert_true(sized > ROUNDS / 10);
}

/* --- sweeps of a real store --- */

static struct store s;
static struct memo m;

static void
write_output(const char *name, char fill, char path[128])
{
	char text[5000];
	int fd;

	snprintf(path, 128, "%s/%s", testdir, name);
	memset(text, fill, sizeof(text));
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	assert_true(fd >= 0);
	assert_int_equal(file_write_fd(fd, text, sizeof(text)), 0);
	close(fd);
}

/* An entry of one output, last used AGE seconds ago. */
static void
put(const char *name, char fill, int age, struct digest *k1)
{
	struct timespec t[2] = { { .tv_nsec = UTIME_NOW },
				 { .tv_sec = time(NULL) - age } };
	struct blob_put p = { 0 };
	struct entry e = { .nout = 1 };
	char path[128], file[STORE_NAME];

	write_output("output", fill, path);
	p.path = path;
	assert_int_equal(blob_put(&s, &m, &p, &e.out[0].blob), 0);
	memcpy(e.out[0].name, "liba.rlib", 10);
	e.out[0].role = ENTRY_LINK;
	e.out[0].size = p.size;
	digest_bytes(name, strlen(name), k1);
	assert_int_equal(entry_save(&s, k1, &e), 0);
	store_name("entries", k1, file);
	assert_int_equal(utimensat(s.dir, file, t, 0), 0);
	entry_release(&e);
}

static int
open_store(void **state)
{
	char path[128];

	if (testdir_make(state) < 0)
		return -1;
	snprintf(path, sizeof(path), "%s/store", testdir);
	if (store_open(&s, path) < 0)
		return -1;
	memo_open(&m, s.dir);
	return 0;
}

static int
close_store(void **state)
{
	memo_close(&m);
	store_close(&s);
	return testdir_remove(state);
}

static bool
loads(const struct digest *k1)
{
	struct entry e;

	if (entry_load(&s, k1, &e) < 0)
		return false;
	assert_true(blob_exists(&s, &e.out[0].blob));
	entry_release(&e);
	return true;
}

static void
a_sweep_keeps_what_was_used(void **state)
{
	struct gc_options o = { .max_size = 20000 };
	struct digest old, mid, young;
	struct gc_report r;

	(void)state;
	put("old", 'o', 9000, &old);
	put("mid", 'm', 5000, &mid);
	put("young", 'y', 1, &young);
	o.dry_run = true;
	assert_int_equal(gc_run(&s, &m, &o, &r), 0);
	assert_int_equal(r.entries, 3);
	assert_int_equal(r.blobs, 3);
	assert_true(r.victims > 0);
	assert_true(loads(&old));
	o.dry_run = false;
	assert_int_equal(gc_run(&s, &m, &o, &r), 0);
	assert_false(loads(&old));
	assert_true(loads(&young));
	assert_true(r.bytes_after <= o.max_size);
	assert_true(r.freed > 0);
}

static void
shared_blobs_live_while_one_names_them(void **state)
{
	struct gc_options o = { .max_age = 8000ll * 1000000000 };
	struct digest a, b;
	struct gc_report r;

	(void)state;
	put("a", 'x', 9000, &a);
	put("b", 'x', 1, &b);
	assert_int_equal(gc_run(&s, &m, &o, &r), 0);
	assert_int_equal(r.victims, 1);
	assert_int_equal(r.orphans, 0);
	assert_false(loads(&a));
	assert_true(loads(&b));
}

static void
another_sweeper_is_not_disturbed(void **state)
{
	struct gc_options o = { .max_size = 1 };
	struct gc_report r;
	int fd = openat(s.dir, "gc.lock", O_RDWR | O_CREAT | O_CLOEXEC, 0600);

	(void)state;
	assert_int_equal(file_lock(fd, 0, true, 0), 0);
	assert_true(gc_run(&s, &m, &o, &r) < 0);
	close(fd);
	assert_int_equal(gc_run(&s, &m, &o, &r), 0);
}

static void
a_dead_sweepers_trash_comes_back(void **state)
{
	struct gc_options o = { 0 };
	char blob[STORE_NAME], trash[STORE_NAME];
	struct gc_report r;
	struct entry e;
	struct digest k;

	(void)state;
	put("lost", 'l', 1, &k);
	assert_int_equal(entry_load(&s, &k, &e), 0);
	store_name("blobs", &e.out[0].blob, blob);
	snprintf(trash, sizeof(trash), "trash/%s", strrchr(blob, '/') + 1);
	assert_int_equal(renameat(s.dir, blob, s.dir, trash), 0);
	entry_release(&e);
	assert_int_equal(gc_run(&s, &m, &o, &r), 0);
	assert_true(loads(&k));
}

/* Manifests of units that have an entry, or may get one soon, stay; so do
 * young files below tmp/. */
static void
leftovers_go_when_they_are_old(void **state)
{
	static const struct timespec old[2] = { { .tv_sec = 1000000 },
						{ .tv_sec = 1000000 } };
	struct gc_options o = { 0 };
	char lone[STORE_NAME], used[STORE_NAME];
	struct digest k, unit, none = { { 0 } };
	struct gc_report r;

	(void)state;
	put("entry of unit zero", 'z', 1, &k);
	digest_bytes("unit", 4, &unit);
	store_name("manifests", &unit, lone);
	store_name("manifests", &none, used);
	assert_int_equal(file_publish(s.dir, "tmp/a", lone, "x", 1), 0);
	assert_int_equal(file_publish(s.dir, "tmp/a", used, "x", 1), 0);
	assert_int_equal(file_publish(s.dir, "tmp/a", "tmp/old", "x", 1), 0);
	assert_int_equal(file_publish(s.dir, "tmp/a", "tmp/new", "x", 1), 0);
	assert_int_equal(utimensat(s.dir, "tmp/old", old, 0), 0);
	assert_int_equal(utimensat(s.dir, used, old, 0), 0);
	assert_int_equal(gc_run(&s, &m, &o, &r), 0);
	assert_int_equal(r.manifests, 0);
	assert_int_equal(r.temps, 1);
	assert_int_equal(faccessat(s.dir, "tmp/new", F_OK, 0), 0);
	assert_int_equal(faccessat(s.dir, "tmp/old", F_OK, 0), -1);
	assert_int_equal(utimensat(s.dir, lone, old, 0), 0);
	assert_int_equal(gc_run(&s, &m, &o, &r), 0);
	assert_int_equal(r.manifests, 1);
	assert_int_equal(faccessat(s.dir, lone, F_OK, 0), -1);
	assert_int_equal(faccessat(s.dir, used, F_OK, 0), 0);
}

/* What an automatic sweep would spare, one by hand takes. */
static void
automatic_sweeps_spare_the_young(void **state)
{
	struct gc_options o = { .max_size = 1, .automatic = true };
	struct gc_report r;
	struct digest k;

	(void)state;
	put("young again", 'Y', 1, &k);
	o.dry_run = true;
	assert_int_equal(gc_run(&s, &m, &o, &r), 0);
	o.max_size = r.bytes - 1;
	o.dry_run = false;
	put("young again", 'Y', 1, &k);
	assert_int_equal(gc_run(&s, &m, &o, &r), 0);
	assert_true(loads(&k));
	/* Far over the limit nobody is spared. */
	o.max_size = 1;
	assert_int_equal(gc_run(&s, &m, &o, &r), 0);
	assert_false(loads(&k));
	assert_int_equal(memo_add_stored(&m, 0), r.bytes_after);
}

static bool
stop_after(void *ctx, uint64_t done, uint64_t total)
{
	int *left = ctx;

	assert_true(done <= total);
	return (*left)-- > 0;
}

/* Ended anywhere, nothing that stays is harmed, and the next one finishes. */
static void
a_sweep_may_be_cut_short(void **state)
{
	struct gc_options o = { .max_size = 1, .go_on = stop_after };
	struct digest k[4], keep;
	struct gc_report r;
	int steps;

	(void)state;
	for (int stop = 0; stop < 12; stop++) {
		for (int i = 0; i < 4; i++) {
			char name[16];

			snprintf(name, sizeof(name), "cut %d", i);
			put(name, (char)('0' + i), 5000, &k[i]);
		}
		put("cut keep", 'k', 1, &keep);
		steps = stop;
		o.ctx = &steps;
		assert_int_equal(gc_run(&s, &m, &o, &r), 0);
		assert_int_equal(r.cut_short, steps < 0);
		/* What there is has its blob. */
		for (int i = 0; i < 4; i++)
			loads(&k[i]);
	}
	o.go_on = NULL;
	assert_int_equal(gc_run(&s, &m, &o, &r), 0);
	assert_false(r.cut_short);
	assert_int_equal(gc_run(&s, &m, &o, &r), 0);
	assert_int_equal(r.blobs + r.entries, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(below_the_limit_only_orphans_go),
		cmocka_unit_test(least_recently_used_go_first),
		cmocka_unit_test(the_young_are_spared_in_automatic_sweeps),
		cmocka_unit_test(the_old_go_in_any_case),
		cmocka_unit_test(random_plans_hold_what_they_promise),
		cmocka_unit_test(a_sweep_keeps_what_was_used),
		cmocka_unit_test(shared_blobs_live_while_one_names_them),
		cmocka_unit_test(another_sweeper_is_not_disturbed),
		cmocka_unit_test(a_dead_sweepers_trash_comes_back),
		cmocka_unit_test(leftovers_go_when_they_are_old),
		cmocka_unit_test(automatic_sweeps_spare_the_young),
		cmocka_unit_test(a_sweep_may_be_cut_short),
	};

	return cmocka_run_group_tests(tests, open_store, close_store);
}
