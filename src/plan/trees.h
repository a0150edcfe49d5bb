/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PLAN_TREES_H
#define PLAN_TREES_H

#include <stdbool.h>
#include <stddef.h>

struct build_manifest;

/*
 * Which part of a build manifest a build is about.  It holds what several
 * cargo commands used (build, check, --release, other RUSTFLAGS), of which a
 * session runs one or two.  Each unit that needs others and is needed by none
 * is the root of a tree; units that are shared, as macros are, lie in many.  A
 * build script lies where its package's other units do.  What the build asks
 * for tells the trees apart: one is wanted while it holds nearly as many of
 * the units that were asked for as the best one, and once one was asked for
 * that lies in no wanted tree.  A tree that the last session did not use is
 * wanted only while it holds more of them than any that it did.  Small trees
 * are always wanted.
 *
 * With more than 64 roots some share a tree.  Pure.  Threads: owner.
 */
struct trees;

/* A unit counts as needed by those that name it as a parent.  NULL without
 * memory.  M is not kept. */
struct trees *trees_new(const struct build_manifest *m);
void trees_free(struct trees *t);

/* UNIT was asked for; again is fine.  True: what is wanted has changed. */
bool trees_ask(struct trees *t, size_t unit);

/* Whether UNIT lies in a wanted tree. */
bool trees_want(const struct trees *t, size_t unit);

#endif
