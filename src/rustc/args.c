/* SPDX-License-Identifier: Apache-2.0 */
#include "rustc/args.h"

#include "base/err.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What to do with an option beyond its role in the key. */
enum act {
	A_NONE,
	A_REFUSE,
	A_CRATE_NAME,
	A_CRATE_TYPE,
	A_EMIT,
	A_OUT_DIR,
	A_TARGET,
	A_TEST,
	A_JSON,
	A_REMAP,
	A_SEARCH,
	A_EXTERN,
	A_CODEGEN,
	A_UNSTABLE,
	A_INCREMENTAL,
	A_EXTRA,
	A_LINKER,
	A_CPU,
	A_SPLIT,
	A_COVERAGE,
	A_RPATH,
	A_WIDTH,
	A_COLOR
};

struct option {
	const char *name;
	bool value; /* takes one */
	enum args_role role;
	enum act act;
};

/*
 * rustc's options.  A value option that were missing here would leave its
 * value standing as a second operand, and the command line is refused: safe.
 */
static const struct option options[] = {
	{ "--crate-name", true, ARGS_KEY, A_CRATE_NAME },
	{ "--crate-type", true, ARGS_KEY, A_CRATE_TYPE },
	{ "--edition", true, ARGS_KEY, A_NONE },
	{ "--emit", true, ARGS_KEY, A_EMIT },
	/* Outputs do not depend on where they are put. */
	{ "--out-dir", true, ARGS_DROP, A_OUT_DIR },
	{ "--target", true, ARGS_KEY, A_TARGET },
	{ "--test", false, ARGS_KEY, A_TEST },
	{ "--cfg", true, ARGS_KEY, A_NONE },
	{ "--check-cfg", true, ARGS_KEY, A_NONE },
	{ "--cap-lints", true, ARGS_KEY, A_NONE },
	{ "--extern", true, ARGS_EXTERN, A_EXTERN },
	{ "--sysroot", true, ARGS_KEY, A_REFUSE },
	{ "--remap-path-prefix", true, ARGS_KEY, A_REMAP },
	{ "--remap-path-scope", true, ARGS_KEY, A_REFUSE },
	{ "--codegen", true, ARGS_KEY, A_CODEGEN },
	{ "--allow", true, ARGS_KEY, A_NONE },
	{ "--warn", true, ARGS_KEY, A_NONE },
	{ "--deny", true, ARGS_KEY, A_NONE },
	{ "--forbid", true, ARGS_KEY, A_NONE },
	{ "--force-warn", true, ARGS_KEY, A_NONE },
	/* The form of the diagnostics: an entry without any serves all. */
	{ "--error-format", true, ARGS_TAG, A_NONE },
	{ "--json", true, ARGS_TAG, A_JSON },
	{ "--color", true, ARGS_TAG, A_COLOR },
	/* cargo itself replays diagnostics of an old terminal width. */
	{ "--diagnostic-width", true, ARGS_DROP, A_WIDTH },
	{ "--env-set", true, ARGS_KEY, A_REFUSE },
	{ "--print", true, ARGS_KEY, A_REFUSE },
	{ "--explain", true, ARGS_KEY, A_REFUSE },
	{ "--pretty", true, ARGS_KEY, A_REFUSE },
	{ "--help", false, ARGS_KEY, A_REFUSE },
	{ "--version", false, ARGS_KEY, A_REFUSE },
	{ "--verbose", false, ARGS_KEY, A_REFUSE },
	{ "-L", true, ARGS_SEARCH, A_SEARCH },
	{ "-l", true, ARGS_KEY, A_NONE },
	{ "-C", true, ARGS_KEY, A_CODEGEN },
	{ "-Z", true, ARGS_KEY, A_UNSTABLE },
	{ "-A", true, ARGS_KEY, A_NONE },
	{ "-W", true, ARGS_KEY, A_NONE },
	{ "-D", true, ARGS_KEY, A_NONE },
	{ "-F", true, ARGS_KEY, A_NONE },
	{ "-O", false, ARGS_KEY, A_NONE },
	{ "-g", false, ARGS_KEY, A_NONE },
	{ "-o", true, ARGS_KEY, A_REFUSE },
	{ "-h", false, ARGS_KEY, A_REFUSE },
	{ "-v", false, ARGS_KEY, A_REFUSE },
	{ "-V", false, ARGS_KEY, A_REFUSE },
};

/* -C options that are more than a verbatim word of the key. */
static const struct option codegen[] = {
	/* Where the incremental state lies does not matter, that it is used
	 * does: it changes definitions and code generation units. */
	{ "incremental", true, ARGS_ON, A_INCREMENTAL },
	{ "extra-filename", true, ARGS_KEY, A_EXTRA },
	{ "linker", true, ARGS_KEY, A_LINKER },
	{ "target-cpu", true, ARGS_KEY, A_CPU },
	{ "split-debuginfo", true, ARGS_KEY, A_SPLIT },
	/* Reports find sources by the names in the program. */
	{ "instrument-coverage", true, ARGS_KEY, A_COVERAGE },
	/* Leads from where the output lies to what it loads. */
	{ "rpath", true, ARGS_KEY, A_RPATH },
	/* Leaves files beside the announced outputs. */
	{ "save-temps", true, ARGS_KEY, A_REFUSE },
};

/* -Z options that print, dump or profile instead of only compiling. */
static const char *const unstable_refused[] = {
	"unpretty",
	"self-profile",
	"time-passes",
	"dump-",
	"ls",
	"print-",
	"no-codegen",
	"parse-only",
	"emit-stack-sizes",
	"codegen-backend",
	"query-dep-graph",
	"shell-argfiles",
	"checksum-hash",
};

static int
refuse(struct args *a, const char *why, const char *detail)
{
	snprintf(a->reason, sizeof(a->reason), "%s%s%s", why, detail ? ":" : "",
		 detail ? detail : "");
	return ERR_REFUSED;
}

static const struct option *
find_option(const struct option *table, size_t n, const char *name, size_t len)
{
	for (size_t i = 0; i < n; i++)
		if (strlen(table[i].name) == len &&
		    memcmp(table[i].name, name, len) == 0)
			return &table[i];
	return NULL;
}

#define COUNT(t) (sizeof(t) / sizeof((t)[0]))

_Static_assert(COUNT(options) <= 64, "args.once has a bit for each");

static void
push(struct args *a, enum args_role role, const char *opt, const char *val)
{
	a->items[a->nitems++] = (struct args_item){ role, opt, val };
}

static int
add_crate_type(struct args *a, const char *v, size_t n)
{
	static const struct {
		const char *name;
		enum args_kind kind;
	} types[] = {
		{ "lib", ARGS_LIB },
		{ "rlib", ARGS_LIB },
		{ "bin", ARGS_BIN },
		{ "proc-macro", ARGS_PROC_MACRO },
		{ "dylib", ARGS_DYLIB },
		{ "cdylib", ARGS_CDYLIB },
		{ "staticlib", ARGS_STATICLIB },
	};

	for (size_t i = 0; i < COUNT(types); i++) {
		if (strlen(types[i].name) != n || memcmp(types[i].name, v, n))
			continue;
		if (!a->typed || types[i].kind > a->kind)
			a->kind = types[i].kind;
		a->typed = true;
		return 0;
	}
	return refuse(a, "crate-type", v);
}

/* One or several, of which each makes an output of its own. */
static int
read_crate_type(struct args *a, const char *v)
{
	int r;

	do {
		size_t n = strcspn(v, ",");

		r = add_crate_type(a, v, n);
		v += n + (v[n] == ',');
	} while (r == 0 && *v);
	return r;
}

static int
read_emit(struct args *a, const char *v)
{
	static const struct {
		const char *name;
		unsigned bit;
	} kinds[] = {
		{ "link", ARGS_EMIT_LINK },
		{ "metadata", ARGS_EMIT_METADATA },
		{ "dep-info", ARGS_EMIT_DEPINFO },
	};

	if (strchr(v, '='))
		return refuse(a, "emit-path", NULL);
	while (*v) {
		size_t n = strcspn(v, ",");
		unsigned bit = ARGS_EMIT_OTHER;

		for (size_t i = 0; i < COUNT(kinds); i++)
			if (strlen(kinds[i].name) == n &&
			    !memcmp(kinds[i].name, v, n))
				bit = kinds[i].bit;
		a->emit |= bit;
		v += n + (v[n] == ',');
	}
	return 0;
}

static void
read_search(struct args *a, const char *v)
{
	static const char *const kinds[] = { "dependency", "crate", "native",
					     "framework", "all" };
	const char *eq = strchr(v, '=');
	struct args_search *s = &a->search[a->nsearch++];

	*s = (struct args_search){ "all", 3, v };
	for (size_t i = 0; eq && i < COUNT(kinds); i++)
		if (strlen(kinds[i]) == (size_t)(eq - v) &&
		    !memcmp(kinds[i], v, (size_t)(eq - v)))
			*s = (struct args_search){ v, (size_t)(eq - v),
						   eq + 1 };
}

static void
read_extern(struct args *a, const char *v)
{
	const char *eq = strchr(v, '=');

	a->externs[a->nexterns++] =
		(struct args_extern){ v, eq ? (size_t)(eq - v) : strlen(v),
				      eq ? eq + 1 : NULL };
}

static bool
listed(const char *list, const char *word)
{
	size_t n = strlen(word);

	for (const char *p = list; *p; p += strcspn(p, ",")) {
		p += *p == ',';
		if (!strncmp(p, word, n) && (p[n] == ',' || !p[n]))
			return true;
	}
	return false;
}

/* As rustc reads a switch; without a value it is on. */
static bool
is_off(const char *v)
{
	static const char *const words[] = { "no", "n", "off", "false", "0" };

	for (size_t i = 0; i < COUNT(words); i++)
		if (!strcmp(v, words[i]))
			return true;
	return false;
}

static int
act_on(struct args *a, const struct option *o, const char *v)
{
	switch (o->act) {
	case A_REFUSE:
		return refuse(a, "option", o->name);
	case A_CRATE_NAME:
		a->crate_name = v;
		break;
	case A_CRATE_TYPE:
		return read_crate_type(a, v);
	case A_EMIT:
		return read_emit(a, v);
	case A_OUT_DIR:
		a->out_dir = v;
		break;
	case A_TARGET:
		a->target = v;
		break;
	case A_TEST:
		a->test = true;
		break;
	case A_JSON:
		a->artifacts |= listed(v, "artifacts");
		break;
	case A_REMAP:
		a->user_remap = true;
		break;
	case A_SEARCH:
		read_search(a, v);
		break;
	case A_EXTERN:
		read_extern(a, v);
		break;
	case A_INCREMENTAL:
		a->incremental = v;
		break;
	case A_EXTRA:
		a->extra_filename = v;
		break;
	case A_LINKER:
		a->linker = v;
		break;
	case A_CPU:
		a->native_cpu |= !strcmp(v, "native");
		break;
	case A_COVERAGE:
		a->coverage = !is_off(v);
		break;
	case A_RPATH:
		a->rpath = !is_off(v);
		break;
	case A_WIDTH:
		if (!*v || v[strspn(v, "0123456789")] || strlen(v) > 9)
			return refuse(a, "option", o->name);
		break;
	case A_COLOR:
		if (strcmp(v, "auto") && strcmp(v, "always") &&
		    strcmp(v, "never"))
			return refuse(a, "option", o->name);
		break;
	case A_SPLIT:
		/* A program names the files that hold the rest of it. */
		a->unpacked = !strcmp(v, "unpacked");
		break;
	default:
		break;
	}
	return 0;
}

static int
read_codegen(struct args *a, const char *v)
{
	size_t n = strcspn(v, "=");
	const struct option *o = NULL;
	char name[32];

	/* rustc takes '_' for '-' in these names. */
	if (n < sizeof(name)) {
		for (size_t i = 0; i < n; i++)
			name[i] = v[i] == '_' ? '-' : v[i];
		o = find_option(codegen, COUNT(codegen), name, n);
	}
	push(a, o ? o->role : ARGS_KEY, "-C",
	     o && o->role == ARGS_ON ? o->name : v);
	return o ? act_on(a, o, v[n] ? v + n + 1 : "") : 0;
}

/* Here, too, '_' is '-', in the names at least. */
static bool
value_begins(const char *v, const char *with)
{
	for (; *with; v++, with++)
		if ((*v == '_' ? '-' : *v) != *with)
			return false;
	return true;
}

static int
read_unstable(struct args *a, const char *v)
{
	for (size_t i = 0; i < COUNT(unstable_refused); i++)
		if (value_begins(v, unstable_refused[i]))
			return refuse(a, "option:-Z", unstable_refused[i]);
	a->native_cpu |= value_begins(v, "tune-cpu=native");
	push(a, ARGS_KEY, "-Z", v);
	return 0;
}

static int
take_option(struct args *a, const struct option *o, const char *v)
{
	if (o->act == A_CODEGEN)
		return read_codegen(a, v);
	if (o->act == A_UNSTABLE)
		return read_unstable(a, v);
	/* What no key holds must be right by itself: rustc refuses these
	 * twice, and a hit would not. */
	if (o->act != A_JSON && (o->role == ARGS_DROP || o->role == ARGS_TAG)) {
		uint64_t bit = (uint64_t)1 << (o - options);

		if (a->once & bit)
			return refuse(a, "twice", o->name);
		a->once |= bit;
	}
	push(a, o->role, o->name, v);
	return act_on(a, o, v);
}

/* Finds the option that starts at word W; *VAL is what is glued to it. */
static const struct option *
match(const char *w, const char **val)
{
	size_t n = w[1] == '-' ? strcspn(w, "=") : 2;
	const struct option *o = find_option(options, COUNT(options), w, n);

	*val = NULL;
	if (!o)
		return NULL;
	if (w[n] && !o->value)
		return NULL;
	if (w[n])
		*val = w + n + (w[1] == '-');
	return o;
}

static int
read_words(struct args *a, int argc, const char *const *argv)
{
	for (int i = 0; i < argc; i++) {
		const char *w = argv[i], *val;
		const struct option *o;
		int r;

		if (w[0] != '-') {
			if (a->source)
				return refuse(a, "two-operands", NULL);
			a->source = w;
			push(a, ARGS_PATH, "", w);
			continue;
		}
		if (!w[1])
			return refuse(a, "stdin-source", NULL);
		o = match(w, &val);
		if (!o) {
			push(a, ARGS_KEY, "", w);
			continue;
		}
		if (o->value && !val) {
			if (++i == argc)
				return refuse(a, "option-without-value", w);
			val = argv[i];
		}
		r = take_option(a, o, val);
		if (r < 0)
			return r;
	}
	return 0;
}

/* cargo gives build scripts that name, and directories of their own; tests and
 * benchmarks that somebody calls so lie among all others. */
static bool
is_custom_build(const struct args *a)
{
	size_t n = a->out_dir ? strlen(a->out_dir) : 0;

	return a->crate_name && !strncmp(a->crate_name, "build_script_", 13) &&
	       (n < 5 || strcmp(a->out_dir + n - 5, "/deps"));
}

/* A unit is what cargo asks for: everything that names its outputs. */
static int
judge_unit(struct args *a)
{
	bool custom_build = is_custom_build(a);

	if (!a->crate_name || !a->source)
		return refuse(a, "not-a-unit", NULL);
	if (!a->out_dir)
		return refuse(a, "no-out-dir", NULL);
	if (!a->artifacts)
		return refuse(a, "no-artifact-messages", NULL);
	if (a->emit & ARGS_EMIT_OTHER)
		return refuse(a, "emit", NULL);
	if (!(a->emit & ARGS_EMIT_DEPINFO))
		return refuse(a, "no-dep-info", NULL);
	if (!(a->emit & (ARGS_EMIT_LINK | ARGS_EMIT_METADATA)))
		return refuse(a, "nothing-to-make", NULL);
	a->linked =
		(a->emit & ARGS_EMIT_LINK) && (a->test || a->kind != ARGS_LIB);
	a->by_path = a->coverage || a->rpath ||
		     (a->unpacked && (a->emit & ARGS_EMIT_LINK));
	if (a->test)
		a->kind = ARGS_TEST;
	else if (a->kind == ARGS_BIN && custom_build)
		a->kind = ARGS_BUILD_SCRIPT;
	if (!(a->emit & ARGS_EMIT_LINK))
		a->kind = ARGS_CHECK;
	return 0;
}

int
args_read(struct args *out, int argc, const char *const *argv)
{
	struct args a = { .extra_filename = "", .kind = ARGS_BIN };
	size_t n = (size_t)argc + 1;
	int r;

	a.items = calloc(n, sizeof(*a.items));
	a.externs = calloc(n, sizeof(*a.externs));
	a.search = calloc(n, sizeof(*a.search));
	if (!a.items || !a.externs || !a.search) {
		args_release(&a);
		return -ENOMEM;
	}
	r = read_words(&a, argc, argv);
	if (r == 0)
		r = judge_unit(&a);
	*out = a;
	return r;
}

void
args_release(struct args *a)
{
	free(a->items);
	free(a->externs);
	free(a->search);
	a->items = NULL;
	a->externs = NULL;
	a->search = NULL;
	a->nitems = a->nexterns = a->nsearch = 0;
}

const char *
args_kind_name(enum args_kind kind)
{
	static const char *const names[] = {
		"lib",          "proc-macro", "bin",       "test",  "check",
		"build-script", "run",        "staticlib", "dylib", "cdylib"
	};

	return names[kind];
}
