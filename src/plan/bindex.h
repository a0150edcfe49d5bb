/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PLAN_BINDEX_H
#define PLAN_BINDEX_H

struct bman;
struct digest;

/*
 * The units of a build manifest by one of their keys.  Pure.  Threads: owner.
 */
struct bindex;

enum bindex_key { BINDEX_AT, BINDEX_K0 };

/* NULL without memory.  M is borrowed and must not change. */
struct bindex *bindex_new(const struct bman *m, enum bindex_key by);
void bindex_free(struct bindex *b);

/* The number of the unit with KEY, of several that which was used last, of
 * these the first; -1: there is none, or B is NULL. */
int bindex_first(const struct bindex *b, const struct digest *key);

#endif
