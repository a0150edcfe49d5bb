/* SPDX-License-Identifier: Apache-2.0 */
#include "key/input_kind.h"

#include <stddef.h>
#include <string.h>

#define INPUT_KIND(name, letter, evaluator, flags, text) \
	{ letter, flags, text },
#define INPUT_WORD(kind, word, text)
static const struct input_kind {
	char letter;
	unsigned flags;
	const char *text;
} kinds[] = {
#include "key/input_kinds.def"
};
#undef INPUT_KIND
#undef INPUT_WORD

#define INPUT_KIND(name, letter, evaluator, flags, text)
#define INPUT_WORD(kind, word, text) { INPUT_##kind, word, text },
static const struct input_word {
	char kind;
	const char *word;
	const char *text;
} words[] = {
#include "key/input_kinds.def"
};

static const struct input_kind *
find_input_kind(const char *item)
{
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (kinds[i].letter == item[0])
			return &kinds[i];
	return NULL;
}

static const struct input_word *
find_input_word(const char *item)
{
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (words[i].kind == item[0] &&
		    !strcmp(words[i].word, item + 1))
			return &words[i];
	return NULL;
}

bool
input_kind_is(const char *item, unsigned flags)
{
	const struct input_kind *k = find_input_kind(item);

	return k && (k->flags & flags);
}

bool
input_kind_knows(const char *item)
{
	const struct input_kind *k = find_input_kind(item);

	return k && (!(k->flags & INPUT_WORDS) || find_input_word(item));
}

const char *
input_kind_text(const char *item)
{
	const struct input_kind *k = find_input_kind(item);
	const struct input_word *w = k ? find_input_word(item) : NULL;

	return w && w->text ? w->text : k ? k->text : NULL;
}
