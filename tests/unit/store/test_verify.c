/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "store/verify.h"

#include "base/buf.h"
#include "base/digest.h"
#include "base/file.h"
#include "base/record.h"
#include "key/digest_cache.h"
#include "store/blob.h"
#include "store/entry.h"
#include "store/gc.h"
#include "store/manifest.h"
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
#include <sys/wait.h>
#include <unistd.h>

static struct store s;
static struct digest_cache m;

static void
put_blob(const char *text, struct entry_output *o)
{
	char path[128];
	struct blob_put p = { .path = path };
	int fd;

	snprintf(path, sizeof(path), "%s/output", testdir);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	assert_int_equal(file_write_fd(fd, text, strlen(text)), 0);
	close(fd);
	assert_int_equal(blob_put(&s, &m, &p, &o->blob), 0);
	memcpy(o->name, "liba.rlib", 10);
	o->role = ENTRY_LINK;
	o->size = p.size;
}

/* The entry NAME of the unit NAME, of one blob. */
static void
put(const char *name, const char *text, struct digest *k1)
{
	struct entry e = { .nout = 2 };

	put_blob(text, &e.out[0]);
	memcpy(e.out[1].name, "a.d", 4);
	e.out[1].role = ENTRY_DEPINFO;
	digest_bytes(name, strlen(name), k1);
	e.k0 = *k1;
	assert_int_equal(entry_save(&s, k1, &e), 0);
}

static void
put_manifest(const char *name)
{
	struct manifest_record r = { .compile_us = 1 };
	struct digest k0;

	digest_bytes(name, strlen(name), &k0);
	assert_int_equal(inputs_add(&r.inputs, 'f', "w/a", 3), 0);
	assert_int_equal(inputs_finish(&r.inputs), 0);
	assert_int_equal(manifest_add(&s, &k0, &r), 0);
}

/* Overwrites the middle of the file NAME below the store. */
static void
damage(const char *kind, const struct digest *d)
{
	char name[STORE_NAME];
	struct stat st;
	int fd;

	store_name(kind, d, name);
	fd = openat(s.dir, name, O_RDWR | O_CLOEXEC);
	assert_true(fd >= 0);
	assert_int_equal(fstat(fd, &st), 0);
	assert_int_equal(pwrite(fd, "\377\377", 2, st.st_size / 2), 2);
	close(fd);
}

static bool
is_there(const char *kind, const struct digest *d)
{
	char name[STORE_NAME];

	store_name(kind, d, name);
	return faccessat(s.dir, name, F_OK, 0) == 0;
}

static size_t problems;
static uint64_t seen_done, seen_total;

static void
note_problem(void *ctx, const char *name, const char *what)
{
	(void)ctx;
	problems++;
	assert_true(strlen(name) > 5);
	assert_true(what[0]);
}

static void
note_progress(void *ctx, uint64_t done, uint64_t total)
{
	(void)ctx;
	assert_true(done >= seen_done && done <= total);
	seen_done = done;
	seen_total = total;
}

static struct verify_report
verify(bool repair)
{
	struct verify_options o = { .repair = repair,
				    .problem = note_problem,
				    .progress = note_progress };
	struct verify_report r;

	problems = 0;
	seen_done = seen_total = 0;
	assert_int_equal(verify_run(&s, &o, &r), 0);
	assert_int_equal(problems, r.bad_manifests + r.bad_entries +
					   r.bad_blobs + r.bad_others +
					   r.missing_blobs + r.foreign);
	assert_int_equal(problems, r.repaired + r.left);
	return r;
}

static void
verify_finds_each_kind_of_damage(void **state)
{
	struct digest sound, blob, entry, lost, manifest, d;
	char name[STORE_NAME];
	struct verify_report r;

	(void)state;
	put("sound", "sound", &sound);
	put_manifest("sound");
	r = verify(true);
	r = verify(false);
	assert_int_equal(problems, 0);
	assert_true(r.blobs > 0 && r.entries > 0 && r.manifests > 0);
	assert_int_equal(r.bytes, seen_total);
	assert_int_equal(seen_done, seen_total);
	put("blob", "damaged blob", &blob);
	digest_bytes("damaged blob", 12, &d);
	damage("blobs", &d);
	put("lost", "lost blob", &lost);
	digest_bytes("lost blob", 9, &d);
	store_name("blobs", &d, name);
	assert_int_equal(unlinkat(s.dir, name, 0), 0);
	put("entry", "entry", &entry);
	damage("entries", &entry);
	put_manifest("manifest");
	digest_bytes("manifest", 8, &manifest);
	damage("manifests", &manifest);
	r = verify(false);
	assert_int_equal(r.bad_blobs, 1);
	assert_int_equal(r.missing_blobs, 1);
	assert_int_equal(r.bad_entries, 1);
	assert_int_equal(r.bad_manifests, 1);
	assert_int_equal(r.repaired, 0);
	assert_true(is_there("entries", &entry));
	/* The entry of the damaged blob goes with it. */
	r = verify(true);
	assert_int_equal(r.missing_blobs, 2);
	assert_int_equal(r.repaired, 5);
	assert_false(is_there("entries", &entry));
	assert_false(is_there("entries", &blob));
	assert_false(is_there("entries", &lost));
	assert_false(is_there("manifests", &manifest));
	assert_true(is_there("entries", &sound));
	r = verify(false);
	assert_int_equal(problems, 0);
}

static void
what_is_newer_is_nobodys_problem(void **state)
{
	struct verify_report r;
	char name[STORE_NAME];
	struct buf b = { 0 };
	struct digest k;

	(void)state;
	digest_bytes("newer", 5, &k);
	store_name("entries", &k, name);
	record_seal(&b, 'e', 2, "\220", 1);
	assert_int_equal(file_publish(s.dir, "tmp/x", name, b.p, b.len), 0);
	buf_free(&b);
	r = verify(true);
	assert_int_equal(problems, 0);
	assert_int_equal(r.repaired, 0);
	assert_true(is_there("entries", &k));
}

static void
put_file(const char *name, const char *text)
{
	assert_int_equal(file_publish(s.dir, "tmp/x", name, text, strlen(text)),
			 0);
}

static bool
exists(const char *name)
{
	return faccessat(s.dir, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

/* Only plain files of ours go; what else somebody put there is told. */
static void
foreign_files_are_found(void **state)
{
	struct digest d;
	char name[STORE_NAME], wrong[STORE_NAME + 8];
	struct verify_report r;

	(void)state;
	put("here", "wrong directory", &d);
	store_name("entries", &d, name);
	snprintf(wrong, sizeof(wrong), "entries/%s/%s",
		 strncmp(name + 8, "ff", 2) ? "ff" : "ee", name + 11);
	assert_int_equal(file_link(s.dir, name, s.dir, wrong), 0);
	put_file("blobs/ab/readme", "x");
	put_file("manifests/zz/readme", "x");
	put_file("blobs/readme", "x");
	assert_int_equal(symlinkat("/nowhere", s.dir, "entries/ab"), 0);
	assert_int_equal(mkdirat(s.dir, "blobs/ab/dir", 0700), 0);
	r = verify(false);
	/* manifests/zz is one thing that has no business there. */
	assert_int_equal(r.foreign, 6);
	assert_int_equal(r.left, 6);
	r = verify(true);
	assert_int_equal(r.repaired, 3);
	assert_int_equal(r.left, 3);
	assert_false(exists(wrong));
	assert_false(exists("blobs/ab/readme"));
	assert_false(exists("blobs/readme"));
	assert_true(exists("entries/ab"));
	assert_true(exists("blobs/ab/dir"));
	assert_true(exists("manifests/zz/readme"));
	assert_true(exists(name));
	unlinkat(s.dir, "entries/ab", 0);
	unlinkat(s.dir, "blobs/ab/dir", AT_REMOVEDIR);
	unlinkat(s.dir, "manifests/zz/readme", 0);
	unlinkat(s.dir, "manifests/zz", AT_REMOVEDIR);
	verify(false);
	assert_int_equal(problems, 0);
}

/* What lies at a name of ours but is no file serves nobody. */
static void
what_is_no_file_goes(void **state)
{
	char name[STORE_NAME];
	struct verify_report r;
	struct digest d;

	(void)state;
	digest_bytes("a link", 6, &d);
	store_name("blobs", &d, name);
	put_file(name, "");
	assert_int_equal(unlinkat(s.dir, name, 0), 0);
	assert_int_equal(symlinkat("/etc/passwd", s.dir, name), 0);
	digest_bytes("a directory", 11, &d);
	store_name("entries", &d, name);
	put_file(name, "");
	assert_int_equal(unlinkat(s.dir, name, 0), 0);
	assert_int_equal(mkdirat(s.dir, name, 0700), 0);
	r = verify(true);
	assert_int_equal(r.bad_blobs, 1);
	assert_int_equal(r.bad_entries, 1);
	assert_int_equal(r.left, 0);
	verify(false);
	assert_int_equal(problems, 0);
}

static void
seal(const char *name, char type, uint32_t version)
{
	struct buf b = { 0 };

	record_seal(&b, type, version, "\220", 1);
	assert_int_equal(file_publish(s.dir, "tmp/x", name, b.p, b.len), 0);
	buf_free(&b);
}

static void
intents_and_ids_are_checked(void **state)
{
	char name[STORE_NAME], dead[STORE_NAME];
	struct verify_report r;
	struct digest d;

	(void)state;
	digest_bytes("intent", 6, &d);
	store_name("spool", &d, name);
	snprintf(dead, sizeof(dead), "spool/dead/%s", strrchr(name, '/') + 1);
	assert_int_equal(mkdirat(s.dir, "spool", 0700), 0);
	seal(name, 's', 1);
	seal(dead, 's', 1);
	seal("ids/sound", 'i', 1);
	seal("ids/newer", 'i', 2);
	put_file("ids/torn", "kchi");
	r = verify(false);
	assert_int_equal(r.others, 5);
	assert_int_equal(r.bad_others, 1);
	assert_int_equal(r.newer, 2); /* and the entry of another test */
	put_file(name, "");
	put_file(dead, "");
	r = verify(true);
	assert_int_equal(r.bad_others, 3);
	assert_int_equal(r.left, 0);
	assert_true(exists("ids/sound") && exists("ids/newer"));
	assert_false(exists(name) || exists(dead));
}

/* A sweep may have moved it, and brings it back if the entry stays. */
static void
a_blob_in_the_trash_is_not_missing(void **state)
{
	char name[STORE_NAME], trash[STORE_NAME];
	struct verify_report r;
	struct digest k, d;

	(void)state;
	put("moved", "moved blob", &k);
	digest_bytes("moved blob", 10, &d);
	store_name("blobs", &d, name);
	snprintf(trash, sizeof(trash), "trash/%s", strrchr(name, '/') + 1);
	assert_int_equal(renameat(s.dir, name, s.dir, trash), 0);
	verify(false);
	assert_int_equal(problems, 0);
	assert_int_equal(unlinkat(s.dir, trash, 0), 0);
	r = verify(true);
	assert_int_equal(r.missing_blobs, 1);
}

/* A store replaces the file between the judgement and the repair. */
static void
heal(void *ctx, const char *name, const char *what)
{
	struct digest d;

	(void)what;
	assert_string_equal(name, ctx);
	assert_int_equal(unlinkat(s.dir, name, 0), 0);
	put("healed", "healed blob", &d);
}

static void
only_what_was_judged_is_removed(void **state)
{
	struct verify_options o = { .repair = true, .problem = heal };
	char name[STORE_NAME];
	struct verify_report r;
	struct digest k, d;

	(void)state;
	put("healed", "healed blob", &k);
	digest_bytes("healed blob", 11, &d);
	store_name("blobs", &d, name);
	assert_int_equal(unlinkat(s.dir, name, 0), 0);
	put_file(name, "something else");
	o.ctx = name;
	assert_int_equal(verify_run(&s, &o, &r), 0);
	assert_int_equal(r.bad_blobs, 1);
	assert_int_equal(r.repaired, 0);
	assert_int_equal(r.left, 1);
	assert_true(exists(name));
	verify(false);
	assert_int_equal(problems, 0);
}

static int64_t
read_at(const char *name)
{
	struct stat st;

	assert_int_equal(fstatat(s.dir, name, &st, 0), 0);
	return st.st_atim.tv_sec;
}

/* What was not read for days: any file system that counts reads at all counts
 * the next one. */
static void
to_look_is_no_use(void **state)
{
	const struct timespec old[2] = { { .tv_sec = 1000000 },
					 { .tv_sec = 1000000 } };
	char names[2][STORE_NAME];
	struct digest k, d;

	(void)state;
	put("idle", "idle blob", &k);
	digest_bytes("idle blob", 9, &d);
	store_name("entries", &k, names[0]);
	store_name("blobs", &d, names[1]);
	for (int i = 0; i < 2; i++)
		assert_int_equal(utimensat(s.dir, names[i], old, 0), 0);
	verify(false);
	assert_int_equal(problems, 0);
	for (int i = 0; i < 2; i++)
		assert_int_equal(read_at(names[i]), 1000000);
}

/* The Makefile has the linker put these between.  Which beginning of a list of
 * items fails; 0: none. */
static int failing;

void *__real_vec_grow(void *p, size_t n, size_t more, size_t size);
void *__wrap_vec_grow(void *p, size_t n, size_t more, size_t size);

void *
__wrap_vec_grow(void *p, size_t n, size_t more, size_t size)
{
	if (!p && size == 2 * sizeof(char *) && failing && --failing == 0)
		return NULL;
	return __real_vec_grow(p, n, more, size);
}

static void
no_memory_for_a_suspect_is_an_error(void **state)
{
	struct verify_options o = { .threads = 1 };
	struct verify_report r;
	char name[STORE_NAME];
	struct digest k, d;

	(void)state;
	put("suspect", "suspect blob", &k);
	digest_bytes("suspect blob", 12, &d);
	store_name("blobs", &d, name);
	assert_int_equal(unlinkat(s.dir, name, 0), 0);
	/* The first is that of all files. */
	failing = 2;
	assert_int_equal(verify_run(&s, &o, &r), -ENOMEM);
	assert_int_equal(failing, 0);
	assert_int_equal(verify(true).missing_blobs, 1);
}

/* Stores and sweeps in another process, as fast as they can. */
static void
churn(int rounds)
{
	struct gc_options all = { .max_size = 1 };
	struct gc_report rep;
	char text[32];
	struct digest d;

	for (int i = 0; i < rounds; i++) {
		for (int k = 0; k < 8; k++) {
			snprintf(text, sizeof(text), "churn %d %d", i, k);
			put(text, text, &d);
		}
		if (gc_run(&s, &m, &all, &rep) < 0)
			_exit(1);
	}
	_exit(0);
}

static void
nothing_is_wrong_while_stores_and_sweeps_go_on(void **state)
{
	char dir[128];
	int status = 0;
	pid_t child;

	(void)state;
	child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		/* Locks belong to open files. */
		snprintf(dir, sizeof(dir), "%s/store", testdir);
		digest_cache_close(&m);
		store_close(&s);
		if (store_open(&s, dir) < 0)
			_exit(1);
		digest_cache_open(&m, s.dir);
		churn(60);
	}
	do {
		struct verify_options o = { .threads = 4,
					    .settle_ms = 2000,
					    .problem = note_problem };
		struct verify_report r;

		problems = 0;
		assert_int_equal(verify_run(&s, &o, &r), 0);
		assert_int_equal(problems, 0);
	} while (waitpid(child, &status, WNOHANG) == 0);
	assert_int_equal(status, 0);
}

static int
set_up(void **state)
{
	char dir[128];

	if (testdir_make(state) < 0)
		return -1;
	snprintf(dir, sizeof(dir), "%s/store", testdir);
	if (store_open(&s, dir) < 0)
		return -1;
	digest_cache_open(&m, s.dir);
	return 0;
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
		cmocka_unit_test(verify_finds_each_kind_of_damage),
		cmocka_unit_test(what_is_newer_is_nobodys_problem),
		cmocka_unit_test(foreign_files_are_found),
		cmocka_unit_test(what_is_no_file_goes),
		cmocka_unit_test(intents_and_ids_are_checked),
		cmocka_unit_test(a_blob_in_the_trash_is_not_missing),
		cmocka_unit_test(only_what_was_judged_is_removed),
		cmocka_unit_test(to_look_is_no_use),
		cmocka_unit_test(no_memory_for_a_suspect_is_an_error),
		cmocka_unit_test(
			nothing_is_wrong_while_stores_and_sweeps_go_on),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
