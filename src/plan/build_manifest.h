/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PLAN_BUILD_MANIFEST_H
#define PLAN_BUILD_MANIFEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"    /* allow: value */
#include "base/digest.h" /* allow: value */

/*
 * Build manifests: what the cargo runs of a session used, in order of demand,
 * so that the next one can have it before it asks (src/remote/LAYOUT).
 * A wrong one is useless, never harmful: the shim computes every key itself.
 * Pure.  Threads: owner.
 */
enum {
	BUILD_MANIFEST_UNITS = 8192,
	BUILD_MANIFEST_PARENTS = 512,
	BUILD_MANIFEST_BYTES = 32 << 20, /* of an encoded one */
	BUILD_MANIFEST_SESSIONS = 5 /* without use, after which a unit goes */
};

struct build_manifest_unit {
	struct digest at; /* where its entry lies: the name of its pack */
	struct digest k0;
	uint64_t size; /* bytes of its outputs */
	uint64_t compile_us;
	uint32_t unused;  /* sessions since it was used last */
	uint32_t package; /* names: offsets into text */
	uint32_t version;
	uint32_t parent; /* first of its parents, in `parents` */
	uint32_t nparents;
	bool script; /* a build script or a run of one: what it makes is no
		      * unit's extern */
};

struct build_manifest {
	struct digest lock;
	struct digest toolchain;
	uint64_t stored_ms;
	struct build_manifest_unit *unit;
	size_t count;
	uint32_t *parents; /* numbers of units whose outputs they read */
	size_t nparents;
	struct buf text; /* names, each with its NUL */
};

/* A new unit; gives its number.  Numbers of parents are below it or were
 * given by this.  ERR_TOOBIG, -ENOMEM.  Names are copied. */
int build_manifest_add(struct build_manifest *m,
		       const struct build_manifest_unit *u, const char *package,
		       const char *version, const uint32_t *parents,
		       size_t nparents);

/* The names of U.  Borrowed from M until it changes. */
const char *build_manifest_package(const struct build_manifest *m,
				   const struct build_manifest_unit *u);
const char *build_manifest_version(const struct build_manifest *m,
				   const struct build_manifest_unit *u);

/* Appends the content of a record of type b. */
void build_manifest_encode(const struct build_manifest *m, struct buf *out);

/* 0, ERR_CORRUPT, ERR_NEWER, ERR_TOOBIG, -ENOMEM.  The caller owns OUT. */
int build_manifest_decode(const void *p, size_t n, struct build_manifest *out);

/* A copy of FROM with the units that KEEP says, less those that need one that
 * it does not.  0 or -ENOMEM; the caller owns OUT. */
int build_manifest_filter(const struct build_manifest *from,
			  bool (*keep)(void *ctx, const char *package,
				       const char *version),
			  void *ctx, struct build_manifest *out);

/*
 * Adds to M, which is of a run that just ended, the units of OLDER that it
 * lacks, with AGE one session older, while there is room and they are not too
 * old.  0 or -ENOMEM (M as it was or with some of them).
 */
int build_manifest_merge(struct build_manifest *m,
			 const struct build_manifest *older, bool age);
void build_manifest_release(struct build_manifest *m);

#endif
