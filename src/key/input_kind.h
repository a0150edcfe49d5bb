/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KEY_INPUT_KIND_H
#define KEY_INPUT_KIND_H

#include <stdbool.h>

/*
 * What is known of each kind of input (key/input_kinds.def).  Items are those
 * of an input list: a letter and a name.  Pure.  Threads: any.
 */
#define INPUT_KIND(name, letter, evaluator, flags, text) INPUT_##name = letter,
#define INPUT_WORD(kind, word, text)
enum input_letter {
#include "key/input_kinds.def" /* allow: value */
};
#undef INPUT_KIND
#undef INPUT_WORD

enum input_flags {
	INPUT_PATH = 1,        /* names an encoded path */
	INPUT_VARIABLE = 2,    /* names a variable, so maybe a secret */
	INPUT_RELOCATABLE = 4, /* its value counts without the roots in it */
	INPUT_WORDS = 8        /* holds one of a few words instead of a name */
};

/* True if the kind of ITEM has one of FLAGS; false for an unknown kind. */
bool input_kind_is(const char *item, unsigned flags);

/* True if the kind of ITEM is known and, if it has words, the word as well. */
bool input_kind_knows(const char *item);

/* What people read for the kind of ITEM, or for its word; NULL: unknown. */
const char *input_kind_text(const char *item);

#endif
