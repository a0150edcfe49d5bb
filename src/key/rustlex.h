/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KEY_RUSTLEX_H
#define KEY_RUSTLEX_H

#include <stdbool.h>
#include <stddef.h>

/*
 * Splits Rust source into words, strings and signs: just enough to tell code
 * from comments and literals.  Ends for any bytes.  Pure.  Threads: any.
 */
enum rustlex_kind {
	RUSTLEX_END,
	RUSTLEX_WORD,   /* numbers as well */
	RUSTLEX_STRING, /* what is between the quotes, escapes as they are */
	RUSTLEX_PUNCT /* one sign, a character literal or a lifetime's quote */
};

struct rustlex_token {
	enum rustlex_kind kind;
	const char *p; /* within the source */
	size_t n;
};

struct rustlex {
	const char *p; /* what is left */
	const char *end;
};

struct rustlex_token rustlex_next(struct rustlex *l);

/* T is TEXT, and no string. */
bool rustlex_is(const struct rustlex_token *t, const char *text);
bool rustlex_opens(const struct rustlex_token *t);
bool rustlex_closes(const struct rustlex_token *t);

#endif
