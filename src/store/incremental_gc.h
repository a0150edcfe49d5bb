/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STORE_INCREMENTAL_GC_H
#define STORE_INCREMENTAL_GC_H

#include <stdbool.h>
#include <stdint.h>

struct gc_steps;
struct store;

/*
 * Removes directories of incremental state that no build has used for some
 * time: only those with a note (store/incremental_index), never by their name
 * alone.  Such a directory must belong to our user, be reached without a link,
 * hold only what rustc puts there, and be as old inside as its note says, and
 * nobody may hold its locks or cargo's.  It is renamed before it is removed, so
 * that cargo's lock is held for the rename only.  If several notes name one
 * directory, the latest counts.  In doubt a directory stays.  Threads: owner;
 * one at a time.
 */
struct incremental_gc {
	struct gc_steps *steps; /* or NULL */
	int64_t now;            /* ns */
	int64_t max_age;        /* ns since last use; 0: only what an earlier
				 * sweep had renamed */
	bool dry_run;
	/* Out */
	uint64_t dirs;  /* removed, or would be */
	uint64_t bytes; /* that frees */
	uint64_t notes; /* forgotten: the directory is gone */
	uint64_t left;  /* as old, but locked or doubtful */
};

/* 0, -ECANCELED (steps) or -ENOMEM. */
int incremental_gc(struct store *s, struct incremental_gc *w);

#endif
