/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PLAN_BUILD_MANIFEST_INDEX_H
#define PLAN_BUILD_MANIFEST_INDEX_H

struct build_manifest;
struct digest;

/*
 * The units of a build manifest by one of their keys.  Pure.  Threads: owner.
 */
struct build_manifest_index;

enum build_manifest_index_key {
	BUILD_MANIFEST_INDEX_AT,
	BUILD_MANIFEST_INDEX_K0
};

/* NULL without memory.  M is borrowed and must not change. */
struct build_manifest_index *build_manifest_index_new(
	const struct build_manifest *m, enum build_manifest_index_key by);
void build_manifest_index_free(struct build_manifest_index *b);

/* The number of the unit with KEY, of several that which was used last, of
 * these the first; -1: there is none, or B is NULL. */
int build_manifest_index_first(const struct build_manifest_index *b,
			       const struct digest *key);

#endif
