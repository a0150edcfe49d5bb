/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "key/unit.h"

#include "base/buf.h"
#include "base/digest.h"
#include "base/err.h"
#include "key/key_parts.h"
#include "rustc/args.h"
#include "rustc/roots.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

enum { WORDS = 64, VARS = 4 };

#define FRONT "--crate-name a --edition=2021 src/lib.rs "
#define FORM "--error-format=json --json=artifacts "
#define BACK \
	"--crate-type lib --emit=dep-info,metadata,link -C opt-level=1 " \
	"-C metadata=m -C extra-filename=-1 --out-dir /w/target/debug/deps " \
	"-L dependency=/w/target/debug/deps -L native=/w/native " \
	"--extern b=/w/target/debug/deps/libb-2.rmeta "
#define LIB FRONT FORM BACK

/* Everything a unit key is made from. */
struct unit {
	const char *words; /* LIB */
	const char *more;
	const char *cwd; /* /w */
	const char *target;
	const char *out_dir;
	const char *home;
	const char *sysroot;
	const char *place;
	const char *scope;
	enum roots_mode mode;
	bool no_roots_mode; /* roots as for MODE, key told of none */
	const char *toolchain;
	bool plain; /* built without -C incremental */
	const char *var[VARS][2];
};

static const struct unit *now;

static const char *
get(const char *name)
{
	for (size_t i = 0; i < VARS; i++)
		if (now->var[i][0] && !strcmp(now->var[i][0], name))
			return now->var[i][1];
	return NULL;
}

/* LIST gets the key's parts. */
static int
list_of(const struct unit *u, struct digest *k0, struct buf *list)
{
	const char *words[WORDS];
	struct digest toolchain;
	struct args a;
	struct roots r;
	char line[4096];
	int n = 0, e;

	snprintf(line, sizeof(line), "%s%s", u->words ? u->words : LIB,
		 u->more ? u->more : "");
	for (char *w = strtok(line, " "); w; w = strtok(NULL, " "))
		words[n++] = w;
	if (args_read(&a, n, words) < 0)
		fail_msg("refused: %s", a.reason);
	digest_bytes(u->toolchain ? u->toolchain : "t",
		     u->toolchain ? strlen(u->toolchain) : 1, &toolchain);
	roots_init(&r, &(struct roots_in){ .mode = u->mode,
					   .args = &a,
					   .cwd = u->cwd ? u->cwd : "/w",
					   .target = u->target,
					   .out_dir_env = u->out_dir,
					   .home = u->home,
					   .sysroot = u->sysroot });
	now = u;
	e = unit_key(
		&(struct unit_in){ .args = &a,
				   .roots = &r,
				   .toolchain = &toolchain,
				   .get = get,
				   .cwd = u->cwd ? u->cwd : "/w",
				   .sysroot = u->sysroot,
				   .place = u->place,
				   .scope = u->scope,
				   .mode = u->no_roots_mode ? 0 : (int)u->mode,
				   .incremental = !u->plain },
		k0, list);
	args_release(&a);
	return e;
}

static int
key_of(const struct unit *u, struct digest *k0)
{
	return list_of(u, k0, NULL);
}

/* Keys are equal where their lists are. */
static bool
equal(const struct unit *a, const struct unit *b)
{
	struct buf p = { 0 }, q = { 0 };
	struct digest x, y;
	bool same;

	assert_int_equal(list_of(a, &x, &p), 0);
	assert_int_equal(list_of(b, &y, &q), 0);
	same = digest_eq(&x, &y);
	assert_int_equal(same, p.len == q.len && !memcmp(p.p, q.p, p.len));
	buf_free(&p);
	buf_free(&q);
	return same;
}

/* What is said of B, where A was stored. */
static void
differs_by(const struct unit *a, const struct unit *b, const char *want)
{
	struct buf p = { 0 }, q = { 0 }, text = { 0 };
	struct digest x, y;

	assert_int_equal(list_of(a, &x, &p), 0);
	assert_int_equal(list_of(b, &y, &q), 0);
	key_parts_differ(p.p, p.len, &q, &text);
	assert_string_equal(text.p, want);
	buf_free(&p);
	buf_free(&q);
	buf_free(&text);
}

#define U(...) (&(struct unit){ __VA_ARGS__ })

static void
what_remaps_concern_counts(void **state)
{
	(void)state;
	assert_false(equal(U(.words = NULL), U(.scope = "--x=a")));
	assert_false(equal(U(.scope = "--x=b"), U(.scope = "--x=a")));
	assert_true(equal(U(.scope = "--x=a"), U(.scope = "--x=a")));
}

#define LINK \
	FRONT FORM \
		"--crate-type bin --emit=dep-info,link --out-dir /w/target/x "

static void
what_differs_is_named(void **state)
{
	(void)state;
	differs_by(U(.words = LINK),
		   U(.words = LINK, .var = { { "LD_LIBRARY_PATH", "/x" } }),
		   "VLD_LIBRARY_PATH");
	differs_by(U(.words = LINK),
		   U(.words = LINK, .var = { { "LIBRARY_PATH", "/x" } }),
		   "VLIBRARY_PATH");
	differs_by(U(.more = "-C target-cpu=x86-64-v3"),
		   U(.more = "-C target-cpu=native"),
		   ">A-C target-cpu=native | X | <A-C target-cpu=x86-64-v3");
	differs_by(U(.more = "--extern c=/x/libc.rmeta"),
		   U(.more = "--extern c=/x/libc.rlib"),
		   ">A--extern c=*.rlib | <A--extern c=*.rmeta");
	differs_by(U(.cwd = "/w"), U(.cwd = "/v"), "W");
	differs_by(U(.toolchain = "t"), U(.toolchain = "u"), "T");
	differs_by(U(.words = NULL), U(.scope = "--x=a"), "M");
	differs_by(U(.more = "-C metadata=n"), U(.words = NULL), "H");
}

/* Each word that is an input changes the key, and nothing else does. */
static void
every_word_of_a_key_counts(void **state)
{
	static const char *const counts[] = {
		"--cfg feature=\"x\"",
		"--check-cfg cfg(x)",
		"--cap-lints allow",
		"--target x86_64-unknown-linux-musl",
		"--test",
		"-C opt-level=2",
		"-C debuginfo=2",
		"-C metadata=n",
		"-C linker=cc",
		"-C link-arg=-s",
		"-C target-cpu=x86-64-v3",
		"-C panic=abort",
		"-C strip=debuginfo",
		"-C embed-bitcode=no",
		"-C prefer-dynamic",
		"-C incremental=/i",
		"-O",
		"-g",
		"-A warnings",
		"-W warnings",
		"-D warnings",
		"-F unsafe_code",
		"--allow x",
		"--warn x",
		"--deny x",
		"--forbid x",
		"--force-warn x",
		"-l z",
		"-L native=/n",
		"-L /n",
		"-L crate=/n",
		"-L framework=/n",
		"-Z threads=4",
		"--extern c=/w/libc.rlib",
		"--extern priv:b=/w/libb.rlib",
		"--extern proc_macro",
		"--remap-path-prefix=/a=/b",
		/* Never heard of: kept verbatim. */
		"--unheard-of=1",
		"-Cunheard-of=1",
		"-Zunheard-of=1",
	};
	size_t n = sizeof(counts) / sizeof(counts[0]);

	(void)state;
	for (size_t i = 0; i < n; i++) {
		if (equal(U(0), U(.more = counts[i])))
			fail_msg("no part of the key: %s", counts[i]);
		for (size_t k = 0; k < i; k++)
			if (equal(U(.more = counts[k]), U(.more = counts[i])))
				fail_msg("same key: %s and %s", counts[k],
					 counts[i]);
	}
}

static void
what_has_no_effect_is_dropped(void **state)
{
	static const char *const drops[] = {
		"--color never",
		"--json=diagnostic-rendered-ansi,artifacts",
		"--diagnostic-width 90",
		/* Where crates may be found, not which. */
		"-L dependency=/elsewhere",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(drops) / sizeof(drops[0]); i++)
		if (!equal(U(0), U(.more = drops[i])))
			fail_msg("part of the key: %s", drops[i]);
}

/* --cfg, -C and -l are read in order by rustc and by linkers. */
static void
order_and_boundaries_count(void **state)
{
	(void)state;
	assert_false(equal(U(.more = "-l x -l y"), U(.more = "-l y -l x")));
	assert_false(equal(U(.more = "-C panic=abort -C panic=unwind"),
			   U(.more = "-C panic=unwind -C panic=abort")));
	assert_false(equal(U(.more = "--cfg ab --cfg c"),
			   U(.more = "--cfg a --cfg bc")));
	assert_false(equal(U(.more = "--extern c=/c.rlib --extern d=/d.rlib"),
			   U(.more = "--extern d=/d.rlib "
				     "--extern c=/c.rlib")));
}

static void
source_and_crate_name_count(void **state)
{
	(void)state;
	assert_false(equal(U(.words = "--crate-name a --edition=2021 "
				      "src/main.rs " FORM BACK),
			   U(0)));
	assert_false(equal(U(.words = "--crate-name b --edition=2021 "
				      "src/lib.rs " FORM BACK),
			   U(0)));
	assert_false(equal(U(.words = "--crate-name a --edition=2018 "
				      "src/lib.rs " FORM BACK),
			   U(0)));
}

/* The content of an extern is in K1; its place is nobody's business. */
static void
externs_are_names_and_suffixes(void **state)
{
	(void)state;
	assert_true(equal(U(.more = "--extern c=/one/libc-1.rlib"),
			  U(.more = "--extern c=/two/libc-2.rlib")));
	assert_false(equal(U(.more = "--extern c=/one/libc-1.rlib"),
			   U(.more = "--extern c=/one/libc-1.rmeta")));
	assert_false(equal(U(.more = "--extern c=/one/libc-1.rlib"),
			   U(.more = "--extern d=/one/libc-1.rlib")));
}

static void
toolchain_mode_and_cwd_count(void **state)
{
	(void)state;
	assert_false(equal(U(.toolchain = "x"), U(0)));
	assert_false(equal(U(.cwd = "/v"), U(0)));
	assert_false(equal(U(.mode = ROOTS_CHECKOUT), U(0)));
	assert_false(
		equal(U(.mode = ROOTS_MACHINE), U(.mode = ROOTS_CHECKOUT)));
	/* The mode itself, with the same roots. */
	assert_false(equal(U(.mode = ROOTS_CHECKOUT),
			   U(.mode = ROOTS_CHECKOUT, .no_roots_mode = true)));
	/* What rustc is told to call the roots. */
	assert_false(equal(U(.mode = ROOTS_CHECKOUT),
			   U(.mode = ROOTS_CHECKOUT, .target = "/w/target")));
}

#define AT(dir) \
	"--crate-name a " dir "/src/lib.rs --crate-type lib --json=artifacts " \
	"--emit=dep-info,metadata,link -C metadata=m " \
	"--out-dir " dir "/target/debug/deps -L native=" dir "/native " \
	"-L dependency=" dir "/target/debug/deps " \
	"--extern b=" dir "/target/debug/deps/libb-2.rmeta " \
	"-C incremental=" dir "/target/debug/incremental"

/* Two checkouts, one key; if paths are keyed, two. */
static void
checkouts_share_keys(void **state)
{
	const struct unit one = { .words = AT("/one"),
				  .cwd = "/one",
				  .target = "/one/target",
				  .mode = ROOTS_CHECKOUT };
	const struct unit two = { .words = AT("/a/b/two"),
				  .cwd = "/a/b/two",
				  .target = "/a/b/two/target",
				  .mode = ROOTS_CHECKOUT };
	struct unit a = one, b = two;

	(void)state;
	assert_true(equal(&one, &two));
	a.mode = b.mode = ROOTS_NONE;
	assert_false(equal(&a, &b));
	/* Below a home that is not remapped nothing is hidden. */
	a = b = one;
	a.words = b.words = LIB;
	a.more = "-L native=/h/one/lib";
	b.more = "-L native=/h/two/lib";
	a.home = "/h/one";
	b.home = "/h/two";
	assert_false(equal(&a, &b));
	a.mode = b.mode = ROOTS_MACHINE;
	assert_true(equal(&a, &b));
}

static void
incremental_state_counts_but_not_its_place(void **state)
{
	(void)state;
	assert_true(equal(U(.more = "-C incremental=/i"),
			  U(.more = "-C incremental=/elsewhere/i")));
	/* The same unit, built without. */
	assert_true(equal(U(.more = "-C incremental=/i", .plain = true), U(0)));
	assert_true(equal(U(.plain = true), U(0)));
}

static void
variables_of_any_compile_count(void **state)
{
	static const char *const names[] = {
		"RUSTC_BOOTSTRAP",
		"RUSTC_FORCE_RUSTC_VERSION",
		"RUST_TARGET_PATH",
		"LLVM_OVERRIDE_PRODUCER",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		const char *n = names[i];

		if (equal(U(.var = { { n, "1" } }), U(0)) ||
		    equal(U(.var = { { n, "1" } }), U(.var = { { n, "2" } })) ||
		    equal(U(.var = { { n, "" } }), U(0)))
			fail_msg("no part of the key: %s", n);
		assert_true(unit_env_known(n));
	}
	/* Values do not imitate names. */
	assert_false(equal(U(.var = { { names[0], "x" } }),
			   U(.var = { { names[1], "x" } })));
}

#define LINKED "--crate-type bin --emit=dep-info,link "
#define BIN FRONT FORM LINKED "-C metadata=m --out-dir /w/t/debug/deps "

static void
variables_of_links_count_in_links(void **state)
{
	static const char *const names[] = {
		"LIBRARY_PATH",    "COMPILER_PATH",
		"GCC_EXEC_PREFIX", "LD_RUN_PATH",
		"GNUTARGET",       "LDEMULATION",
		"LD_PRELOAD",      "CCC_OVERRIDE_OPTIONS",
		"LD_LIBRARY_PATH",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		const char *n = names[i];

		if (equal(U(.words = BIN, .var = { { n, "/1" } }),
			  U(.words = BIN)))
			fail_msg("no part of a link's key: %s", n);
		if (!equal(U(.var = { { n, "/1" } }), U(0)))
			fail_msg("part of a library's key: %s", n);
	}
}

static void
cargos_own_library_path_does_not_count(void **state)
{
	const struct unit base = { .words = BIN,
				   .cwd = "/w",
				   .target = "/w/t",
				   .sysroot = "/sys",
				   .mode = ROOTS_CHECKOUT };
	struct unit v = base;

	(void)state;
	v.var[1][0] = "OUT_DIR";
	v.var[1][1] = "/out/x";
	v.var[0][0] = "LD_LIBRARY_PATH";
	v.var[0][1] = "/w/t/debug/deps:/w/t/debug:/sys/lib:/out/x/native:";
	assert_true(equal(&v, &base));
	v.var[0][1] = "/w/t/debug/deps:/mine";
	assert_false(equal(&v, &base));
	v.var[0][1] = "/w/t2/debug";
	assert_false(equal(&v, &base));
	v.var[0][1] = "/sys/lib/rustlib/x86_64-unknown-linux-gnu/lib:/sys/lib";
	assert_true(equal(&v, &base));
	/* A sysroot may be a prefix that holds anything. */
	v.var[0][1] = "/sys/opt/lib";
	assert_false(equal(&v, &base));
	v.var[0][1] = "/sys/lib/mine";
	assert_false(equal(&v, &base));
}

/* Coverage, rpath, .dwo files: of use where they were made only. */
static void
what_names_its_place_is_keyed_by_it(void **state)
{
	static const char *const more[] = {
		"-C instrument-coverage",
		"-C rpath",
		"-C split-debuginfo=unpacked",
	};
	const struct unit base = { .words = FRONT FORM LINKED
				   "--out-dir /w/t/debug/deps ",
				   .sysroot = "/sys" };
	struct unit moved = base, other = base, led = base;

	(void)state;
	led.place = "/elsewhere/debug/deps";
	moved.words = FRONT FORM LINKED "--out-dir /w/t2/debug/deps ";
	other.sysroot = "/sys2";
	assert_true(equal(&base, &moved));
	assert_true(equal(&base, &other));
	assert_true(equal(&base, &led));
	for (size_t i = 0; i < sizeof(more) / sizeof(more[0]); i++) {
		struct unit here = base;

		here.more = moved.more = other.more = led.more = more[i];
		assert_true(equal(&here, &here));
		if (equal(&here, &moved) || equal(&here, &other) ||
		    equal(&here, &led))
			fail_msg("not keyed by its place: %s", more[i]);
	}
}

static void
variables_without_effect_do_not_count(void **state)
{
	static const char *const names[] = {
		"CARGO_MAKEFLAGS", "MAKEFLAGS", "TERM",    "LANG",
		"LC_ALL",          "TMPDIR",    "COLUMNS", "RUST_BACKTRACE",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		assert_true(equal(U(.words = BIN, .var = { { names[i], "1" } }),
				  U(.words = BIN)));
		assert_true(unit_env_known(names[i]));
	}
	/* These belong into the input list when they are asked for. */
	assert_false(unit_env_known("PATH"));
	assert_false(unit_env_known("HOME"));
	assert_false(unit_env_known("OUT_DIR"));
	assert_false(unit_env_known("CARGO_PKG_NAME"));
	assert_false(unit_env_known("LD_LIBRARY_PATH_X"));
	assert_false(unit_env_known("TERMINAL"));
	assert_false(unit_env_known("SOURCE_DATE_EPOCH"));
}

static void
logging_passes_through(void **state)
{
	(void)state;
	now = U(.var = { { "RUSTC_LOG", "debug" } });
	assert_string_equal(unit_env_refuses(get), "env:RUSTC_LOG");
	now = U(0);
	assert_null(unit_env_refuses(get));
}

/* The CPU itself is folded, and always as the same. */
static void
a_native_cpu_is_this_cpu(void **state)
{
	struct digest_ctx none, once, twice;
	struct digest a, b, c;

	(void)state;
	digest_init(&none);
	digest_init(&once);
	digest_init(&twice);
	unit_fold_cpu(&once);
	unit_fold_cpu(&twice);
	digest_end(&none, &c);
	digest_end(&once, &a);
	digest_end(&twice, &b);
	assert_true(digest_eq(&a, &b));
	assert_false(digest_eq(&a, &c));
	assert_true(equal(U(.more = "-C target-cpu=native"),
			  U(.more = "-C target-cpu=native")));
}

static void
paths_that_cannot_be_encoded_are_refused(void **state)
{
	struct digest k = { { 7 } }, before = k;

	(void)state;
	assert_int_equal(key_of(U(.cwd = "/bad\001dir"), &k), ERR_REFUSED);
	assert_int_equal(key_of(U(.more = "-L native=/b\377"), &k),
			 ERR_REFUSED);
	assert_int_equal(key_of(U(.more = "-L native=rel\377"), &k),
			 ERR_REFUSED);
	assert_true(digest_eq(&k, &before));
}

static void
tag_of(const char *text, struct digest *tag)
{
	const char *words[WORDS];
	char line[4096];
	struct args a;
	int n = 0;

	snprintf(line, sizeof(line), "%s", text);
	for (char *w = strtok(line, " "); w; w = strtok(NULL, " "))
		words[n++] = w;
	if (args_read(&a, n, words) < 0)
		fail_msg("refused: %s", a.reason);
	unit_tag(&a, tag);
	args_release(&a);
}

static void
the_form_of_diagnostics_has_a_tag_of_its_own(void **state)
{
	static const char *const forms[] = {
		LIB,
		FRONT
		"--error-format=json --json=artifacts,diagnostic-short " BACK,
		FRONT "--error-format=human --json=artifacts " BACK,
		FRONT "--error-format=short --json=artifacts " BACK,
		LIB "--color always",
		LIB "--color never",
	};
	struct digest tag[sizeof(forms) / sizeof(forms[0])], other;

	(void)state;
	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
		tag_of(forms[i], &tag[i]);
		for (size_t k = 0; k < i; k++)
			assert_false(digest_eq(&tag[i], &tag[k]));
	}
	tag_of(LIB "--cfg x -C opt-level=3", &other);
	assert_true(digest_eq(&other, &tag[0]));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_differs_is_named),
		cmocka_unit_test(every_word_of_a_key_counts),
		cmocka_unit_test(what_remaps_concern_counts),
		cmocka_unit_test(what_has_no_effect_is_dropped),
		cmocka_unit_test(order_and_boundaries_count),
		cmocka_unit_test(source_and_crate_name_count),
		cmocka_unit_test(externs_are_names_and_suffixes),
		cmocka_unit_test(toolchain_mode_and_cwd_count),
		cmocka_unit_test(checkouts_share_keys),
		cmocka_unit_test(incremental_state_counts_but_not_its_place),
		cmocka_unit_test(variables_of_any_compile_count),
		cmocka_unit_test(variables_of_links_count_in_links),
		cmocka_unit_test(cargos_own_library_path_does_not_count),
		cmocka_unit_test(what_names_its_place_is_keyed_by_it),
		cmocka_unit_test(variables_without_effect_do_not_count),
		cmocka_unit_test(logging_passes_through),
		cmocka_unit_test(a_native_cpu_is_this_cpu),
		cmocka_unit_test(paths_that_cannot_be_encoded_are_refused),
		cmocka_unit_test(the_form_of_diagnostics_has_a_tag_of_its_own),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
