/* SPDX-License-Identifier: Apache-2.0 */
#ifndef REMOTE_DIRFILE_H
#define REMOTE_DIRFILE_H

#include <stdbool.h>
#include <stdint.h>

/*
 * Files in a directory that is shared by users who do not trust each other:
 * only regular files, reached without following a link, and published whole.
 * Any call may hang as long as the file system does.  Threads: any.
 */

/* Opens NAME below ROOT for reading and gives its size.  The descriptor;
 * ERR_MISS; ERR_TOOBIG over MAX; ERR_CORRUPT: no regular file; -ELOOP: a
 * link is in the way; or -errno. */
int dirfile_open(int root, const char *name, uint64_t max, uint64_t *size);

struct dirfile_put {
	int root;
	const char *name;
	int fd; /* the content, from offset 0 */
	uint64_t size;
	bool if_absent;
	bool (*goes_on)(void *ctx); /* asked now and then; false: stop */
	void *ctx;
	bool existed; /* out: there was one, and if_absent */
};

/* Publishes the content; directories are made, all with the mode that the
 * umask leaves.  0, -ECANCELED (goes_on said so) or -errno. */
int dirfile_write(struct dirfile_put *p);

#endif
