/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "shim/compiler.h"

#include "base/buf.h"
#include "base/err.h"
#include "key/clippy.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static const char *const rustc_variables[] = { "RUSTC_BOOTSTRAP",
					       "RUSTC_FORCE_RUSTC_VERSION",
					       "RUST_TARGET_PATH", NULL };
static const char *const clippy_variables[] = {
	"RUSTC_BOOTSTRAP",  "RUSTC_FORCE_RUSTC_VERSION",
	"RUST_TARGET_PATH", "CLIPPY_ARGS",
	"SYSROOT",          NULL
};

static const struct compiler compilers[] = {
	{ .program = "clippy-driver",
	  .words = 2,
	  .beside = true,
	  .query_variables = clippy_variables,
	  .refuses = clippy_refuses,
	  .conf = clippy_conf },
	{ .program = "rustc", .words = 1, .query_variables = rustc_variables },
};

static bool
is_called(const char *path, const char *name)
{
	const char *slash = strrchr(path, '/');

	return !strcmp(slash ? slash + 1 : path, name);
}

const struct compiler *
compiler_find(int argc, char *const *argv)
{
	for (size_t i = 0; i < sizeof(compilers) / sizeof(*compilers); i++) {
		const struct compiler *c = &compilers[i];

		if (!argc || !is_called(argv[0], c->program))
			continue;
		/* rustc's own name, and something to compile behind it. */
		if (c->words == 1 ||
		    (argc > c->words && is_called(argv[1], "rustc")))
			return c;
	}
	return NULL;
}

/* rustc 1.63 (Debian 12) does not name the type of the message. */
bool
announcement_is(const char *line, size_t n)
{
	static const char *const marks[] = {
		"{\"$message_type\":\"artifact\"",
		"{\"artifact\":\"",
	};

	for (size_t i = 0; i < sizeof(marks) / sizeof(marks[0]); i++) {
		size_t len = strlen(marks[i]);

		if (n > len && !memcmp(line, marks[i], len))
			return true;
	}
	return false;
}

/* The JSON string behind KEY, unescaped, or NULL. */
static char *
json_string(const char *line, size_t n, const char *key)
{
	const char *p = memmem(line, n, key, strlen(key)), *end = line + n;
	char *out, *to;

	if (!p)
		return NULL;
	p += strlen(key);
	out = to = malloc((size_t)(end - p) + 1);
	while (out && p < end && *p != '"') {
		if (*p == '\\' && p + 1 < end)
			p++;
		/* rustc escapes only '"' and '\\' in paths that are text. */
		*to++ = *p++;
	}
	if (out)
		*to = '\0';
	return out;
}

int
announcement_read(const char *line, size_t n, struct announcement *out)
{
	char *path = json_string(line, n, "\"artifact\":\"");
	char *emit = json_string(line, n, "\"emit\":\"");
	int r = ERR_CORRUPT;

	if (path && emit && strlen(emit) < sizeof(out->emit)) {
		out->path = path;
		memcpy(out->emit, emit, strlen(emit) + 1);
		path = NULL;
		r = 0;
	}
	free(path);
	free(emit);
	return r;
}

static void
add_json(struct buf *b, const char *s)
{
	for (; *s; s++) {
		if (*s == '"' || *s == '\\')
			buf_char(b, '\\');
		buf_char(b, *s);
	}
}

void
announcement_write(const char *dir, const char *name, const char *emit,
		   struct buf *out)
{
	buf_str(out, "{\"$message_type\":\"artifact\",\"artifact\":\"");
	add_json(out, dir);
	buf_char(out, '/');
	add_json(out, name);
	buf_fmt(out, "\",\"emit\":\"%s\"}\n", emit);
}
