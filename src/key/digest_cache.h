/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KEY_DIGEST_CACHE_H
#define KEY_DIGEST_CACHE_H

#include <stdbool.h>
#include <stdint.h>

struct digest;
struct file_id;

/*
 * Digests of files, remembered by stat and shared by all processes of a store
 * without locks.  src/store/FORMAT describes the file ("Memo").
 *
 * A row is believed if its checksum is right, unless a power cut may have
 * undone what it describes: what was written after the last sync before a
 * reboot is hashed again.
 *
 * There are two kinds of rows.  OWN: files whose bytes kache hashed while it
 * wrote them under a private name.  They are known by device, inode, size,
 * mtime and mode, because link and unlink move the ctime.  FOREIGN: all other
 * files.  The ctime counts as well, and only files on a local file system that
 * nobody changed for 2 s are remembered.
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
 * Digest and identity of the regular file PATH below DIRFD; reads the file if
 * they are not remembered.  0, ERR_CHANGED (written while we read),
 * ERR_REFUSED (not a regular file), or -errno.
 */
int digest_cache_digest(struct digest_cache *m, int dirfd, const char *path,
			struct digest *d, struct file_id *id);

/* The same, but a file of more than MAX bytes that is not remembered is not
 * read: ERR_TOOBIG.  0: no maximum. */
int digest_cache_digest_max(struct digest_cache *m, int dirfd, const char *path,
			    uint64_t max, struct digest *d, struct file_id *id);

/*
 * What the head says.  STORED is what the last collection left plus what was
 * stored since, in bytes.
 */
struct digest_cache_state {
	uint64_t stored;
	uint64_t left;  /* by the last one; if it failed, `stored` then */
	int64_t swept;  /* when it ended, or failed; 0: never */
	int64_t synced; /* wall clock, ns */
	bool unsynced;  /* something was stored since */
};
void digest_cache_look(struct digest_cache *m, struct digest_cache_state *out);

/*
 * How far the reading of all blobs got (store/scrub), and how many damaged ones
 * were ever found.
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

/* The blob D was found damaged: forgets D for all files, wherever they lie, and
 * counts the blob.  Reads all rows: 10 ms. */
void digest_cache_condemn(struct digest_cache *m, const struct digest *d);

/*
 * Whether a store with the limit MAX (0: none) holds more than PERCENT of it
 * and a collection is due.  One that could not remove enough is not repeated
 * before another tenth of the limit is stored or some minutes have passed.  Use
 * DIGEST_CACHE_OVER; a shim uses DIGEST_CACHE_FAR_OVER where a daemon runs,
 * because that may hang.
 */
enum { DIGEST_CACHE_OVER = 110, DIGEST_CACHE_FAR_OVER = 120 };
bool digest_cache_over(const struct digest_cache_state *s, uint64_t max,
		       unsigned percent);

/* Whether the last sync is more than SECONDS ago.  False for some minutes after
 * a collection, which syncs as well: where syncs fail they are not repeated at
 * once. */
enum { DIGEST_CACHE_SYNC_S = 600 };
bool digest_cache_late(const struct digest_cache_state *s, int64_t seconds);

/* Adds to the size of the store that the head holds; gives the new size. */
uint64_t digest_cache_add_stored(struct digest_cache *m, uint64_t bytes);

/*
 * A collection, by one thread that holds gc.lock; others may add meanwhile.
 * sweep_begins comes before anything is looked at; swept when it is done and
 * left TOTAL bytes, not counting what was stored since it began; sweep_failed
 * keeps the next one from being due at once.
 */
void digest_cache_sweep_begins(struct digest_cache *m);
void digest_cache_swept(struct digest_cache *m, uint64_t total);
void digest_cache_sweep_failed(struct digest_cache *m);

/* The last sync was at WHEN: wall clock, ns. */
void digest_cache_set_synced(struct digest_cache *m, int64_t when);

#endif
