/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STORE_STORE_H
#define STORE_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct digest;
struct record_type;

/*
 * The store's directory: manifests, entries and blobs of one machine.
 * src/store/FORMAT describes every file in it.  Nothing here is written in
 * place: files appear by link or rename.
 * Threads: any, except open and close; but locks exclude processes, not
 * the threads of one.
 */
struct store {
	int dir;        /* the directory */
	int locks;      /* the file whose bytes are locks, or -1 */
	uint64_t nonce; /* makes temporary names ours */
	unsigned seq;
	bool always; /* blobs are read each time before they are used; the
		      * opener sets it */
};

enum { STORE_NAME = 96 }; /* room for any name below the directory */

/*
 * Opens the store at PATH, making what is missing (mode 0700).  0; -EPERM if
 * it belongs to somebody else or others may write to it; ERR_NEWER if a
 * later version made it; ERR_FOREIGN if it has no VERSION, but directories
 * called as ours and other files (a project, say); or -errno.
 */
int store_open(struct store *s, const char *path);
void store_close(struct store *s);

/* "entries/ab/<hex>" for KIND "entries", "manifests" or "blobs". */
void store_name(const char *kind, const struct digest *d,
		char name[STORE_NAME]);

/* A name below tmp/ that nobody else uses. */
void store_tmp(struct store *s, char name[STORE_NAME]);

/* Whether NAME, without "tmp/", is one that store_tmp makes. */
bool store_is_tmp(const char *name);

/* Removes what is at NAME, whatever it is: a directory that somebody put in
 * a file's place moves to tmp/ if it is not empty. */
void store_remove(struct store *s, const char *name);

/*
 * Save and load the record NAME (base/record_type.h).  Saving replaces an
 * older one.  Loading gives ERR_MISS if there is none and removes a corrupt
 * one; the caller frees VALUE whatever the result.
 */
int store_save(struct store *s, const char *name, const struct record_type *t,
	       const void *value);
int store_load(struct store *s, const char *name, const struct record_type *t,
	       void *value);

/* Ranges of the lock file, one byte a lock.  See FORMAT. */
enum store_lock { STORE_LOCK_COMPILE = 1, STORE_LOCK_MANIFEST = 2 };

/* Takes the lock KIND of KEY, exclusively, waiting at most TIMEOUT_MS.
 * 0, ERR_TIMEOUT or -errno.  Freed by store_unlock or by exit. */
int store_lock(struct store *s, enum store_lock kind, const struct digest *key,
	       int timeout_ms);
void store_unlock(struct store *s, enum store_lock kind,
		  const struct digest *key);

#endif
