/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KEY_MEMO_H
#define KEY_MEMO_H

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
enum { MEMO_ROWS = 1 << 18, MEMO_ROW = 64, MEMO_HEAD = 4096 };

struct memo {
	int fd;             /* -1: nothing is remembered */
	int64_t doubt_from; /* rows hashed in this span of wall clock */
	int64_t doubt_to;   /* are not believed */
	int64_t now;
	bool sweeping;   /* memo_sweep_begins was called, */
	uint64_t before; /* when this was stored */
};

/* Opens DIRFD/memo, making it if need be.  Never fails: without a file, or
 * with a later version's, every look-up misses. */
void memo_open(struct memo *m, int dirfd);
void memo_close(struct memo *m);

/* 0 and the digest, or ERR_MISS. */
int memo_get(struct memo *m, const struct file_id *id, struct digest *d);
int memo_get_own(struct memo *m, const struct file_id *id, struct digest *d);

void memo_put_own(struct memo *m, const struct file_id *id,
		  const struct digest *d);

/*
 * Digest of the regular file PATH below DIRFD, by the memo or by reading.
 * Gives its identity too.  0, ERR_CHANGED (written while we read),
 * ERR_REFUSED (not a regular file), or -errno.
 */
int memo_digest(struct memo *m, int dirfd, const char *path, struct digest *d,
		struct file_id *id);

/* The same, but a file of more than MAX bytes that the memo does not know is
 * ERR_TOOBIG and not read.  0: no maximum. */
int memo_digest_max(struct memo *m, int dirfd, const char *path, uint64_t max,
		    struct digest *d, struct file_id *id);

/*
 * What the head tells.  `stored` is what the last sweep left and what was
 * stored since.
 */
struct memo_state {
	uint64_t stored;
	uint64_t left;  /* by the last sweep; if it failed, `stored` then */
	int64_t swept;  /* when it ended, or failed; 0: never */
	int64_t synced; /* wall clock, ns */
	bool unsynced;  /* something was stored since */
};
void memo_look(struct memo *m, struct memo_state *out);

/*
 * What is known to be wrong: blobs that were found damaged, ever; and how far
 * the reading of all blobs got (store/scrub).
 */
struct memo_scrub {
	int64_t began; /* of this round, ns since 1970; 0: there was none */
	int64_t whole; /* when the last round ended; 0: none did */
	uint64_t at;   /* digests whose first 32 bits are below it are done */
	uint64_t bad;  /* blobs found damaged, by whomever; memo_set_scrub
			* leaves it */
};
/* 0, or ERR_MISS: nothing is remembered here. */
int memo_get_scrub(struct memo *m, struct memo_scrub *out);
void memo_set_scrub(struct memo *m, const struct memo_scrub *s);

/* The bytes with the digest D were found to be others: no file is believed to
 * hold D until it is read again, wherever it lies.  Counts it.  Reads all
 * rows: 10 ms. */
void memo_condemn(struct memo *m, const struct digest *d);

/*
 * Whether a store with the limit MAX (0: none) is to be swept, being
 * past PERCENT of it.  A sweep that may not remove enough is not repeated
 * before another tenth of the limit was stored, or some minutes went by.
 * Whoever sweeps looks at MEMO_OVER; a shim where a daemon runs, which may
 * hang, at MEMO_FAR_OVER.
 */
enum { MEMO_OVER = 110, MEMO_FAR_OVER = 120 };
bool memo_over(const struct memo_state *s, uint64_t max, unsigned percent);

/* Whether the last sync is more than SECONDS ago.  Where syncs fail, only
 * some minutes after the last sweep: those who sync there sweep, too. */
enum { MEMO_SYNC_S = 600 };
bool memo_late(const struct memo_state *s, int64_t seconds);

/* The head keeps the size of the store (what the last sweep found and what
 * was stored since) and the time of the last sync (ns, wall clock).
 * memo_add_stored gives the new size. */
uint64_t memo_add_stored(struct memo *m, uint64_t bytes);

/*
 * A sweep, by one thread, which holds gc.lock; others may add meanwhile.
 * Begins: before anything is looked at.  Swept: it left TOTAL bytes, what was
 * stored since it began not counted.  Failed: the next is not due at once.
 */
void memo_sweep_begins(struct memo *m);
void memo_swept(struct memo *m, uint64_t total);
void memo_sweep_failed(struct memo *m);

int64_t memo_synced(struct memo *m);
void memo_set_synced(struct memo *m, int64_t when);

#endif
