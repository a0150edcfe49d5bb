/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KEY_AMBIENT_H
#define KEY_AMBIENT_H

#include <stdbool.h>

struct digest_ctx;
struct digest_cache;
struct roots;

/*
 * What a program can take in without naming it: the environment as a whole,
 * and who the machine says it is.  Threads: any, as long as nobody changes
 * ALL.
 */

/*
 * True for variables that a program which takes in the whole environment is
 * not thought to use: of the terminal, the desktop session, the shell's own
 * state, cargo's job server, and ours.  Names that somebody asks for by name
 * are another matter.
 */
bool ambient_is_noise(const char *name);

/*
 * True for variables that the crate cc, which build scripts compile C with,
 * may look for in the copy of the environment that it makes: by the words
 * between '_' in the name, since targets and versions of cc add to it.
 */
bool ambient_is_cc(const char *name);

struct ambient {
	char *const *all;          /* NAME=VALUE, NULL at its end; or NULL */
	const struct roots *roots; /* replaced by tags in values, and PATH is
				    * left out: what was found over it are
				    * items of their own.  NULL: not so */
	bool cc;                   /* only names for cc */
	bool guarded;              /* the key is for others to see: not if
				    * what counts looks like a secret */
};

/*
 * Folds the environment but the noise, sorted.  0; ERR_MISS where there is
 * none or by GUARDED; -ENOMEM.
 */
int ambient_environment(struct digest_ctx *c, const struct ambient *a);

/* Folds which CPUs this process may run on, which are online, possible and
 * present, and the share of them that its control groups (v2) have. */
int ambient_cpus(struct digest_ctx *c);

/* Folds uname's fields, the user's number, and who the users are. */
int ambient_host(struct digest_ctx *c, struct digest_cache *memo);

#endif
