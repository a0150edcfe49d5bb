/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "store/outdir_archive.h"

#include "base/buf.h"
#include "base/digest.h"
#include "base/err.h"
#include "base/file.h"
#include "key/digest_cache.h"
#include "rustc/roots.h"
#include "store/outdir_archive_format.h"
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

static char paths[32][160];
static size_t npaths;

static const char *
at(const char *name)
{
	char *to = paths[npaths++ % 32];

	snprintf(to, 160, "%s/%s", testdir, name);
	return to;
}

static void
put(const char *name, const char *text, size_t n, mode_t mode)
{
	int fd = open(at(name), O_WRONLY | O_CREAT | O_TRUNC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(file_write_fd(fd, text, n), 0);
	assert_int_equal(fchmod(fd, mode), 0);
	close(fd);
}

static void
is(const char *name, const char *text, size_t n, mode_t mode)
{
	struct buf b = { 0 };
	struct stat st;

	assert_int_equal(file_read(AT_FDCWD, at(name), 64 << 20, &b), 0);
	assert_int_equal(b.len, n);
	assert_memory_equal(b.p ? b.p : "", text, n);
	assert_int_equal(stat(at(name), &st), 0);
	assert_int_equal(st.st_mode & 0777, mode);
	buf_free(&b);
}

static struct roots
roots_at(const char *dir)
{
	struct roots r = { .count = 1 };

	r.r[0] = (struct root){ 'O', 0, dir, strlen(dir), NULL };
	return r;
}

static void
pack_with(const struct outdir_in *in, const char *archive, int want)
{
	int fd = open(at(archive), O_WRONLY | O_CREAT | O_TRUNC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(outdir_pack(in, fd), want);
	close(fd);
}

static void
pack(const char *dir, const char *archive)
{
	const char *path = at(dir);
	struct roots r = roots_at(path);
	struct outdir_in in = { .dir = path, .roots = &r };

	pack_with(&in, archive, 0);
}

static int
unpack(const char *archive, const char *dir)
{
	const char *path = at(dir);
	struct roots r = roots_at(path);
	int fd = open(at(archive), O_RDONLY), e;
	uint64_t bytes = 0;

	assert_true(fd >= 0);
	e = outdir_unpack(fd, &r, path, ".stage", NULL, &bytes);
	close(fd);
	assert_int_equal(access(at(".stage"), F_OK), -1);
	return e;
}

/* A tree of every kind: text with and without its own path, bytes, a large
 * file, modes, links, an empty directory. */
static char large[OUTDIR_TEXT_MAX + 100];

static void
make_tree(const char *dir)
{
	char text[256], name[64];
	int n = snprintf(text, sizeof(text), "here: %s/gen.rs\n", at(dir));

	assert_int_equal(mkdir(at(dir), 0755), 0);
	snprintf(name, sizeof(name), "%s/sub", dir);
	assert_int_equal(mkdir(at(name), 0755), 0);
	snprintf(name, sizeof(name), "%s/sub/empty", dir);
	assert_int_equal(mkdir(at(name), 0755), 0);
	snprintf(name, sizeof(name), "%s/sub/path.txt", dir);
	put(name, text, (size_t)n, 0644);
	snprintf(name, sizeof(name), "%s/gen.rs", dir);
	put(name, "const X: u8 = 1;\n", 17, 0640);
	snprintf(name, sizeof(name), "%s/bytes", dir);
	put(name, "a\0b\1c", 5, 0755);
	snprintf(name, sizeof(name), "%s/zero", dir);
	put(name, "", 0, 0444);
	memset(large, 'x', sizeof(large));
	snprintf(name, sizeof(name), "%s/large", dir);
	put(name, large, sizeof(large), 0600);
	snprintf(name, sizeof(name), "%s/ln", dir);
	assert_int_equal(symlink(at(dir), at(name)), 0);
	snprintf(name, sizeof(name), "%s/dangling", dir);
	assert_int_equal(symlink("../nowhere", at(name)), 0);
}

static void
check_tree(const char *dir)
{
	char text[256], name[64], to[256];
	int n = snprintf(text, sizeof(text), "here: %s/gen.rs\n", at(dir));
	struct stat st;
	ssize_t k;

	snprintf(name, sizeof(name), "%s/sub/path.txt", dir);
	is(name, text, (size_t)n, 0644);
	snprintf(name, sizeof(name), "%s/gen.rs", dir);
	is(name, "const X: u8 = 1;\n", 17, 0640);
	snprintf(name, sizeof(name), "%s/bytes", dir);
	is(name, "a\0b\1c", 5, 0755);
	snprintf(name, sizeof(name), "%s/zero", dir);
	is(name, "", 0, 0444);
	snprintf(name, sizeof(name), "%s/large", dir);
	is(name, large, sizeof(large), 0600);
	snprintf(name, sizeof(name), "%s/sub/empty", dir);
	assert_int_equal(stat(at(name), &st), 0);
	assert_true(S_ISDIR(st.st_mode));
	snprintf(name, sizeof(name), "%s/ln", dir);
	k = readlink(at(name), to, sizeof(to) - 1);
	assert_true(k > 0);
	to[k] = '\0';
	assert_string_equal(to, at(dir));
}

static void
a_tree_comes_back_in_another_place(void **state)
{
	struct buf one = { 0 }, two = { 0 };

	(void)state;
	make_tree("out");
	pack("out", "a1");
	assert_int_equal(mkdir(at("elsewhere"), 0755), 0);
	assert_int_equal(unpack("a1", "elsewhere"), 0);
	check_tree("elsewhere");
	/* Equal trees give equal archives, wherever they lie. */
	pack("elsewhere", "a2");
	assert_int_equal(file_read(AT_FDCWD, at("a1"), 64 << 20, &one), 0);
	assert_int_equal(file_read(AT_FDCWD, at("a2"), 64 << 20, &two), 0);
	assert_int_equal(one.len, two.len);
	assert_memory_equal(one.p, two.p, one.len);
	buf_free(&one);
	buf_free(&two);
}

/* Where the umask had no part in a mode, it has none later. */
static void
the_umask_decides_of_new_files(void **state)
{
	mode_t old = umask(077);
	struct stat st;

	(void)state;
	assert_int_equal(mkdir(at("narrow"), 0755), 0);
	assert_int_equal(unpack("a1", "narrow"), 0);
	umask(old);
	is("narrow/gen.rs", "const X: u8 = 1;\n", 17, 0640);
	is("narrow/bytes", "a\0b\1c", 5, 0700);
	assert_int_equal(stat(at("narrow/sub"), &st), 0);
	assert_int_equal(st.st_mode & 0777, 0700);
}

/* What chmod and utimensat gave is no default, of which the umask decides. */
static void
modes_and_times_on_purpose_come_back(void **state)
{
	const struct timespec old[2] = {
		{ .tv_sec = 10 }, { .tv_sec = 1600000000, .tv_nsec = 7 }
	};
	struct roots r = { 0 };
	struct outdir_in in = { .roots = &r,
				.since = (int64_t)1700000000 * 1000000000 };
	char dir[256];
	struct stat st;
	mode_t mask;

	(void)state;
	assert_int_equal(mkdir(at("purpose"), 0755), 0);
	put("purpose/wide", "x", 1, 0777);
	put("purpose/shared", "x", 1, 0664);
	put("purpose/plain", "x", 1, 0644);
	assert_int_equal(utimensat(AT_FDCWD, at("purpose/plain"), old, 0), 0);
	snprintf(dir, sizeof(dir), "%s", at("purpose"));
	in.dir = dir;
	pack_with(&in, "a4", 0);
	assert_int_equal(mkdir(at("again"), 0755), 0);
	mask = umask(027);
	assert_int_equal(unpack("a4", "again"), 0);
	umask(mask);
	is("again/wide", "x", 1, 0777);
	is("again/shared", "x", 1, 0664);
	is("again/plain", "x", 1, 0640);
	assert_int_equal(stat(at("again/plain"), &st), 0);
	assert_int_equal(st.st_mtim.tv_sec, 1600000000);
	assert_int_equal(st.st_mtim.tv_nsec, 7);
	assert_int_equal(stat(at("again/wide"), &st), 0);
	assert_true(st.st_mtim.tv_sec > 1600000000);
}

static void
what_else_lies_there_is_kept(void **state)
{
	(void)state;
	assert_int_equal(mkdir(at("full"), 0755), 0);
	assert_int_equal(mkdir(at("full/sub"), 0755), 0);
	assert_int_equal(mkdir(at("full/gen.rs"), 0755), 0);
	put("full/gen.rs/x", "x", 1, 0600);
	put("full/mine", "mine", 4, 0600);
	put("full/sub/mine", "mine", 4, 0600);
	put("full/bytes", "old", 3, 0600);
	assert_int_equal(unpack("a1", "full"), 0);
	check_tree("full");
	is("full/mine", "mine", 4, 0600);
	is("full/sub/mine", "mine", 4, 0600);
	assert_false(outdir_is_empty(at("full")));
	assert_true(outdir_is_empty(at("none")));
}

static bool
is_gen(void *ctx, const char *path)
{
	(void)ctx;
	return !strcmp(path, at("out/gen.rs"));
}

static void
only_what_the_run_made_is_taken(void **state)
{
	const char *path = at("out");
	struct roots r = roots_at(path);
	struct outdir_in in = { .dir = path, .roots = &r, .is_own = is_gen };

	(void)state;
	pack_with(&in, "own", 0);
	assert_int_equal(mkdir(at("sparse"), 0755), 0);
	assert_int_equal(unpack("own", "sparse"), 0);
	is("sparse/gen.rs", "const X: u8 = 1;\n", 17, 0640);
	assert_int_equal(access(at("sparse/bytes"), F_OK), -1);
	assert_int_equal(access(at("sparse/ln"), F_OK), -1);
}

static void
no_directory_is_an_empty_archive(void **state)
{
	(void)state;
	pack("missing", "none");
	assert_int_equal(mkdir(at("void"), 0755), 0);
	assert_int_equal(unpack("none", "void"), 0);
	assert_true(outdir_is_empty(at("void")));
}

static void
pipes_are_refused(void **state)
{
	const char *path = at("odd");
	struct roots r = roots_at(path);
	struct outdir_in in = { .dir = path, .roots = &r };

	(void)state;
	assert_int_equal(mkdir(path, 0755), 0);
	assert_int_equal(mkfifo(at("odd/fifo"), 0600), 0);
	pack_with(&in, "a3", ERR_REFUSED);
	unlink(at("odd/fifo"));
	put("odd/a\nb", "x", 1, 0600);
	pack_with(&in, "a3", ERR_REFUSED);
}

static void
put_record(struct buf *b, char type, const char *name, const char *content,
	   uint64_t size)
{
	unsigned char head[OUTDIR_HEAD] = { (unsigned char)type };

	head[4] = (unsigned char)strlen(name);
	for (unsigned i = 0; i < 8; i++)
		head[8 + i] = (unsigned char)(size >> (8 * i));
	head[2] = 0x80;
	head[3] = 1;
	buf_add(b, head, sizeof(head));
	buf_str(b, name);
	buf_str(b, content);
}

static void
hostile(const char *label, const struct buf *b)
{
	put("evil", b->p, b->len, 0600);
	if (unpack("evil", "void") == 0)
		fail_msg("accepted: %s", label);
	assert_true(outdir_is_empty(at("void")));
}

/* Archives come from remotes, too. */
static void
nothing_leads_out_of_the_directory(void **state)
{
	static const char *const names[] = {
		"..", ".", "a/b", "/x", "a\nb", ""
	};
	struct buf b = { 0 };

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		buf_reset(&b);
		buf_add(&b, OUTDIR_MAGIC, OUTDIR_MAGIC_LEN);
		put_record(&b, OUTDIR_FILE, names[i], "x", 1);
		put_record(&b, OUTDIR_END, "", "", 0);
		hostile(names[i], &b);
	}
	buf_reset(&b);
	buf_add(&b, OUTDIR_MAGIC, OUTDIR_MAGIC_LEN);
	put_record(&b, OUTDIR_LINK, "a", "/tmp", 4);
	put_record(&b, OUTDIR_DIR, "a", "", 0);
	put_record(&b, OUTDIR_FILE, "kache-evil", "x", 1);
	put_record(&b, OUTDIR_UP, "", "", 0);
	put_record(&b, OUTDIR_END, "", "", 0);
	hostile("through a link", &b);
	assert_int_equal(access("/tmp/kache-evil", F_OK), -1);
	buf_reset(&b);
	buf_add(&b, OUTDIR_MAGIC, OUTDIR_MAGIC_LEN);
	put_record(&b, OUTDIR_UP, "", "", 0);
	put_record(&b, OUTDIR_END, "", "", 0);
	hostile("up", &b);
	buf_reset(&b);
	buf_add(&b, OUTDIR_MAGIC, OUTDIR_MAGIC_LEN);
	put_record(&b, OUTDIR_TEXT, "x", "\1q\1", 3);
	put_record(&b, OUTDIR_END, "", "", 0);
	hostile("unknown root", &b);
	buf_reset(&b);
	buf_add(&b, OUTDIR_MAGIC, OUTDIR_MAGIC_LEN);
	put_record(&b, OUTDIR_FILE, "x", "x", UINT64_MAX);
	hostile("huge", &b);
	buf_free(&b);
}

static void
a_cut_archive_leaves_nothing(void **state)
{
	struct buf b = { 0 };

	(void)state;
	assert_int_equal(file_read(AT_FDCWD, at("own"), 1 << 20, &b), 0);
	for (size_t n = 0; n < b.len; n++) {
		put("cut", b.p, n, 0600);
		if (unpack("cut", "void") == 0)
			fail_msg("accepted %zu of %zu bytes", n, b.len);
		assert_true(outdir_is_empty(at("void")));
	}
	buf_free(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_tree_comes_back_in_another_place),
		cmocka_unit_test(the_umask_decides_of_new_files),
		cmocka_unit_test(modes_and_times_on_purpose_come_back),
		cmocka_unit_test(what_else_lies_there_is_kept),
		cmocka_unit_test(only_what_the_run_made_is_taken),
		cmocka_unit_test(no_directory_is_an_empty_archive),
		cmocka_unit_test(pipes_are_refused),
		cmocka_unit_test(nothing_leads_out_of_the_directory),
		cmocka_unit_test(a_cut_archive_leaves_nothing),
	};

	return cmocka_run_group_tests(tests, testdir_make, testdir_remove);
}
