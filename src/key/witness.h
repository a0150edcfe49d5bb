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
 * A script knows paths of its place (OUT_DIR, its package...), and what it
 * derives from them need not be visible: it may be a path's length.  So a
 * result holds where it was made, and elsewhere only if two runs gave the same
 * relocatable result although all paths had other lengths and the checkout had
 * another name.  Elsewhere means other checkouts of the same user, where the
 * paths of OUT_DIR, target and the workspace differ, or any place, if the
 * checkouts also lay at different depths.  Two checkouts of the same name
 * (clones in different directories, or a workspace in a subdirectory of its
 * repository) prove nothing about other names: a result on which they agree
 * serves checkouts of that name, if the directories they lie in have different
 * names.
 *
 * The input list says which roots matter: those that its paths begin with or
 * its variables name, and those above them.  OUT_DIR, target and the package
 * always do, because a process can find them without asking.  Pure.
 * Threads: any.
 */
enum { WITNESS_PLACES = 12 };

/* Where a result holds. */
enum witness_reach {
	WITNESS_HERE,     /* all roots that matter are the same */
	WITNESS_CHECKOUT, /* those outside of the checkout are */
	WITNESS_ANYWHERE,
	WITNESS_NAMED, /* as CHECKOUT, and the checkout's name is the same */
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
	struct digest content; /* of the relocatable result */
	struct witness_place place[WITNESS_PLACES];
	size_t n;
};

/* Tags of the roots of R that matter for a finished input list, in R's order;
 * TAGS holds WITNESS_PLACES bytes and a NUL.  0 or -ENOMEM. */
int witness_tags(const struct inputs *s, const struct roots *r,
		 const char *(*get)(const char *name), char *tags);

/*
 * Folds the lines that begin with "cargo:" of a script's N bytes of output at
 * P.  Only people read the rest, and compilers that the script runs in parallel
 * print it in any order.
 */
void witness_speech(struct digest_ctx *c, const char *p, size_t n);

/* What a run here with the relocatable result CONTENT is a witness of. */
void witness_here(const struct roots *r, const char *tags,
		  const struct digest *content, struct witness *out);

/* Where the result of NOW, a run here, holds (enum witness_reach) given that of
 * FIRST.  ERR_CHANGED: the two places gave different results, so neither holds
 * anywhere else. */
int witness_compare(const struct witness *first, const struct witness *now,
		    const struct roots *r);

/* The key at which the result of the run K1 with this reach lies.  For
 * WITNESS_REACHES: the key at which a contradiction is noted. */
void witness_key(const struct digest *k1, const struct roots *r,
		 const char *tags, int reach, struct digest *out);

/* The record as text.  Reading: 0 or ERR_CORRUPT. */
void witness_write(const struct witness *w, struct buf *out);
int witness_read(const char *p, size_t n, struct witness *out);

#endif
