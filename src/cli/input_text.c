/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "cli/input_text.h"

#include "base/buf.h"
#include "cli/advice.h"

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

/* Items of kind x. */
static const struct word arounds[] = {
	{ "cpu", "the CPU's features" },
	{ "cpus", "the number of CPUs" },
	{ "host", "names of the machine or the user" },
};

static const struct word kinds[] = {
	{ "f", "file" },
	{ "p", "program on PATH" },
	{ "e", "variable" },
	{ "i", "variable" },
	{ "v", "variable" },
	{ "w", "variable" },
	{ "l", "names in" },
	{ "c", "crates in" },
	{ "a", "there must be no" },
	{ "s", "there must be" },
	{ "r", "where this really lies:" },
	{ "m", "permissions of" },
	{ "t", "the time of change of" },
	{ "b", "the times of" },
	{ "o", "owner or links of" },
	{ "k", "link" },
	{ "-", "dependency" },
	{ ">", "now there: argument" },
	{ "<", "was there: argument" },
	{ "V", "variable" },
};

/* Items that say it all by their letter. */
static const struct word whole[] = {
	{ "E", "the environment (something asks for all of it)" },
	{ "T", "the toolchain" },
	{ "P", "the build script's program: it was compiled anew, or differs" },
	{ "M", "how paths are replaced ([store] portable), or where the "
	       "package lies,\n    seen from the workspace" },
	{ "D", "what [inputs] in kache.ini or .kache.ini declares" },
	{ "C", "clippy.toml in a directory above the workspace" },
	{ "O", "the place of the outputs or of the toolchain, which such "
	       "results\n    name" },
	{ "H", "cargo's hash (-C metadata) of the package and all it depends "
	       "on" },
	{ "R", "the order of the arguments" },
	{ "!", "nothing; but the result is not in the store any more: swept,\n"
	       "    purged or damaged; or it is with diagnostics in another "
	       "form only" },
	{ "@", "nothing; but the result names paths of the place it was made "
	       "in,\n    or was not shown to hold here" },
};

static const char *
look_up(const struct word *w, size_t n, const char *key, size_t len)
{
	for (size_t i = 0; i < n; i++)
		if (strlen(w[i].key) == len && !memcmp(w[i].key, key, len))
			return w[i].text;
	return NULL;
}

#define LOOK(table, key, len) \
	look_up(table, sizeof(table) / sizeof((table)[0]), key, len)

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

void
input_text_item(const char *item, bool run, struct buf *out)
{
	const char *kind = *item ? LOOK(kinds, item, 1) : NULL;

	if (*item && LOOK(whole, item, 1)) {
		buf_str(out, LOOK(whole, item, 1));
		return;
	}
	if (*item == 'x') {
		const char *what = LOOK(arounds, item + 1, strlen(item + 1));

		buf_str(out, what ? what : "the machine");
		return;
	}
	if (*item == '+') {
		buf_fmt(out, "%s more", item + 1);
		return;
	}
	buf_fmt(out, "%s ", kind ? kind : "input");
	/* The letter behind the side. */
	if ((*item == '>' || *item == '<') && item[1])
		item++;
	if (*item && strchr("flcaskrmtbo", *item))
		add_path(item + 1, run, out);
	else
		buf_str(out, *item ? item + 1 : "");
}

static void
add_changed(const char *items, bool run, struct buf *out)
{
	static const char between[] = " | ";

	buf_str(out, "  since it was stored last, these changed:\n");
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
		buf_str(out, "  it is not stored, so it will miss again:\n");
		add_refusal(reason + sizeof(not_stored) - 1, out);
	} else if (!strncmp(reason, local, sizeof(local) - 1)) {
		buf_fmt(out, "  it is stored here but not uploaded (%s)\n",
			reason + sizeof(local) - 1);
		add_refusal(reason + sizeof(local) - 1, out);
	} else if (*reason) {
		buf_str(out, "  it was passed through:\n");
		add_refusal(reason, out);
	} else {
		buf_str(out, run ? "  no run of this program with this "
				   "toolchain was known, or none in a\n"
				   "  place whose results hold here, or it "
				   "found other files\n"
				 : "  nothing like it was known: another "
				   "toolchain, other arguments, features or\n"
				   "  profile, or the first time\n");
	}
}
