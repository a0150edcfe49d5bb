/* SPDX-License-Identifier: Apache-2.0 */
#include "key/unit.h"

#include "arch/model.h"
#include "base/buf.h"
#include "base/digest.h"
#include "base/err.h"
#include "key/key_parts.h"
#include "rustc/args.h"
#include "rustc/roots.h"

#include <errno.h>
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
unit_env_refuses(const char *(*get)(const char *name))
{
	/* Logging writes to stderr what no entry should hold. */
	if (get("RUSTC_LOG"))
		return "env:RUSTC_LOG";
	return NULL;
}

static bool
is_below(const char *p, size_t n, const char *dir)
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
	return (n == 4 && !memcmp(p, "/lib", 4)) ||
	       is_below(p, n, "/lib/rustlib");
}

/* cargo adds the target's and the toolchain's own directories itself. */
static int
add_library_path(struct key_parts *p, const struct unit_in *in)
{
	const char *v = in->get("LD_LIBRARY_PATH");
	const char *out = in->get("OUT_DIR"), *target = NULL;
	struct buf dirs = { 0 };
	int r;

	for (size_t i = 0; i < in->roots->count; i++)
		if (in->roots->r[i].tag == 't')
			target = in->roots->r[i].path;
	while (v && *v) {
		size_t n = strcspn(v, ":");

		if (!is_toolchain(v, n, in->sysroot) && !is_below(v, n, out) &&
		    !is_below(v, n, target) &&
		    !is_below(v, n, in->args->out_dir)) {
			buf_add(&dirs, v, n);
			buf_char(&dirs, ':');
		}
		v += n + (v[n] == ':');
	}
	if (dirs.len)
		key_parts_add(p, KEY_VARIABLE, "LD_LIBRARY_PATH", dirs.p,
			      dirs.len);
	r = dirs.failed ? -ENOMEM : 0;
	buf_free(&dirs);
	return r;
}

static int
add_variables(struct key_parts *p, const struct unit_in *in)
{
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		const char *v =
			names[i].use == IN_KEY || (names[i].use == IN_LINK &&
						   in->args->linked)
				? in->get(names[i].name)
				: NULL;

		if (v)
			key_parts_str(p, KEY_VARIABLE, names[i].name, v);
	}
	return in->args->linked ? add_library_path(p, in) : 0;
}

static void
add_model(void *ctx, const void *p, size_t n)
{
	digest_add(ctx, p, n);
}

void
unit_fold_cpu(struct digest_ctx *c)
{
	arch_model(add_model, c);
}

static void
add_cpu(struct key_parts *p)
{
	struct digest_ctx c;
	struct digest d;

	digest_init(&c);
	unit_fold_cpu(&c);
	digest_end(&c, &d);
	key_parts_add(p, KEY_CPU, "", d.b, DIGEST_LEN);
}

static int
add_path(struct key_parts *p, enum key_part part, const char *label,
	 const struct roots *roots, const char *path)
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
		r = enc.failed ? -ENOMEM : 0;
	if (r == 0)
		key_parts_add(p, part, label, enc.p ? enc.p : "", enc.len);
	buf_free(&enc);
	return r;
}

static int
add_search(struct key_parts *p, const struct unit_in *in, size_t *nsearch,
	   struct buf *label)
{
	const struct args_search *s = &in->args->search[(*nsearch)++];

	/* -L dependency says where crates may be found, not which. */
	if (s->kind_len == 10)
		return 0;
	buf_str(label, "-L ");
	buf_add(label, s->kind, s->kind_len);
	buf_char(label, '=');
	if (label->failed)
		return -ENOMEM;
	return add_path(p, KEY_ARGUMENT, label->p, in->roots, s->path);
}

/* The file's content is in the entry key; here counts only its kind. */
static int
add_extern(struct key_parts *p, const struct args_extern *e, struct buf *label)
{
	const char *dot = e->path ? strrchr(e->path, '.') : NULL;

	buf_str(label, "--extern ");
	buf_add(label, e->name, e->name_len);
	buf_str(label, dot ? "=*" : "");
	if (label->failed)
		return -ENOMEM;
	key_parts_str(p, KEY_ARGUMENT, label->p, dot ? dot : "");
	return 0;
}

static int
add_option(struct key_parts *p, const struct args_item *it, struct buf *label)
{
	buf_str(label, it->opt);
	buf_str(label, it->val ? " " : "");
	if (label->failed)
		return -ENOMEM;
	key_parts_str(p, KEY_ARGUMENT, label->p, it->val ? it->val : "");
	return 0;
}

struct arg_walk {
	const struct unit_in *in;
	size_t nsearch, nextern; /* how many there were */
	struct buf label;
};

static int
add_argument(struct key_parts *p, struct arg_walk *w,
	     const struct args_item *it)
{
	const struct unit_in *in = w->in;

	buf_reset(&w->label);
	switch (it->role) {
	case ARGS_KEY:
		return add_option(p, it, &w->label);
	case ARGS_PATH:
		return add_path(p, KEY_ARGUMENT, "", in->roots, it->val);
	case ARGS_SEARCH:
		return add_search(p, in, &w->nsearch, &w->label);
	case ARGS_EXTERN:
		return add_extern(p, &in->args->externs[w->nextern++],
				  &w->label);
	case ARGS_ON:
		if (in->incremental)
			key_parts_str(p, KEY_ARGUMENT, "-C ", it->val);
		return 0;
	default:
		return 0;
	}
}

static int
add_arguments(struct key_parts *p, const struct unit_in *in)
{
	struct arg_walk w = { .in = in };
	int r = 0;

	for (size_t i = 0; i < in->args->nitems && r == 0; i++)
		r = add_argument(p, &w, &in->args->items[i]);
	buf_free(&w.label);
	return r;
}

static void
add_remaps(struct key_parts *p, const struct unit_in *in)
{
	unsigned char mode = (unsigned char)in->mode;

	key_parts_add(p, KEY_REMAPS, "mode", &mode, 1);
	for (size_t i = 0; i < in->roots->count; i++)
		if (in->roots->r[i].to)
			key_parts_str(p, KEY_REMAPS, "to", in->roots->r[i].to);
	if (in->scope)
		key_parts_str(p, KEY_REMAPS, "scope", in->scope);
}

/* Of results that name them. */
static void
add_places(struct key_parts *p, const struct unit_in *in)
{
	key_parts_str(p, KEY_PLACE, "out-dir", in->args->out_dir);
	key_parts_str(p, KEY_PLACE, "real", in->place ? in->place : "");
	key_parts_str(p, KEY_PLACE, "sysroot", in->sysroot);
}

int
unit_key(const struct unit_in *in, struct digest *k0, struct buf *list)
{
	struct key_parts p;
	int r;

	key_parts_begin(&p, "kache-k0-3", list);
	key_parts_add(&p, KEY_TOOLCHAIN, "", in->toolchain, DIGEST_LEN);
	add_remaps(&p, in);
	r = add_path(&p, KEY_CWD, "", in->roots, in->cwd);
	r = r ? r : add_arguments(&p, in);
	/* What the user answers for is kept apart from what was proven. */
	if (in->places && in->places[0])
		key_parts_str(&p, KEY_DECLARED, "places", in->places);
	r = r ? r : add_variables(&p, in);
	if (in->args->native_cpu)
		add_cpu(&p);
	if (in->conf)
		key_parts_add(&p, KEY_CLIPPY, "", in->conf, DIGEST_LEN);
	if (in->args->by_path)
		add_places(&p, in);
	return r ? r : key_parts_end(&p, k0);
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
