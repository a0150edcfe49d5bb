/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PLAN_CARGO_LOCK_H
#define PLAN_CARGO_LOCK_H

#include <stddef.h>

#include "plan/packages.h" /* allow: value */

struct digest;

/*
 * Cargo.lock as cargo writes it, versions 1 to 4: the subset of TOML that
 * cargo uses for it (cargo's resolver/encode.rs), not what else TOML allows.
 * Pure; the text may be anybody's.  Threads: any.
 */
enum { CARGO_LOCK_MAX = 16 << 20 };

/* Zero-initialised is empty. */
struct lockfile {
	struct packages packages;
	const char **own; /* sorted names of the packages without a source */
	size_t nown;
};

/*
 * Fills OUT with all packages; a dependency that names none of them is left
 * out.  0, and cargo_lock_release is owed; ERR_CORRUPT; ERR_TOOBIG; ERR_NEWER:
 * a version we do not know; -ENOMEM.
 */
int cargo_lock_read(const void *p, size_t n, struct lockfile *out);
void cargo_lock_release(struct lockfile *l);

/* What sessions of the same lock file (SHA-256 of its bytes), toolchain and
 * scope have in common. */
void cargo_lock_build_id(const struct digest *lock,
			 const struct digest *toolchain, const char *scope,
			 struct digest *id);

/* The same for sessions of one workspace whatever else is in its lock file:
 * by the names of its own packages. */
void cargo_lock_nearest_id(const struct lockfile *l,
			   const struct digest *toolchain, const char *scope,
			   struct digest *id);

#endif
