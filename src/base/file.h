/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BASE_FILE_H
#define BASE_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct buf;
struct stat;
struct timespec;

/*
 * Files as the whole program sees them: identity, whole reads, publishing by
 * rename, copies, byte-range locks.  Every descriptor opened here is
 * close-on-exec.  Functions return 0 (or what they say) or -errno.
 * Threads: any.
 */

/* What tells two states of a file apart.  Times in nanoseconds. */
struct file_id {
	uint64_t dev;
	uint64_t ino;
	uint64_t size;
	int64_t mtime;
	int64_t ctime;
	uint32_t mode;
};

/* T in nanoseconds. */
int64_t file_ns(const struct timespec *t);

void file_id_of(const struct stat *st, struct file_id *id);
int file_id_at(int dirfd, const char *path, struct file_id *id);

/* Equal in (dev, ino, size, mtime): ctime moves when a file is linked. */
bool file_id_same(const struct file_id *a, const struct file_id *b);

/* Appends the whole file, at most MAX bytes (else ERR_TOOBIG).  file_read
 * takes regular files only (else ERR_CORRUPT) and never waits for one. */
int file_read(int dirfd, const char *path, size_t max, struct buf *out);
int file_read_fd(int fd, size_t max, struct buf *out);

/*
 * For those who only look: opens NAME below DIRFD without following a link or
 * waiting, and without moving its atime where that is allowed, so that reading
 * does not count as use.  The descriptor or -errno.
 */
int file_open_unseen(int dirfd, const char *name);

/* The same and file_read_fd, of a regular file only (else ERR_CORRUPT); fills
 * *ST as soon as the file is open. */
int file_read_unseen(int dirfd, const char *name, size_t max, struct buf *out,
		     struct stat *st);

/* All N bytes, whatever the number of writes. */
int file_write_fd(int fd, const void *p, size_t n);

/*
 * Opens our own permanent file NAME below DIRFD.  It is created if needed,
 * readable and writable for its owner, whatever umask the build has.  FLAGS:
 * O_RDWR or O_WRONLY, and more.  The descriptor, or -errno.
 */
int file_open_own(int dirfd, const char *name, int flags);

/*
 * Publishes N bytes as TO below DIRFD: written under the private name TMP
 * below the same DIRFD, then renamed.  Missing parent directory of TO is
 * made (0700).  Not synced: readers verify.
 */
int file_publish(int dirfd, const char *tmp, const char *to, const void *p,
		 size_t n);

/* rename, and link, that make TO's missing parent directory and retry. */
int file_rename(int dirfd, const char *from, const char *to);
int file_link(int fromfd, const char *from, int tofd, const char *to);

/* Copies all of IN to OUT: reflink, else copy_file_range, else by hand.
 * Gives in *CLONED whether the blocks are shared (may be NULL). */
int file_copy_fd(int in, int out, bool *cloned);

/* mkdir -p of PATH with MODE.  Existing directories are fine. */
int file_mkdirs(const char *path, mode_t mode);

/*
 * OFD byte-range lock on one byte at OFF (fcntl(2)): freed by the kernel
 * when the last descriptor of this open file goes.  TIMEOUT_MS 0 tries once,
 * -1 waits for ever.  0, ERR_TIMEOUT, or -errno.
 */
int file_lock(int fd, uint64_t off, bool exclusive, int timeout_ms);
int file_unlock(int fd, uint64_t off);

/* True if another open file holds the lock; locks nothing itself. */
bool file_is_locked(int fd, uint64_t off);

/* Clocks in nanoseconds. */
int64_t file_now(void);        /* wall clock, precise */
int64_t file_now_coarse(void); /* wall clock the file systems stamp with */
int64_t file_monotonic(void);

#endif
