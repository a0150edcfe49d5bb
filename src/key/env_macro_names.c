/* SPDX-License-Identifier: Apache-2.0 */
#include "key/env_macro_names.h"

#include "key/env_macro.h"

#include <stddef.h>

/* The first of these make the proof. */
static const char *const macros[] = {
	"include",
	"include_str",
	"include_bytes",
	"concat",
	"env",
	"option_env",
	"macro_rules",
	"print",
	"println",
	"eprint",
	"eprintln",
	"format",
	"format_args",
	"write",
	"writeln",
	"panic",
	"assert",
	"assert_eq",
	"assert_ne",
	"debug_assert",
	"debug_assert_eq",
	"debug_assert_ne",
	"unreachable",
	"todo",
	"unimplemented",
	"vec",
	"matches",
	"dbg",
	"cfg",
	"stringify",
	"thread_local",
	"compile_error",
};

enum { DEPTH = 16, AHEAD = 64 };

enum origin { UNKNOWN, OF_STD, OF_OTHERS };

static bool
is_one_of(const struct rustlex_token *t, const char *const *list, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (rustlex_is(t, list[i]))
			return true;
	return false;
}

bool
env_macro_names_std(const struct rustlex_token *t)
{
	static const char *const crates[] = { "std", "core" };

	return is_one_of(t, crates, sizeof(crates) / sizeof(crates[0]));
}

bool
env_macro_names_plain(const struct rustlex_token *t)
{
	/* if !(...) is no macro. */
	static const char *const keywords[] = {
		"if",    "while", "return", "match", "in",
		"break", "else",  "move",   "as",    "yield",
	};

	return is_one_of(t, macros, sizeof(macros) / sizeof(macros[0])) ||
	       is_one_of(t, keywords, sizeof(keywords) / sizeof(keywords[0]));
}

static bool
is_macro(const struct rustlex_token *t)
{
	return is_one_of(t, macros, sizeof(macros) / sizeof(macros[0]));
}

/* The next word or sign, a raw identifier without its r#. */
static struct rustlex_token
next_token(struct rustlex *l)
{
	struct rustlex_token t = rustlex_next(l);
	struct rustlex ahead = *l;

	if (rustlex_is(&t, "r")) {
		struct rustlex_token hash = rustlex_next(&ahead);

		if (rustlex_is(&hash, "#")) {
			t = rustlex_next(&ahead);
			*l = ahead;
		}
	}
	return t;
}

/* Bits for an import of NAME from ORIGIN. */
static unsigned
judge_import(const struct rustlex_token *name, enum origin origin)
{
	if (env_macro_names_std(name))
		return ENV_MACRO_OWN_STD;
	if (!is_macro(name))
		return 0;
	return origin == OF_STD ? ENV_MACRO_BY_STD : ENV_MACRO_ELSE;
}

static bool
is_word(const struct rustlex_token *t, const char *text)
{
	return t->kind == RUSTLEX_WORD && rustlex_is(t, text);
}

/* One tree of a use declaration from *T on, which gets the token behind it. */
static unsigned
look_at_use_tree(struct rustlex *l, struct rustlex_token *t, enum origin origin,
		 int depth)
{
	unsigned sights = 0;

	while (rustlex_is(t, ":") || rustlex_is(t, "$"))
		*t = next_token(l);
	while (t->kind == RUSTLEX_WORD) {
		struct rustlex_token name = *t;

		*t = next_token(l);
		if (is_word(t, "as")) {
			*t = next_token(l);
			/* Another of std's by this name will not do either. */
			sights = judge_import(t, OF_OTHERS);
			*t = next_token(l);
			return sights;
		}
		if (!rustlex_is(t, ":"))
			return judge_import(&name, origin);
		if (origin == UNKNOWN)
			origin =
				env_macro_names_std(&name) ? OF_STD : OF_OTHERS;
		while (rustlex_is(t, ":"))
			*t = next_token(l);
	}
	if (!rustlex_is(t, "{")) {
		*t = next_token(l);
		return 0;
	}
	do {
		*t = next_token(l);
		if (!rustlex_is(t, "}"))
			sights |= depth < DEPTH ? look_at_use_tree(l, t, origin,
								   depth + 1)
						: ENV_MACRO_ELSE;
	} while (rustlex_is(t, ",") && !(sights & ENV_MACRO_ELSE));
	*t = next_token(l);
	return sights;
}

static unsigned
look_at_use(struct rustlex l)
{
	struct rustlex_token t = next_token(&l);

	/* use<'a> captures. */
	if (rustlex_is(&t, "<") || rustlex_is(&t, "!"))
		return 0;
	return look_at_use_tree(&l, &t, UNKNOWN, 0);
}

/* #[macro_use] of a crate takes all its macros, or those of a list. */
static unsigned
macro_use(struct rustlex l)
{
	struct rustlex_token t = next_token(&l);

	if (rustlex_is(&t, "(")) {
		for (; t.kind != RUSTLEX_END && !rustlex_is(&t, ")");
		     t = next_token(&l))
			if (is_macro(&t))
				return ENV_MACRO_ELSE;
		return 0;
	}
	for (int i = 0; i < AHEAD && t.kind != RUSTLEX_END; i++) {
		/* Of a module: its macros are in the text of this crate. */
		if (is_word(&t, "mod"))
			return 0;
		if (is_word(&t, "crate")) {
			t = next_token(&l);
			return env_macro_names_std(&t) || is_word(&t, "alloc")
				       ? 0
				       : ENV_MACRO_ELSE;
		}
		t = next_token(&l);
	}
	return 0;
}

/* macro_rules! NAME, where the name may be what another macro was given. */
static unsigned
look_at_definition(struct rustlex l, bool by_rules)
{
	struct rustlex_token t = next_token(&l);

	if (by_rules) {
		if (!rustlex_is(&t, "!"))
			return 0;
		t = next_token(&l);
	}
	return is_macro(&t) || (by_rules && rustlex_is(&t, "$"))
		       ? ENV_MACRO_ELSE
		       : 0;
}

unsigned
env_macro_names_look(const struct rustlex_token *t,
		     const struct rustlex_token *before, struct rustlex rest)
{
	struct rustlex_token after;

	if (is_word(t, "macro_rules"))
		return look_at_definition(rest, true);
	if (is_word(t, "macro"))
		return look_at_definition(rest, false);
	if (is_word(t, "use"))
		return look_at_use(rest);
	if (is_word(t, "macro_use"))
		return macro_use(rest);
	if (!env_macro_names_std(t) && !is_macro(t))
		return 0;
	if (is_word(before, "as"))
		return judge_import(t, OF_OTHERS);
	if (is_word(before, "mod") && env_macro_names_std(t))
		return ENV_MACRO_OWN_STD;
	/* A word that another macro may make a definition of. */
	after = next_token(&rest);
	return rustlex_opens(before) && rustlex_is(&after, ")") &&
			       t->p[0] == 'i'
		       ? ENV_MACRO_ELSE
		       : 0;
}
