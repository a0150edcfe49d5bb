/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KEY_AMBIENT_H
#define KEY_AMBIENT_H

#include <stdbool.h>

struct digest_ctx;
struct digest_cache;
struct roots;

/*
 * Inputs that have no name of their own: the environment as a whole, the
 * number of CPUs, the names of the machine and its users.  Threads: any, as
 * long as nobody changes ALL.
 */

/*
 * True for variables that the crate cc, with which build scripts compile C, may
 * look for in its copy of the environment.  Decided by the words between '_',
 * because targets and versions of cc add their own.
 */
bool ambient_is_cc(const char *name);

struct ambient {
	char *const *all;          /* NAME=VALUE, NULL at its end; or NULL */
	const struct roots *roots; /* replaced by tags in values; PATH is left
				    * out, for what was found along it has
				    * items of its own.  NULL: all as it is */
	bool cc;                   /* only names for cc */
	bool guarded;              /* others see the key: fail if a variable
				    * that counts looks like a secret */
};

/*
 * Folds the environment less the noise, sorted.  0; ERR_MISS if ALL is NULL or
 * because of GUARDED; -ENOMEM.
 */
int ambient_environment(struct digest_ctx *c, const struct ambient *a);

/* Folds which CPUs this process may run on, which are online, possible and
 * present, and the share of them that its control groups (v2) have. */
int ambient_cpus(struct digest_ctx *c);

/* Folds uname's fields, the user's number, and who the users are. */
int ambient_host(struct digest_ctx *c, struct digest_cache *memo);

#endif
