/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STORE_RERUN_H
#define STORE_RERUN_H

#include <stddef.h>

#include "base/buf.h" /* allow: value */

struct digest;
struct store;

/*
 * What is needed to run a build script again in another place: one file for
 * each in reruns/ (FORMAT), written after a slow run that has no witness yet,
 * and removed when the script was run again.  It holds an environment without
 * what looks like a secret; like all of the store, only its owner may read it.
 * Threads and processes: any.
 */
struct rerun {
	struct buf program; /* the script's own file */
	struct buf argv0;
	struct buf cwd;
	struct buf out_dir;
	struct buf target;    /* "" without one */
	struct buf workspace; /* the same */
	struct buf env;       /* NAME=VALUE, NUL after each */
};

/* Replaces one that is there.  0, ERR_NEWER or -errno. */
int rerun_save(struct store *s, const struct digest *k1, const struct rerun *r);

/* 0, ERR_MISS, ERR_CORRUPT (removed), ERR_NEWER, -errno.  The caller owns
 * OUT. */
int rerun_load(struct store *s, const struct digest *k1, struct rerun *out);
void rerun_release(struct rerun *r);
void rerun_remove(struct store *s, const struct digest *k1);

/* Calls USE for every one; it may remove it.  Stops at a non-zero result and
 * gives it. */
int rerun_each(struct store *s, int (*use)(void *ctx, const struct digest *k1),
	       void *ctx);

#endif
