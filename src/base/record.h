/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BASE_RECORD_H
#define BASE_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buf;

/*
 * The frame around every file of the store that is not a blob.  It tells a good
 * file from one that is torn, too short or not ours:
 *
 *   0  "kch" and a type letter      4  u32le version of the content
 *   8  u32le length of the content 12  u32le zero
 *  16  first 8 bytes of SHA-256 over the 16 bytes above and the content
 *  24  content: one msgpack array
 *
 * src/store/FORMAT lists the types.  Pure.  Threads: any.
 */
enum { RECORD_HEAD = 24, RECORD_MAX = 64 << 20 };

/* Appends the frame and N bytes of content. */
void record_seal(struct buf *out, char type, uint32_t version, const void *p,
		 size_t n);

/*
 * Checks the N bytes at P.  Gives the content, which lies inside P.  0,
 * ERR_CORRUPT, or ERR_NEWER (sound, but of a later version).
 */
int record_open(const void *p, size_t n, char type, uint32_t version,
		const char **content, size_t *len);

/* Reads and checks the file PATH below DIRFD into BUF.  Also -errno. */
int record_read(int dirfd, const char *path, char type, uint32_t version,
		struct buf *buf, const char **content, size_t *len);

/* True if PATH holds a sound record of a later version, which must stay. */
bool record_is_newer(int dirfd, const char *path, char type, uint32_t version);

#endif
