/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STORE_BLOB_H
#define STORE_BLOB_H

#include <stdbool.h>
#include <stdint.h>

struct digest;
struct file_id;
struct digest_cache;
struct store;

/*
 * Blobs: immutable files named by the SHA-256 of their bytes.
 * Threads: any; two puts of one digest race harmlessly, the first link wins.
 */

struct blob_put {
	const char *path; /* absolute, of the output */
	bool link;        /* may share its inode with the store */
	bool exec;        /* out: has an x bit */
	bool existed;     /* out: the store had these bytes */
	uint64_t size;    /* out */
};

/*
 * Stores the regular file P->path.  Gives its digest.  A link where allowed
 * and possible, else a copy; the memo learns what was hashed.
 * 0, ERR_CHANGED (it was written meanwhile), or -errno.
 */
int blob_put(struct store *s, struct digest_cache *m, struct blob_put *p,
	     struct digest *out);

/*
 * Makes the closed file TMP below the store the blob D.  Nobody else may know
 * the file, and its bytes must have the digest D; the name TMP stays.
 * *EXISTED: a sound blob was there already.  0 or -errno.
 */
int blob_adopt(struct store *s, struct digest_cache *m, const char *tmp,
	       const struct digest *d, bool *existed);

/* True if the blob is there; it need not be sound. */
bool blob_exists(struct store *s, const struct digest *d);

/*
 * Checks that the blob's bytes have the digest in its name: by a stat if the
 * digest cache knows it (unless S->always), otherwise by hashing.  A wrong blob
 * is condemned.  Gives its identity.  0, ERR_MISS (not there), ERR_CORRUPT, or
 * -errno.
 */
int blob_check(struct store *s, struct digest_cache *m, const struct digest *d,
	       struct file_id *id);

/*
 * Call it when the file ID, the blob D, was read and has other bytes.  Removes
 * the file, unless another one lies there by now, and makes the digest cache M
 * (NULL: none) count it and forget every row with D, because files restored
 * from it are wrong, too.  0 or -errno.
 */
int blob_condemn(struct store *s, struct digest_cache *m,
		 const struct digest *d, const struct file_id *id);

#endif
