/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PLAN_PACKAGES_H
#define PLAN_PACKAGES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * The packages that a workspace is built from and their dependencies, read from
 * Cargo.lock (cargo_lock.h) or from `cargo metadata` (metadata.h).  Pure.
 * Zero-initialised is empty.  Threads: owner.
 */
enum {
	PACKAGES_MAX = 65536,
	PACKAGES_DEPS_MAX = 1 << 20,
	PACKAGES_NAME = 65 /* room for a crate's name: 64 bytes (crates.io) */
};

/* The strings are one block that begins at name. */
struct package {
	char *name;
	const char *version;
	const char *source; /* NULL: a workspace member or a path package */
	uint32_t first;     /* its first dependency in packages.deps */
	uint32_t ndeps;
};

struct packages {
	struct package *p;
	size_t count;
	uint32_t *deps; /* indices into p */
	size_t ndeps;
};

/* Adds a package; copies, SOURCE may be NULL.  0, ERR_TOOBIG, -ENOMEM. */
int packages_add(struct packages *s, const char *name, const char *version,
		 const char *source);

/* Package I needs DEP.  Called for one package after the other.  0,
 * ERR_TOOBIG, -ENOMEM. */
int packages_need(struct packages *s, uint32_t i, uint32_t dep);

void packages_release(struct packages *s);

/*
 * All indices, dependencies before what needs them; cycles (dev-dependencies)
 * are broken as graph.h says.  *ORDER is the caller's.  0 or -ENOMEM.
 */
int packages_order(const struct packages *s, uint32_t **order);

/* What rustc calls a package's library: - becomes _.  False, and OUT is
 * empty: no name of a crate. */
bool packages_crate(const char *name, char out[PACKAGES_NAME]);

/* N bytes of letters, digits and _, no longer than a name may be. */
bool packages_is_crate(const char *name, size_t n);

#endif
