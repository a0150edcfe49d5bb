/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RUSTC_DEPINFO_H
#define RUSTC_DEPINFO_H

#include <stdbool.h>
#include <stddef.h>

struct buf;
struct roots;

/*
 * The dep-info file that rustc writes (rustc_interface's passes.rs): a rule
 * for each output, a phony rule for each source, then `# env-dep:` lines.
 * Blanks in paths are escaped by a backslash; values of env-dep lines escape
 * backslash, newline and carriage return.  Pure.  Threads: any.
 */
struct depinfo_env {
	char *name;
	bool set;
};

struct depinfo {
	char **files; /* as spelled: relative to cwd, or absolute */
	size_t nfiles;
	struct depinfo_env *envs;
	size_t nenvs;
};

/* Reads N bytes at P.  0, ERR_CORRUPT, or -ENOMEM.  The caller owns OUT. */
int depinfo_read(const char *p, size_t n, struct depinfo *out);
void depinfo_release(struct depinfo *d);

/*
 * Appends the form that a store may keep: paths at the start of a word begin
 * with \1 tag \1 instead of a root, values of variables are replaced by \2.
 * 0 or ERR_CORRUPT (the text holds such a byte already).
 */
int depinfo_neutral(const char *p, size_t n, const struct roots *r,
		    struct buf *out);

/*
 * Appends the text rustc would have written here: roots of R, values by GET
 * (borrowed from the caller's environment).  0 or ERR_CORRUPT.
 */
int depinfo_expand(const char *p, size_t n, const struct roots *r,
		   const char *(*get)(const char *name), struct buf *out);

#endif
