/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STORE_RERUN_H
#define STORE_RERUN_H

#include <stddef.h>

#include "base/buf.h" /* allow: value */

struct digest;
struct store;

/*
 * What is needed to run a build script once more, in another place: a file
 * each in reruns/ (FORMAT), made by whoever ran a slow script that nobody else
 * bore witness of, and removed when it was run.  It holds an environment, less
 * what looks like a secret; like all of the store it is for its owner only.
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

/* 0 or -errno.  One that is there is replaced. */
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
