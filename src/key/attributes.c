/* SPDX-License-Identifier: Apache-2.0 */
#include "key/attributes.h"

#include "base/memfind.h"
#include "key/programs.h"

#include <string.h>

enum {
	NONE = ATTRIBUTES_KNOWN,
	MODE = ATTRIBUTES_KNOWN | ATTRIBUTES_MODE,
	/* fstat is enough for them. */
	OPENED = MODE | ATTRIBUTES_TIMES | ATTRIBUTES_OWNER,
	ALL = OPENED | ATTRIBUTES_TESTED
};

/*
 * What programs use: see programs_find.  make and ninja compare times and give
 * them to nobody: what they decide is whether to make what lies in OUT_DIR,
 * and that is made from nothing.
 */
static const unsigned bits[] = {
	[USES_EVERYTHING] = ALL, [USES_OPENED] = OPENED, [USES_MODE] = MODE,
	[USES_NOTHING] = NONE,   [USES_IF_TOLD] = NONE,  [USES_IF_SAID] = NONE,
};

#define WORD(w) w,
static const char *const words[] = {
#include "observe/times.def"
};

unsigned
attributes_of(const char *path, int told)
{
	const struct program *p = programs_find(path);

	if (p->uses == USES_IF_TOLD)
		return told ? ALL : NONE;
	return bits[p->uses] |
	       (p->flags & PROGRAM_COMPILES ? ATTRIBUTES_COMPILES : 0) |
	       (p->flags & PROGRAM_PRINTS ? ATTRIBUTES_PRINTS : 0);
}

static int
is_blank(const char *p, const char *from, const char *end)
{
	return p < from || p >= end || strchr(" \t\r\n;'\"", *p);
}

/* An operator of shells, between blanks of any kind. */
static int
has_operator(const char *text, size_t n, const char *word)
{
	const char *p = text, *end = text + n;

	for (;;) {
		p = memfind(p, (size_t)(end - p), word, 3);
		if (!p)
			return 0;
		if (is_blank(p - 1, text, end) && is_blank(p + 3, text, end))
			return 1;
		p += 3;
	}
}

int
attributes_in_text(const char *text, size_t n)
{
	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++)
		if (memfind(text, n, words[i], strlen(words[i])))
			return 1;
	return has_operator(text, n, "-nt") || has_operator(text, n, "-ot");
}

static int
is_c_source(const char *path)
{
	static const char *const ends[] = { ".c",  ".h",   ".cc",  ".cpp",
					    ".hh", ".hpp", ".cxx", ".hxx",
					    ".S",  ".m",   ".inc", ".def" };
	const char *dot = strrchr(path, '.');

	for (size_t i = 0; dot && i < sizeof(ends) / sizeof(*ends); i++)
		if (!strcmp(dot, ends[i]))
			return 1;
	return 0;
}

int
attributes_want_text(const char *path, const char *file)
{
	const struct program *p = programs_find(path);

	return p->uses == USES_IF_TOLD || p->uses == USES_IF_SAID ||
	       (p->flags & PROGRAM_COMPILES && is_c_source(file));
}

static int
has_word(const char *text, size_t n, const char *word)
{
	return memfind(text, n, word, strlen(word)) != NULL;
}

unsigned
attributes_of_text(const char *path, const char *text, size_t n)
{
	const struct program *p = programs_find(path);

	if (p->uses == USES_IF_TOLD)
		return attributes_in_text(text, n) ? ALL : 0;
	if (p->uses == USES_IF_SAID)
		return has_word(text, n, "(TIMESTAMP") ||
				       has_word(text, n, "IS_NEWER_THAN")
			       ? ALL
			       : 0;
	if (p->flags & PROGRAM_COMPILES)
		return has_word(text, n, "__TIMESTAMP__") ? ATTRIBUTES_TIMES
							  : 0;
	return 0;
}
