/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KEY_AROUND_H
#define KEY_AROUND_H

#include <stdbool.h>

struct digest_ctx;
struct memo;
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
bool around_is_noise(const char *name);

/*
 * Folds all variables of ALL (NAME=VALUE, NULL at its end) but the noise,
 * sorted.  With ROOTS their paths are replaced by tags in the values, and PATH
 * is left out: what was found over it are items of their own.  GUARDED: the
 * key is for others to see, so not if a variable looks like a secret.
 * 0; ERR_MISS where ALL is NULL or by GUARDED; -ENOMEM.
 */
int around_environment(struct digest_ctx *c, char *const *all,
		       const struct roots *roots, bool guarded);

/* Folds uname's fields, the user's number, and who the users are. */
int around_host(struct digest_ctx *c, struct memo *memo);

#endif
