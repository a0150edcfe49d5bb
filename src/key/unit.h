/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KEY_UNIT_H
#define KEY_UNIT_H

#include <stdbool.h>
#include <stddef.h>

struct args;
struct buf;
struct digest;
struct digest_ctx;
struct roots;

/*
 * Unit key (K0): digest of everything that is known before a source is read.
 * Pure, except that -C target-cpu=native asks the CPU for its features.
 * Threads: any.
 */
struct unit_in {
	const struct args *args;
	const struct roots *roots;
	const struct digest *toolchain;
	const char *(*get)(const char *name);
	const char *cwd;
	const char *sysroot;
	const char *place;         /* --out-dir without links, or NULL */
	const struct digest *conf; /* of clippy's configuration, or NULL */
	const char *places;        /* [inputs] places, NULL or "": none */
	const char *scope;         /* option for our remaps, or NULL */
	int mode;                  /* enum roots_mode */
	bool incremental;          /* false: the key of the same unit built
				 * without -C incremental */
};

/* 0, ERR_REFUSED if a path cannot be encoded, or -ENOMEM.  LIST, if not NULL,
 * gets the list of its parts (key/key_parts). */
int unit_key(const struct unit_in *in, struct digest *k0, struct buf *list);

/* Digest of the form of the diagnostics (--error-format, --json, --color): an
 * entry with diagnostics serves only units that ask for the same form. */
void unit_tag(const struct args *a, struct digest *tag);

/* Folds what LLVM looks at to find the host's CPU (cpuid). */
void unit_fold_cpu(struct digest_ctx *c);

/* True if NAME is in K0 (or has no effect) and so never in an input list. */
bool unit_env_known(const char *name);

/* True if rustc, LLVM, C compilers or linkers ask for NAME without effect on
 * what they make. */
bool unit_env_noise(const char *name);

/* The reason in the environment not to cache the unit, or NULL. */
const char *unit_env_refuses(const char *(*get)(const char *name));

#endif
