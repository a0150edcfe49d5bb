/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STORE_INCREMENTAL_INDEX_H
#define STORE_INCREMENTAL_INDEX_H

#include <stdint.h>

struct store;

/*
 * Notes of directories of incremental state (rustc's -C incremental) that
 * builds used: one small file each in incremental/, whose mtime is the last
 * use (FORMAT).  Threads and processes: any.
 */
enum { INCREMENTAL_INDEX_PATH = 4096, INCREMENTAL_INDEX_NAME = 96 };

struct incremental_index {
	char path[INCREMENTAL_INDEX_PATH]; /* absolute, without links */
	uint32_t leaving; /* 1: was renamed to PATH to be removed */
	int64_t seen;     /* ns */
};

/*
 * Notes that a build uses the directory PATH, which is absolute and spelled as
 * on the command line.  Usually costs one stat; once a day it sets a time, and
 * the first time it writes a file.
 */
void incremental_index_seen(struct store *s, const char *path);

/* The note NAME, "incremental/<64 hex digits>".  0, ERR_CORRUPT, ERR_NEWER or
 * -errno. */
int incremental_index_read(struct store *s, const char *name,
			   struct incremental_index *out);

/* Writes a note that the directory PATH is to be removed; gives its name.
 * 0 or -errno. */
int incremental_index_leave(struct store *s, const char *path,
			    char name[INCREMENTAL_INDEX_NAME]);

#endif
