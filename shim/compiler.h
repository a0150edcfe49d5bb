/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SHIM_COMPILER_H
#define SHIM_COMPILER_H

#include <stdbool.h>
#include <stddef.h>

struct buf;
struct clippy_in;
struct digest;

/*
 * The compilers that units are made with: what is special about each.  Both
 * take rustc's command line (rustc/args) and announce outputs as rustc does.
 * Threads: any.
 */
struct compiler {
	const char *program; /* as cargo calls it */
	int words;           /* of its name: cargo puts rustc's behind that of
			      * a workspace wrapper, which clippy-driver is */
	bool beside;         /* it links the compiler of the rustc beside it
			      * (struct toolchain_in's driver) */
	/* Variables that its answers to -vV and --print depend on; NULL at
	 * the end. */
	const char *const *query_variables;
	/* NULL, or: a reason in the environment to pass through, or NULL. */
	const char *(*refuses)(const char *(*get)(const char *name));
	/* NULL, or: the digest of configuration that its keys hold. */
	int (*conf)(const struct clippy_in *in, struct digest *out);
};

/* The one that ARGV, ARGC words behind ours, calls; NULL: none we know. */
const struct compiler *compiler_find(int argc, char *const *argv);

/* A line by which the compiler announces an output. */
struct announcement {
	char *path; /* the caller's to free */
	char emit[16];
};

/* Whether the N bytes at LINE announce an output. */
bool announcement_is(const char *line, size_t n);

/* 0; or ERR_CORRUPT: it cannot be understood; -ENOMEM. */
int announcement_read(const char *line, size_t n, struct announcement *out);

/* Appends the line for the output NAME in DIR, as the compiler writes it. */
void announcement_write(const char *dir, const char *name, const char *emit,
			struct buf *out);

#endif
