/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STORE_TREE_H
#define STORE_TREE_H

#include <stdint.h>

struct gc_steps;

/*
 * Walking and removing directories that others may change meanwhile: by
 * descriptors, following no link, crossing no mount inside a tree, and only
 * what is our own user's.  What the kernel cannot promise (no openat2) is
 * -ENOSYS and left alone.  Threads: any.
 */

/*
 * Opens the directory at the absolute PATH, none of whose components may be a
 * link.  PARENT gets the directory above it; *LAST points to the last
 * component, inside PATH.  0 or -errno; the caller closes both.
 */
int tree_open(const char *path, int *parent, int *dir, const char **last);

/* Opens the directory NAME in DIR: our own, no link, no mount.  A descriptor,
 * -EPERM (somebody else's), or -errno. */
int tree_enter(int dir, const char *name);

/* Renames FROM in DIR to TO, where nothing may be.  0 or -errno. */
int tree_rename(int dir, const char *from, const char *to);

/* Bytes on disk below the directory DIR, which stays open; a file with other
 * links counts by its share.  0 or -errno. */
int tree_size(int dir, uint64_t *bytes);

/*
 * Removes all that is in the directory DIR, which stays open, then its name
 * NAME in PARENT if that is still this one (else -ESTALE).  *BYTES grows by
 * what that frees.  STEPS may be NULL.  0, -ECANCELED, or the first error,
 * with which it stops.
 */
int tree_remove(int parent, const char *name, int dir, struct gc_steps *steps,
		uint64_t *bytes);

#endif
