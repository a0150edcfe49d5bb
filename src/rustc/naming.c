/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "rustc/naming.h"

#include <stdlib.h>
#include <string.h>

/* The first that has --remap-path-scope outside of nightlies. */
enum { SCOPES_MAJOR = 1, SCOPES_MINOR = 95 };

static bool
is_program(enum args_kind kind)
{
	return kind == ARGS_BIN || kind == ARGS_TEST ||
	       kind == ARGS_BUILD_SCRIPT;
}

/* Metadata would hold the real names beside ours if a library were renamed in
 * part, so only what ends in a program is. */
static enum naming
choose_program(const struct naming_in *in)
{
	if (in->kind == ARGS_BUILD_SCRIPT && in->place != NAMING_IN_ROOT) {
		if (in->place == NAMING_IN_HOME && !in->home_renamed)
			return NAMING_OURS;
		return in->scopes ? NAMING_PACKAGE : NAMING_REAL;
	}
	/* A program of a package from elsewhere, as cargo install makes it, is
	 * no test: its names are those of its libraries. */
	if (in->kind == ARGS_BIN && in->place != NAMING_IN_ROOT)
		return NAMING_OURS;
	return in->scopes ? NAMING_OPENABLE : NAMING_OURS;
}

enum naming
naming_choose(const struct naming_in *in)
{
	if (in->place == NAMING_OUTSIDE)
		return NAMING_REAL;
	return is_program(in->kind) ? choose_program(in) : NAMING_OURS;
}

bool
naming_has_scopes(const char *verbose)
{
	static const char key[] = "\nrelease: ";
	const char *p = verbose ? strstr(verbose, key) : NULL;
	unsigned long major, minor;
	char *end;

	if (!p)
		return false;
	major = strtoul(p + sizeof(key) - 1, &end, 10);
	if (*end != '.')
		return false;
	minor = strtoul(end + 1, &end, 10);
	/* A nightly of that number may be older than the option. */
	if (*end == '.')
		end += 1 + strspn(end + 1, "0123456789");
	if (major == SCOPES_MAJOR && minor == SCOPES_MINOR)
		return *end == '\n' || *end == '\0';
	return major > SCOPES_MAJOR ||
	       (major == SCOPES_MAJOR && minor > SCOPES_MINOR);
}

const char *
naming_scope(enum naming naming)
{
	switch (naming) {
	case NAMING_OPENABLE:
		return "--remap-path-scope=debuginfo,diagnostics";
	case NAMING_PACKAGE:
		return "--remap-path-scope=macro,debuginfo";
	default:
		return NULL;
	}
}

bool
naming_made_up(const char *path)
{
	static const char *const names[] = {
		"/proc/self/cwd", "/kache/target", "/kache/package",
		"/kache/cargo",   "/kache/rustup", "/kache/home",
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		size_t n = strlen(names[i]);

		if (!strncmp(path, names[i], n) && (path[n] == '/' || !path[n]))
			return true;
	}
	return false;
}

/* Behind the JSON string whose text begins at P. */
static const char *
skip_string(const char *p, const char *end)
{
	while (p < end && *p != '"')
		p += *p == '\\' && p + 1 < end ? 2 : 1;
	return p < end ? p + 1 : end;
}

static bool
at(const char *p, const char *end, const char *text)
{
	size_t n = strlen(text);

	return (size_t)(end - p) >= n && !memcmp(p, text, n);
}

static bool
holds(const char *p, const char *end, const char *text)
{
	return memmem(p, (size_t)(end - p), text, strlen(text)) != NULL;
}

/* A message without a code. */
static enum naming_line
read_message(const char *p, const char *end)
{
	if (at(p, end, "aborting due to "))
		return NAMING_NO_ERROR;
	if (at(p, end, "linking with "))
		return NAMING_PLAIN_ERROR;
	return holds(p, end, "remap-path") ? NAMING_OPTION_ERROR
					   : NAMING_ANY_ERROR;
}

enum naming_line
naming_read_line(const char *p, size_t n)
{
	static const char *const marks[] = {
		"{\"$message_type\":\"diagnostic\",\"message\":\"",
		"{\"message\":\"",
	};
	static const char level[] = ",\"level\":\"";
	const char *end = p + n, *text = NULL, *code;

	for (size_t i = 0; i < sizeof(marks) / sizeof(marks[0]); i++)
		if (at(p, end, marks[i]))
			text = p + strlen(marks[i]);
	if (!text)
		return NAMING_NO_ERROR;
	code = skip_string(text, end);
	/* No string can hold this: a quote in one has a backslash. */
	p = memmem(code, (size_t)(end - code), level, sizeof(level) - 1);
	if (!p || !at(p + sizeof(level) - 1, end, "error"))
		return NAMING_NO_ERROR;
	if (at(p + sizeof(level) - 1, end, "error: internal"))
		return NAMING_OPTION_ERROR;
	if (at(code, end, ",\"code\":null"))
		return read_message(text, code);
	/* A constant's evaluation may have looked at what file!() says. */
	return at(code, end, ",\"code\":{\"code\":\"E0080\"")
		       ? NAMING_ANY_ERROR
		       : NAMING_PLAIN_ERROR;
}

static bool
failed_by_names(const struct naming_end *end)
{
	if (end->option || end->plain + end->any == 0)
		return true;
	return end->any && end->foreign;
}

static bool
runs_elsewhere(const struct naming_in *in)
{
	return in->kind == ARGS_TEST || in->kind == ARGS_BUILD_SCRIPT ||
	       (in->kind == ARGS_BIN && in->place == NAMING_IN_ROOT);
}

const char *
naming_doubt(const struct naming_in *in, enum naming naming,
	     const struct naming_end *end)
{
	if (naming == NAMING_REAL)
		return NULL;
	if (end->opened)
		return "a name of ours was opened";
	if (end->foreign && end->asks)
		return "a macro asks for its caller's file";
	if (end->failed)
		return failed_by_names(end) ? "it failed" : NULL;
	if (!end->foreign)
		return NULL;
	if (naming == NAMING_OPENABLE)
		return NULL;
	if (naming == NAMING_OURS && runs_elsewhere(in))
		return "it runs elsewhere";
	return end->says ? "it asks for its own name" : NULL;
}
