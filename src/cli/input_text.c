/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "cli/input_text.h"

#include "base/buf.h"
#include "cli/advice.h"
#include "key/input_kind.h"
#include "key/key_parts.h"

#include <stddef.h>
#include <string.h>

struct word {
	const char *key;
	const char *text;
};

/* The roots of rustc/roots.h. */
static const struct word places[] = {
	{ "O", "$OUT_DIR" },
	{ "o", "the output directory" },
	{ "t", "target" },
	{ "W", "the workspace" },
	{ "c", "$CARGO_HOME" },
	{ "u", "$RUSTUP_HOME" },
	{ "h", "$HOME" },
	{ "s", "the toolchain" },
	{ "L", "a directory of -L" },
};

/* What is neither an input nor a part of a key and says it all. */
static const struct word whole[] = {
	{ "!", "nothing, but the result is gone from the store (collected, "
	       "purged or\n    damaged) or has its diagnostics in another "
	       "form" },
	{ "@", "nothing, but the result contains paths of the place where it "
	       "was made,\n    or is not proven to hold here" },
};

static const char *
find_text(const struct word *w, size_t n, const char *key, size_t len)
{
	for (size_t i = 0; i < n; i++)
		if (strlen(w[i].key) == len && !memcmp(w[i].key, key, len))
			return w[i].text;
	return NULL;
}

#define LOOK(table, key, len) \
	find_text(table, sizeof(table) / sizeof((table)[0]), key, len)

static void
add_path(const char *path, bool run, struct buf *out)
{
	const char *place;

	if (*path == '/' || !*path) {
		buf_str(out, path);
		return;
	}
	place = *path == 'w' ? (run ? "the package" : "the workspace")
			     : LOOK(places, path, 1);
	path += 1 + (*path == 'L' ? strspn(path + 1, "0123456789") : 0);
	if (*path == '/')
		buf_fmt(out, "%s in ", path + 1);
	buf_str(out, place ? place : "?");
}

static void
add_input(const char *item, bool run, struct buf *out)
{
	const char *kind = input_kind_text(item);

	buf_str(out, kind ? kind : "input");
	if (input_kind_is(item, INPUT_WORDS))
		return;
	buf_char(out, ' ');
	if (input_kind_is(item, INPUT_PATH))
		add_path(item + 1, run, out);
	else
		buf_str(out, *item ? item + 1 : "");
}

static void
add_part(const char *item, struct buf *out)
{
	const char *side = *item == '>'   ? "added "
			   : *item == '<' ? "removed "
					  : "";
	bool alone;

	item += *side != '\0';
	buf_fmt(out, "%s%s", side, key_parts_text(item, &alone));
	if (!alone)
		buf_fmt(out, " %s", item + 1);
}

static bool
is_part(const char *item)
{
	bool alone;

	item += *item == '>' || *item == '<';
	return key_parts_text(item, &alone) != NULL;
}

void
input_text_item(const char *item, bool run, struct buf *out)
{
	const char *all = *item ? LOOK(whole, item, 1) : NULL;

	if (all)
		buf_str(out, all);
	else if (*item == '-')
		buf_fmt(out, "dependency %s", item + 1);
	else if (*item == '+')
		buf_fmt(out, "%s more", item + 1);
	else if (is_part(item))
		add_part(item, out);
	else
		add_input(item, run, out);
}

static void
add_changed(const char *items, bool run, struct buf *out)
{
	static const char between[] = " | ";

	buf_str(out, "  changed since the last stored result:\n");
	while (*items) {
		const char *end = strstr(items, between);
		size_t n = end ? (size_t)(end - items) : strlen(items);
		struct buf one = { 0 };

		buf_add(&one, items, n);
		buf_str(out, "    ");
		input_text_item(one.p ? one.p : "", run, out);
		buf_char(out, '\n');
		buf_free(&one);
		items += n + (end ? sizeof(between) - 1 : 0);
	}
}

static void
add_refusal(const char *why, struct buf *out)
{
	const struct advice *a = advice_for(why);

	buf_fmt(out, "    %s\n", why);
	if (a)
		buf_fmt(out, "    %s\n    to do: %s\n", a->what, a->todo);
}

void
input_text_reason(const char *reason, bool run, struct buf *out)
{
	static const char changed[] = "changed:", not_stored[] = "not_stored:",
			  local[] = "local:";

	if (!strncmp(reason, changed, sizeof(changed) - 1)) {
		add_changed(reason + sizeof(changed) - 1, run, out);
	} else if (!strncmp(reason, not_stored, sizeof(not_stored) - 1)) {
		buf_str(out, "  not stored, so it will miss again:\n");
		add_refusal(reason + sizeof(not_stored) - 1, out);
	} else if (!strncmp(reason, local, sizeof(local) - 1)) {
		buf_fmt(out, "  stored here but not uploaded (%s)\n",
			reason + sizeof(local) - 1);
		add_refusal(reason + sizeof(local) - 1, out);
	} else if (*reason) {
		buf_str(out, "  not cached, the compiler ran as it is:\n");
		add_refusal(reason, out);
	} else {
		buf_str(out, run ? "  no run of this program with this "
				   "toolchain is known whose result\n"
				   "  holds here, or it found other files\n"
				 : "  nothing similar is known: another "
				   "toolchain, other arguments, features or\n"
				   "  profile, or the first time\n");
	}
}
