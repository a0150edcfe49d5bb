/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STORE_INCNOTE_H
#define STORE_INCNOTE_H

#include <stdbool.h>
#include <stdint.h>

struct store;

/*
 * Notes of directories of incremental state (rustc's -C incremental) that
 * builds used: one small file each in incremental/, whose mtime is the last
 * use (FORMAT).  Threads and processes: any.
 */
enum { INCNOTE_PATH = 4096, INCNOTE_NAME = 96 };

struct incnote {
	char path[INCNOTE_PATH]; /* absolute, without links */
	bool leaving;            /* was renamed to PATH to be removed */
	int64_t seen;            /* ns */
};

/*
 * The directory PATH, absolute, as on a command line, is used by a build.
 * Costs a stat; once a day it sets a time, once ever it writes a file.
 */
void incnote_seen(struct store *s, const char *path);

/* The note NAME, "incremental/<64 hex digits>".  0, ERR_CORRUPT, ERR_NEWER or
 * -errno. */
int incnote_read(struct store *s, const char *name, struct incnote *out);

/* Writes a note that the directory PATH is to be removed; gives its name.
 * 0 or -errno. */
int incnote_leave(struct store *s, const char *path, char name[INCNOTE_NAME]);

#endif
