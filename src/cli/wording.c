/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "cli/wording.h"

#include "base/buf.h"

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

/* "what:detail", by the part before the colon. */
static const struct word refusals[] = {
	{ "wrote", "it writes outside OUT_DIR, which a replay would not do" },
	{ "removed", "it removes or moves what it did not make" },
	{ "clock",
	  "it looks at the clock, so each run may give another result;\n"
	  "    SOURCE_DATE_EPOCH, or a file with the date, would do" },
	{ "network", "it uses the network" },
	{ "reads", "it reads what differs from one moment or machine to the "
		   "next" },
	{ "lists", "it lists what differs from one moment to the next" },
	{ "own-out-dir", "it looks at what an earlier run left in OUT_DIR" },
	{ "links-out", "it links from OUT_DIR to what lies elsewhere" },
	{ "secret", "what it says holds the value of a secret variable" },
	{ "output-not-text", "what it says is no text" },
	{ "unseen",
	  "part of it cannot be observed: a static, foreign or set-uid\n"
	  "    program, one that calls the kernel by itself, or one "
	  "that is still running" },
	{ "raced", "an input changed meanwhile" },
	{ "raced-tick", "an input was written just before it was read" },
	{ "clock-stepped", "the clock was set meanwhile" },
	{ "edit-loop", "it was stored less than 10 minutes ago; the edit loop "
		       "is not to pay for copies" },
	{ "exit", "it failed" },
	{ "env", "the environment holds a name that is no text" },
	{ "path", "a path cannot be recorded" },
	{ "too-many-inputs", "it has more than 20,000 inputs" },
	{ "min_free", "the disk is nearly full ([store] min_free)" },
	{ "no-observer", "the observer is not installed" },
	{ "build_scripts", "runs are not cached ([shim] build_scripts = no)" },
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
	{ "k", "link" },
	{ "-", "dependency" },
};

static const char *
look(const struct word *w, size_t n, const char *key, size_t len)
{
	for (size_t i = 0; i < n; i++)
		if (strlen(w[i].key) == len && !memcmp(w[i].key, key, len))
			return w[i].text;
	return NULL;
}

#define LOOK(table, key, len) \
	look(table, sizeof(table) / sizeof((table)[0]), key, len)

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
wording_item(const char *item, bool run, struct buf *out)
{
	const char *kind = *item ? LOOK(kinds, item, 1) : NULL;

	if (*item == 'E') {
		buf_str(out, "the environment (something asks for all of it)");
		return;
	}
	if (*item == 'x') {
		buf_str(out, !strcmp(item + 1, "cpu")
				     ? "the CPU's features"
				     : "names of the machine or the user");
		return;
	}
	if (*item == '+') {
		buf_fmt(out, "%s more", item + 1);
		return;
	}
	buf_fmt(out, "%s ", kind ? kind : "input");
	if (*item && strchr("flcask", *item))
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
		wording_item(one.p ? one.p : "", run, out);
		buf_char(out, '\n');
		buf_free(&one);
		items += n + (end ? sizeof(between) - 1 : 0);
	}
}

static void
add_refusal(const char *why, struct buf *out)
{
	size_t n = strcspn(why, ":");
	const char *text = LOOK(refusals, why, n);

	buf_fmt(out, "    %s\n", why);
	if (text)
		buf_fmt(out, "    %s\n", text);
}

void
wording_reason(const char *reason, bool run, struct buf *out)
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
