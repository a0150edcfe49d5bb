/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STORE_WALK_H
#define STORE_WALK_H

struct digest;

/* A name below KIND's directory. */
struct store_file {
	const char *path;            /* below the store */
	const char *name;            /* the last component */
	const struct digest *digest; /* what it is called, or NULL: not ours */
	int error; /* a directory that cannot be read: -errno, else 0 */
};

/*
 * Calls USE with each file <KIND>/ab/<digest> of the store whose directory is
 * DIR, in the order of the digests, and with each name there that is not a
 * digest's or lies in the wrong place; hidden names are passed over.  USE may
 * remove what it is given; a result that is not 0 ends the walk and is its
 * result.  0 if there is no KIND; -errno if its names cannot be read.
 * Threads: any.
 */
int store_walk(int dir, const char *kind,
	       int (*use)(void *ctx, const struct store_file *f), void *ctx);

/* The same for the one directory PART of KIND, 0 to 255. */
int store_walk_part(int dir, const char *kind, unsigned part,
		    int (*use)(void *ctx, const struct store_file *f),
		    void *ctx);

#endif
