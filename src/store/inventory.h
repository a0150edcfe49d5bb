/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STORE_INVENTORY_H
#define STORE_INVENTORY_H

#include <stdint.h>

struct digest;
struct entry;
struct stat;
struct store;

/*
 * Lists the entries of a store for people.  It only looks: it takes no lock,
 * changes nothing, and may miss what comes or goes meanwhile.  Threads: any.
 */
struct inventory {
	uint64_t entries;
	uint64_t redirects; /* lead to entries of one place, hold nothing */
	uint64_t damaged;   /* cannot be read */
	uint64_t newer;     /* of a later version */
	uint64_t foreign;   /* files and directories of other names */
};

/* E and ST are borrowed; AT is the entry's name.  A result that is not 0 ends
 * the list. */
typedef int inventory_fn(void *ctx, const struct digest *at,
			 const struct entry *e, const struct stat *st);

/* Calls FN with each entry that has outputs, by name.  0, -errno, or what FN
 * gave. */
int inventory_read(struct store *s, inventory_fn *fn, void *ctx,
		   struct inventory *out);

#endif
