/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KEY_WITNESS_H
#define KEY_WITNESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/digest.h" /* allow: value */

struct buf;
struct roots;
struct shape;

/*
 * In which places a build script's result holds.
 *
 * A script is told paths of its place (OUT_DIR, its package...), and what it
 * makes of them need not show: it may be their length.  So a result holds in
 * its own place, and a root becomes free only when two runs in places where
 * that root's path has different lengths gave the same neutral result.
 * Which roots matter at all is told by the shape: those that its paths begin
 * with or the values of its variables name, those above them, and OUT_DIR,
 * target and the package in any case, which a process can find out alone.
 * Pure.  Threads: any.
 */
enum { WITNESS_PLACES = 12 };

struct witness_place {
	char tag;
	uint32_t len;   /* of its path */
	uint64_t which; /* first 8 bytes of the path's SHA-256 */
	bool free;
};

struct witness {
	struct digest content; /* of the neutral result */
	struct witness_place place[WITNESS_PLACES];
	size_t n;
	bool differs; /* another place gave another result */
};

/* Tags of the roots of R that matter for a finished shape, in R's order; TAGS
 * holds WITNESS_PLACES bytes and a NUL.  WHOLE: the whole environment does.
 * 0 or -ENOMEM. */
int witness_tags(const struct shape *s, const struct roots *r,
		 const char *(*get)(const char *name), char *tags);

/* What a run here, with the neutral result CONTENT, bears witness of. */
void witness_here(const struct roots *r, const char *tags,
		  const struct digest *content, struct witness *out);

/* FIRST, recorded elsewhere, learns of NOW.  True if it changed: roots became
 * free, or the results differ. */
bool witness_join(struct witness *first, const struct witness *now);

/* True if some root is free, so that there is a result for other places. */
bool witness_agreed(const struct witness *w);

/* Where the result of the run K1 lies: for this place alone; and, with the
 * roots that W calls free left out, for all places that share the others. */
void witness_key_here(const struct digest *k1, const struct roots *r,
		      const char *tags, struct digest *out);
void witness_key_free(const struct digest *k1, const struct roots *r,
		      const struct witness *w, struct digest *out);

/* The record as text.  Reading: 0 or ERR_CORRUPT. */
void witness_write(const struct witness *w, struct buf *out);
int witness_read(const char *p, size_t n, struct witness *out);

#endif
