/* SPDX-License-Identifier: Apache-2.0 */
#include "key/unit.h"

#include "base/buf.h"
#include "base/digest.h"
#include "base/err.h"
#include "rustc/args.h"
#include "rustc/roots.h"

#include <cpuid.h>
#include <stdlib.h>
#include <string.h>

enum use {
	IN_KEY,    /* changes the result of any compile */
	IN_LINK,   /* changes the result of a link */
	NO_EFFECT, /* asked for by rustc, LLVM, libc or a linker */
	NO_STARTS  /* the same, for every name that starts so */
};

/*
 * Names that rustc 1.95, LLVM, glibc, gcc and the linkers ask for.  What is
 * not here and was asked for is an item of the input list, by value.
 */
static const struct {
	const char *name;
	enum use use;
} names[] = {
	{ "RUSTC_BOOTSTRAP", IN_KEY },
	{ "RUSTC_FORCE_RUSTC_VERSION", IN_KEY },
	{ "RUST_TARGET_PATH", IN_KEY },
	{ "LLVM_OVERRIDE_PRODUCER", IN_KEY },
	{ "LIBRARY_PATH", IN_LINK },
	{ "COMPILER_PATH", IN_LINK },
	{ "GCC_EXEC_PREFIX", IN_LINK },
	{ "LD_RUN_PATH", IN_LINK },
	{ "GNUTARGET", IN_LINK },
	{ "LDEMULATION", IN_LINK },
	{ "CCC_OVERRIDE_OPTIONS", IN_LINK },
	{ "LD_PRELOAD", IN_LINK },
	{ "CARGO_MAKEFLAGS", NO_EFFECT },
	{ "MAKEFLAGS", NO_EFFECT },
	{ "MFLAGS", NO_EFFECT },
	{ "CI", NO_EFFECT },
	{ "LLVM_IGNORED_ENV_VAR", NO_EFFECT },
	{ "MALLOC_CONF", NO_EFFECT },
	{ "_RJEM_MALLOC_CONF", NO_EFFECT },
	{ "RUSTC_CTFE_BACKTRACE", NO_EFFECT },
	{ "RUSTC_GRAPHVIZ_FONT", NO_EFFECT },
	{ "RUSTC_ICE", NO_EFFECT },
	{ "RUST_BACKTRACE", NO_EFFECT },
	{ "RUST_LIB_BACKTRACE", NO_EFFECT },
	{ "RUST_MIN_STACK", NO_EFFECT },
	{ "RUST_TEST_THREADS", NO_EFFECT },
	{ "RAYON_NUM_THREADS", NO_EFFECT },
	{ "RAYON_RS_NUM_CPUS", NO_EFFECT },
	{ "TMPDIR", NO_EFFECT },
	{ "TMP", NO_EFFECT },
	{ "TEMP", NO_EFFECT },
	{ "TERM", NO_EFFECT },
	{ "COLORTERM", NO_EFFECT },
	{ "COLUMNS", NO_EFFECT },
	{ "NO_COLOR", NO_EFFECT },
	{ "CLICOLOR", NO_EFFECT },
	{ "CLICOLOR_FORCE", NO_EFFECT },
	{ "LANG", NO_EFFECT },
	{ "LANGUAGE", NO_EFFECT },
	{ "LC_", NO_STARTS },
	{ "LOCPATH", NO_EFFECT },
	{ "NLSPATH", NO_EFFECT },
	{ "OUTPUT_CHARSET", NO_EFFECT },
	{ "MALLOC_ARENA_", NO_STARTS },
	{ "GLIBC_TUNABLES", NO_EFFECT },
	{ "COLLECT_", NO_STARTS },
	{ "GCC_COLORS", NO_EFFECT },
	{ "GCC_URLS", NO_EFFECT },
	{ "TERM_URLS", NO_EFFECT },
	{ "POSIXLY_CORRECT", NO_EFFECT },
};

static bool
is_name(size_t i, const char *name)
{
	return names[i].use == NO_STARTS
		       ? !strncmp(name, names[i].name, strlen(names[i].name))
		       : !strcmp(name, names[i].name);
}

bool
unit_env_known(const char *name)
{
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (is_name(i, name))
			return true;
	return !strncmp(name, "RUSTC_LOG", 9);
}

bool
unit_env_noise(const char *name)
{
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (is_name(i, name))
			return names[i].use == NO_EFFECT ||
			       names[i].use == NO_STARTS;
	return !strncmp(name, "RUSTC_LOG", 9);
}

const char *
unit_env_keyed(size_t i, bool linked)
{
	if (i >= sizeof(names) / sizeof(names[0]))
		return NULL;
	return names[i].use == IN_KEY || (names[i].use == IN_LINK && linked)
		       ? names[i].name
		       : "";
}

const char *
unit_env_refuses(const char *(*get)(const char *name))
{
	/* Logging writes to stderr what no entry should hold. */
	if (get("RUSTC_LOG"))
		return "env:RUSTC_LOG";
	return NULL;
}

static void
fold_var(struct digest_ctx *c, const char *name, const char *v)
{
	if (!v)
		return;
	digest_str(c, name);
	digest_str(c, v);
}

static bool
below(const char *p, size_t n, const char *dir)
{
	size_t k = dir ? strlen(dir) : 0;

	return k > 1 && n >= k && !memcmp(p, dir, k) && (n == k || p[k] == '/');
}

/* Of a sysroot that is a prefix the rest is somebody else's. */
static bool
is_toolchain(const char *p, size_t n, const char *sysroot)
{
	size_t k = sysroot ? strlen(sysroot) : 0;

	if (!k || n < k || memcmp(p, sysroot, k))
		return false;
	p += k;
	n -= k;
	return (n == 4 && !memcmp(p, "/lib", 4)) || below(p, n, "/lib/rustlib");
}

/* cargo adds the target's and the toolchain's own directories itself. */
static void
fold_library_path(struct digest_ctx *c, const struct unit_in *in)
{
	const char *v = in->get("LD_LIBRARY_PATH");
	const char *out = in->get("OUT_DIR"), *target = NULL;

	for (size_t i = 0; i < in->roots->count; i++)
		if (in->roots->r[i].tag == 't')
			target = in->roots->r[i].path;
	while (v && *v) {
		size_t n = strcspn(v, ":");

		if (!is_toolchain(v, n, in->sysroot) && !below(v, n, out) &&
		    !below(v, n, target) && !below(v, n, in->args->out_dir))
			digest_field(c, v, n);
		v += n + (v[n] == ':');
	}
}

static void
fold_env(struct digest_ctx *c, const struct unit_in *in)
{
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (names[i].use == IN_KEY ||
		    (names[i].use == IN_LINK && in->args->linked))
			fold_var(c, names[i].name, in->get(names[i].name));
	digest_str(c, "ld");
	if (in->args->linked)
		fold_library_path(c, in);
}

void
unit_fold_cpu(struct digest_ctx *c)
{
	static const unsigned leaves[] = { 0,          1,         7,    0xd,
					   0x14,       0x19,      0x1e, 0x24,
					   0x80000001, 0x80000008 };
	unsigned r[4];

	for (size_t i = 0; i < sizeof(leaves) / sizeof(leaves[0]); i++) {
		memset(r, 0, sizeof(r));
		if (!__get_cpuid_count(leaves[i], 0, &r[0], &r[1], &r[2],
				       &r[3]))
			continue;
		/* The APIC id in leaf 1 is the core we happen to run on. */
		if (leaves[i] == 1)
			r[1] = 0;
		/* Sizes of the enabled state, and the thread count. */
		if (leaves[i] == 0xd || leaves[i] == 0x80000008)
			r[2] = 0;
		digest_add(c, r, sizeof(r));
	}
}

static int
fold_path(struct digest_ctx *c, const struct roots *roots, const char *path)
{
	struct buf enc = { 0 };
	int r = 0;

	/* Relative paths are what they are: file!() spells them so. */
	if (path[0] == '/')
		r = roots_encode(roots, path, &enc);
	else if (!roots_clean(path, strlen(path)))
		r = ERR_REFUSED;
	else
		buf_str(&enc, path);
	if (r == 0)
		digest_field(c, enc.p ? enc.p : "", enc.len);
	buf_free(&enc);
	return r;
}

static int
fold_search(struct digest_ctx *c, const struct unit_in *in, size_t *n)
{
	const struct args_search *s = &in->args->search[(*n)++];

	/* -L dependency says where crates may be found, not which. */
	if (s->kind_len == 10)
		return 0;
	digest_str(c, "-L");
	digest_field(c, s->kind, s->kind_len);
	return fold_path(c, in->roots, s->path);
}

static void
fold_extern(struct digest_ctx *c, const struct args_extern *e)
{
	const char *dot = e->path ? strrchr(e->path, '.') : NULL;

	digest_str(c, "--extern");
	digest_field(c, e->name, e->name_len);
	digest_str(c, dot ? dot : "");
}

static int
fold_item(struct digest_ctx *c, const struct unit_in *in,
	  const struct args_item *it, size_t *nsearch, size_t *nextern)
{
	switch (it->role) {
	case ARGS_KEY:
		digest_str(c, it->opt);
		digest_str(c, it->val ? it->val : "");
		return 0;
	case ARGS_PATH:
		digest_str(c, "operand");
		return fold_path(c, in->roots, it->val);
	case ARGS_SEARCH:
		return fold_search(c, in, nsearch);
	case ARGS_EXTERN:
		fold_extern(c, &in->args->externs[(*nextern)++]);
		return 0;
	case ARGS_ON:
		if (in->incremental)
			digest_str(c, it->val);
		return 0;
	default:
		return 0;
	}
}

int
unit_key(const struct unit_in *in, struct digest *k0)
{
	const struct args *a = in->args;
	size_t nsearch = 0, nextern = 0;
	struct digest_ctx c;
	struct digest d;
	int r = 0;

	digest_init(&c);
	digest_str(&c, "kache-k0-2");
	digest_sub(&c, in->toolchain);
	digest_u64(&c, (uint64_t)in->mode);
	for (size_t i = 0; i < in->roots->count; i++)
		if (in->roots->r[i].to)
			digest_str(&c, in->roots->r[i].to);
	digest_str(&c, in->scope ? in->scope : "");
	r = fold_path(&c, in->roots, in->cwd);
	for (size_t i = 0; i < a->nitems && r == 0; i++)
		r = fold_item(&c, in, &a->items[i], &nsearch, &nextern);
	/* What the user answers for is kept apart from what was proven. */
	if (in->places && in->places[0]) {
		digest_str(&c, "places");
		digest_str(&c, in->places);
	}
	digest_str(&c, "env");
	fold_env(&c, in);
	if (a->native_cpu)
		unit_fold_cpu(&c);
	if (in->more)
		digest_sub(&c, in->more);
	if (a->by_path) {
		digest_str(&c, a->out_dir);
		digest_str(&c, in->place ? in->place : "");
		digest_str(&c, in->sysroot);
	}
	digest_end(&c, &d);
	if (r == 0)
		*k0 = d;
	return r;
}

void
unit_tag(const struct args *a, struct digest *tag)
{
	struct digest_ctx c;

	digest_init(&c);
	digest_str(&c, "kache-tag-1");
	for (size_t i = 0; i < a->nitems; i++)
		if (a->items[i].role == ARGS_TAG) {
			digest_str(&c, a->items[i].opt);
			digest_str(&c, a->items[i].val);
		}
	digest_end(&c, tag);
}
