/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "key/env_macro.h"

#include "base/buf.h"
#include "base/file.h"
#include "base/memfind.h"
#include "key/env_macro_names.h"
#include "key/rustlex.h"

#include <fcntl.h>
#include <string.h>

enum { TOKENS = 32, FRAMES = 256, FILE_MAX = 512 << 20 };

struct scan {
	struct rustlex lex;
	struct rustlex_token last[TOKENS]; /* a ring of what came before */
	size_t count;
	bool strange[FRAMES]; /* brackets: of a macro that is not std's */
	size_t depth;
	size_t nstrange;
	unsigned sights;
};

/* The token I places before the last one. */
static const struct rustlex_token *
token_back(const struct scan *s, size_t i)
{
	static const struct rustlex_token none = { RUSTLEX_END, "", 0 };

	if (i >= s->count || i >= TOKENS)
		return &none;
	return &s->last[(s->count - 1 - i) % TOKENS];
}

static bool
is_at(const struct scan *s, size_t i, const char *text)
{
	return rustlex_is(token_back(s, i), text);
}

/* Steps over `std ::` or `core ::` before the token I places back. */
static size_t
over_path(struct scan *s, size_t i)
{
	if (!is_at(s, i, ":") || !is_at(s, i + 1, ":") ||
	    !env_macro_names_std(token_back(s, i + 2)))
		return i;
	i += 3;
	if (is_at(s, i, ":") && is_at(s, i + 1, ":"))
		return i + 2;
	s->sights |= ENV_MACRO_BY_STD;
	return i;
}

/* Tokens before the string: `NAME ! (` at place I.  Gives the place before
 * it, 0 if it is not there. */
static size_t
macro_before(struct scan *s, size_t i, const char *name)
{
	if (!rustlex_opens(token_back(s, i)) || !is_at(s, i + 1, "!") ||
	    !is_at(s, i + 2, name))
		return 0;
	i = over_path(s, i + 3);
	/* Somebody else's macro of that name. */
	return is_at(s, i, ":") && is_at(s, i + 1, ":") ? 0 : i;
}

static bool
include_before(struct scan *s, size_t i)
{
	return macro_before(s, i, "include") ||
	       macro_before(s, i, "include_str") ||
	       macro_before(s, i, "include_bytes");
}

/* Behind the name: the end of env!, then of concat! with literals only. */
static bool
literal_rest(struct rustlex l, bool concat)
{
	struct rustlex_token t = rustlex_next(&l);

	if (rustlex_is(&t, ","))
		t = rustlex_next(&l);
	if (!rustlex_closes(&t))
		return false;
	for (t = rustlex_next(&l); concat && !rustlex_closes(&t);
	     t = rustlex_next(&l))
		if (t.kind != RUSTLEX_STRING && !rustlex_is(&t, ","))
			return false;
	if (concat)
		t = rustlex_next(&l);
	if (rustlex_is(&t, ","))
		t = rustlex_next(&l);
	return rustlex_closes(&t);
}

/* The string that was just read is the variable's name. */
static bool
in_include(struct scan *s)
{
	size_t i = macro_before(s, 1, "env"), k;

	if (!i || s->nstrange)
		return false;
	if (include_before(s, i))
		return literal_rest(s->lex, false);
	k = macro_before(s, i, "concat");
	return k && include_before(s, k) && literal_rest(s->lex, true);
}

/* An env! was just opened whose argument is computed, or spelled by escapes: it
 * may be any variable. */
static bool
asks_for_any(const struct scan *s)
{
	struct rustlex ahead = s->lex;
	struct rustlex_token t;

	if (!rustlex_opens(token_back(s, 0)) || !is_at(s, 1, "!") ||
	    (!is_at(s, 2, "env") && !is_at(s, 2, "option_env")))
		return false;
	t = rustlex_next(&ahead);
	return t.kind != RUSTLEX_STRING || (t.n && memchr(t.p, '\\', t.n));
}

/* The bracket that was just opened is that of a macro which may make anything
 * of the words in it. */
static bool
opens_strange(const struct scan *s)
{
	size_t i = 1;

	/* macro_rules! name { */
	if (token_back(s, 1)->kind == RUSTLEX_WORD && is_at(s, 2, "!"))
		i = 2;
	return is_at(s, i, "!") && token_back(s, i + 1)->kind == RUSTLEX_WORD &&
	       !env_macro_names_plain(token_back(s, i + 1));
}

static void
note_nesting(struct scan *s, const struct rustlex_token *t)
{
	if (rustlex_opens(t)) {
		bool strange = opens_strange(s);

		if (s->depth < FRAMES)
			s->strange[s->depth] = strange;
		else
			s->sights |= ENV_MACRO_ELSE;
		s->nstrange += strange && s->depth < FRAMES;
		s->depth++;
	} else if (rustlex_closes(t) && s->depth > 0) {
		s->depth--;
		s->nstrange -= s->depth < FRAMES && s->strange[s->depth];
	}
}

/* Definitions and imports of names that the proof stands on. */
static unsigned
look_at_names(const struct scan *s)
{
	const struct rustlex_token *t = token_back(s, 0),
				   *before = token_back(s, 1);

	if (t->kind != RUSTLEX_WORD)
		return 0;
	if (rustlex_is(before, "#") && is_at(s, 2, "r"))
		before = token_back(s, 3);
	return env_macro_names_look(t, before, s->lex);
}

unsigned
env_macro_look(const char *p, size_t n, const char *name)
{
	struct scan s = { .lex = { .p = p, .end = p + n } };

	while (!(s.sights & ENV_MACRO_ELSE)) {
		struct rustlex_token t = rustlex_next(&s.lex);

		if (t.kind == RUSTLEX_END)
			break;
		s.last[s.count++ % TOKENS] = t;
		note_nesting(&s, &t);
		s.sights |= look_at_names(&s);
		if (asks_for_any(&s))
			s.sights |= ENV_MACRO_ELSE;
		if (!memfind(t.p, t.n, name, strlen(name)))
			continue;
		if (t.kind == RUSTLEX_STRING && t.n == strlen(name) &&
		    in_include(&s))
			s.sights |= ENV_MACRO_USED;
		else
			s.sights |= ENV_MACRO_ELSE;
	}
	return s.sights;
}

enum env_macro_use
env_macro_judge(unsigned sights)
{
	const unsigned both = ENV_MACRO_BY_STD | ENV_MACRO_OWN_STD;

	if (sights & ENV_MACRO_ELSE || (sights & both) == both)
		return ENV_MACRO_VALUE;
	return sights & ENV_MACRO_USED ? ENV_MACRO_ONLY : ENV_MACRO_NONE;
}

bool
env_macro_named_in(const char *path, const char *name)
{
	struct buf b = { 0 };
	bool named = file_read(AT_FDCWD, path, FILE_MAX, &b) < 0 ||
		     (b.len && memfind(b.p, b.len, name, strlen(name)));

	buf_free(&b);
	return named;
}
