/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KEY_WITNESS_H
#define KEY_WITNESS_H

#include <stddef.h>
#include <stdint.h>

#include "base/digest.h" /* allow: value */

struct buf;
struct roots;
struct inputs;

/*
 * In which places a build script's result holds.
 *
 * A script is told paths of its place (OUT_DIR, its package...), and what it
 * makes of them need not show: it may be their length.  So a result holds in
 * its own place, and elsewhere only if two runs in places whose paths have
 * different lengths, and the checkout another name, gave the same neutral
 * result.  There are two kinds of elsewhere: another checkout of the same user,
 * where the paths of OUT_DIR, target and the workspace are others, and any
 * other place, for which the checkouts must lie in different depths, too.  Two
 * checkouts of one name (clones in different directories, or a workspace in a
 * subdirectory of its repository) prove nothing about other names: what they
 * gave alike serves checkouts of this name, if the names of what they lie in
 * are others.  Which roots matter at all is told by the input list: those that
 * its paths begin with or the values of its variables name, those above them,
 * and OUT_DIR, target and the package in any case, which a process can find out
 * alone.  Pure.  Threads: any.
 */
enum { WITNESS_PLACES = 12 };

/* Where a result holds. */
enum witness_reach {
	WITNESS_HERE,     /* where all roots that matter are the same */
	WITNESS_CHECKOUT, /* where those outside the checkout are */
	WITNESS_ANYWHERE,
	WITNESS_NAMED, /* as CHECKOUT, where the checkout's name is the same */
	WITNESS_REACHES
};

struct witness_place {
	char tag;
	uint32_t len;   /* of its path */
	uint64_t which; /* first 8 bytes of the path's SHA-256 */
	uint64_t last;  /* the same of its last component */
	uint64_t above; /* the same of the one before, 0 without one */
	uint32_t depth; /* number of its components */
};

struct witness {
	struct digest content; /* of the neutral result */
	struct witness_place place[WITNESS_PLACES];
	size_t n;
};

/* Tags of the roots of R that matter for a finished input list, in R's order;
 * TAGS holds WITNESS_PLACES bytes and a NUL.  0 or -ENOMEM. */
int witness_tags(const struct inputs *s, const struct roots *r,
		 const char *(*get)(const char *name), char *tags);

/*
 * Folds of what a script said, N bytes at P, what cargo does something about:
 * its lines that begin with "cargo:".  The rest only people see, and compilers
 * that the script ran side by side say it in an order by chance.
 */
void witness_speech(struct digest_ctx *c, const char *p, size_t n);

/* What a run here, with the neutral result CONTENT, bears witness of. */
void witness_here(const struct roots *r, const char *tags,
		  const struct digest *content, struct witness *out);

/* How far the result of NOW, which is the one of a run here, reaches given
 * FIRST.  ERR_CHANGED: another place gave another result, so that neither
 * reaches anywhere. */
int witness_compare(const struct witness *first, const struct witness *now,
		    const struct roots *r);

/* Where the result of the run K1 lies that reaches so far.  For
 * WITNESS_REACHES: where a result lies that another place gave, too. */
void witness_key(const struct digest *k1, const struct roots *r,
		 const char *tags, int reach, struct digest *out);

/* The record as text.  Reading: 0 or ERR_CORRUPT. */
void witness_write(const struct witness *w, struct buf *out);
int witness_read(const char *p, size_t n, struct witness *out);

#endif
