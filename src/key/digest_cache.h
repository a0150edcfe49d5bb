/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KEY_DIGEST_CACHE_H
#define KEY_DIGEST_CACHE_H

#include <stdbool.h>
#include <stdint.h>

struct digest;
struct file_id;

/*
 * The memo: digests of files, remembered by stat, shared by all processes
 * of one store without locks.  src/store/FORMAT describes the file.
 *
 * A row is believed if its check holds and it is not from a time that a
 * power cut may have undone: bytes written before another boot and after
 * the last sync are hashed again.
 *
 * Two kinds of rows.  OWN: bytes that one of us hashed while writing them
 * under a private name; known by (dev, ino, size, mtime, mode), since link
 * and unlink move the ctime.  FOREIGN: everything else, ctime included, and
 * only for files that have been quiet for 2 s on a local file system.
 *
 * Threads: any (all access is pread and pwrite).
 */
enum {
	DIGEST_CACHE_ROWS = 1 << 18,
	DIGEST_CACHE_ROW = 64,
	DIGEST_CACHE_HEAD = 4096
};

struct digest_cache {
	int fd;             /* -1: nothing is remembered */
	int64_t doubt_from; /* rows hashed in this span of wall clock */
	int64_t doubt_to;   /* are not believed */
	int64_t now;
	bool sweeping;   /* digest_cache_sweep_begins was called, */
	uint64_t before; /* when this was stored */
};

/* Opens DIRFD/memo, making it if need be.  Never fails: without a file, or
 * with a later version's, every look-up misses. */
void digest_cache_open(struct digest_cache *m, int dirfd);
void digest_cache_close(struct digest_cache *m);

/* 0 and the digest, or ERR_MISS. */
int digest_cache_get(struct digest_cache *m, const struct file_id *id,
		     struct digest *d);
int digest_cache_get_own(struct digest_cache *m, const struct file_id *id,
			 struct digest *d);

void digest_cache_put_own(struct digest_cache *m, const struct file_id *id,
			  const struct digest *d);

/*
 * Digest of the regular file PATH below DIRFD, by the memo or by reading.
 * Gives its identity too.  0, ERR_CHANGED (written while we read),
 * ERR_REFUSED (not a regular file), or -errno.
 */
int digest_cache_digest(struct digest_cache *m, int dirfd, const char *path,
			struct digest *d, struct file_id *id);

/* The same, but a file of more than MAX bytes that the memo does not know is
 * ERR_TOOBIG and not read.  0: no maximum. */
int digest_cache_digest_max(struct digest_cache *m, int dirfd, const char *path,
			    uint64_t max, struct digest *d, struct file_id *id);

/*
 * What the head tells.  `stored` is what the last sweep left and what was
 * stored since.
 */
struct digest_cache_state {
	uint64_t stored;
	uint64_t left;  /* by the last sweep; if it failed, `stored` then */
	int64_t swept;  /* when it ended, or failed; 0: never */
	int64_t synced; /* wall clock, ns */
	bool unsynced;  /* something was stored since */
};
void digest_cache_look(struct digest_cache *m, struct digest_cache_state *out);

/*
 * What is known to be wrong: blobs that were found damaged, ever; and how far
 * the reading of all blobs got (store/scrub).
 */
struct digest_cache_scrub {
	int64_t began; /* of this round, ns since 1970; 0: there was none */
	int64_t whole; /* when the last round ended; 0: none did */
	uint64_t at;   /* digests whose first 32 bits are below it are done */
	uint64_t
		bad; /* blobs found damaged, by whomever; digest_cache_set_scrub
			* leaves it */
};
/* 0, or ERR_MISS: nothing is remembered here. */
int digest_cache_get_scrub(struct digest_cache *m,
			   struct digest_cache_scrub *out);
void digest_cache_set_scrub(struct digest_cache *m,
			    const struct digest_cache_scrub *s);

/* The bytes with the digest D were found to be others: no file is believed to
 * hold D until it is read again, wherever it lies.  Counts it.  Reads all
 * rows: 10 ms. */
void digest_cache_condemn(struct digest_cache *m, const struct digest *d);

/*
 * Whether a store with the limit MAX (0: none) is to be swept, being past
 * PERCENT of it.  A sweep that may not remove enough is not repeated before
 * another tenth of the limit was stored, or some minutes went by.  Whoever
 * sweeps looks at DIGEST_CACHE_OVER; a shim where a daemon runs, which may
 * hang, at DIGEST_CACHE_FAR_OVER.
 */
enum { DIGEST_CACHE_OVER = 110, DIGEST_CACHE_FAR_OVER = 120 };
bool digest_cache_over(const struct digest_cache_state *s, uint64_t max,
		       unsigned percent);

/* Whether the last sync is more than SECONDS ago.  Where syncs fail, only
 * some minutes after the last sweep: those who sync there sweep, too. */
enum { DIGEST_CACHE_SYNC_S = 600 };
bool digest_cache_late(const struct digest_cache_state *s, int64_t seconds);

/* The head keeps the size of the store (what the last sweep found and what
 * was stored since) and the time of the last sync (ns, wall clock).
 * digest_cache_add_stored gives the new size. */
uint64_t digest_cache_add_stored(struct digest_cache *m, uint64_t bytes);

/*
 * A sweep, by one thread, which holds gc.lock; others may add meanwhile.
 * Begins: before anything is looked at.  Swept: it left TOTAL bytes, what was
 * stored since it began not counted.  Failed: the next is not due at once.
 */
void digest_cache_sweep_begins(struct digest_cache *m);
void digest_cache_swept(struct digest_cache *m, uint64_t total);
void digest_cache_sweep_failed(struct digest_cache *m);

int64_t digest_cache_synced(struct digest_cache *m);
void digest_cache_set_synced(struct digest_cache *m, int64_t when);

#endif
