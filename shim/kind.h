/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SHIM_KIND_H
#define SHIM_KIND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/digest.h"         /* allow: value */
#include "store/upload_intent.h" /* allow: value */

struct buf;
struct compile;
struct derive;
struct entry;
struct inputs;
struct invocation;
struct remote_query;
struct result;
struct unit_manifest_record;

/*
 * A kind of work that the pipeline (shim/pipeline) does: what is special about
 * it.  A new kind is a new row of functions.  Functions that give an int
 * return 0 or a negative code.  Threads: one.
 */

/* What is executed. */
struct command {
	const char *program; /* NULL: argv[0], along PATH */
	char **argv;         /* NULL at the end */
};

enum { KIND_PLACES_MAX = 4 };

/*
 * How what a success left behind becomes an entry; called in this order.  A
 * function that fails says why in its result (result_refuse).
 */
struct kind_store {
	size_t own_size; /* of struct result's own, zeroed */
	/* Why it is not stored, as far as the observation file need not be
	 * read for that: a word, or NULL. */
	const char *(*refuses)(const struct result *r);
	/* NULL, or finds out which outputs there are. */
	int (*outputs)(struct result *r);
	/* Completes what the inputs are derived from. */
	int (*describe)(struct result *r, struct derive *d);
	/* What changed since the work was named: a word, or NULL. */
	const char *(*changed)(struct result *r);
	/* Brings what was made into neutral form; inputs may be added. */
	int (*collect)(struct result *r);
	/* Stores the outputs as blobs; K1 is known. */
	int (*put)(struct result *r);
	/* Publishes the entries and lists where they lie. */
	int (*publish)(struct result *r);
	/* NULL, or what else is noted of one that may travel. */
	void (*travels)(struct result *r);
	/* NULL, or what is done for cargo where a success is not stored. */
	void (*unstored)(struct result *r);
	/* NULL, or frees what OWN holds. */
	void (*release)(struct result *r);
};

struct kind {
	const char *name;    /* for the log */
	bool plans;          /* its first miss tells kached what the build is
				* going to need */
	bool coalesces;      /* equal work in another process is waited for */
	uint64_t trace_room; /* bytes that its observation file may need */
	enum upload_intent_kind intent; /* of its results */

	/* Names the work, up to its key.  ERR_REFUSED: pass through.  Either
	 * way a failure's word is in event.reason. */
	int (*prepare)(struct invocation *j);
	/* Writes the parts of that key down, for people (key/key_parts). */
	int (*key_list)(struct invocation *j, struct buf *list);

	/* The command line that runs in our place when there is no cache. */
	void (*untouched)(const struct invocation *j, struct command *c);

	/* Lookup: where results for the input list S, whose key is K1, may
	 * lie; best first, at most KIND_PLACES_MAX.  The number, or a code. */
	int (*places)(const struct invocation *j, const struct inputs *s,
		      const struct digest *k1, struct digest *at);
	/* Puts the outputs of E in place and then says what it said.  LOST is
	 * set, and a code returned, where what it said did not arrive. */
	int (*restore)(struct invocation *j, const struct entry *e, bool *lost);

	/* Remote: asks for a result of REC, whose key is K1 here.  0: it lies
	 * in the store now; ERR_MISS; another code: ask no more. */
	int (*ask)(struct remote_query *q,
		   const struct unit_manifest_record *rec,
		   const struct digest *k1);

	/* The command line that is observed, once; then, right before it runs,
	 * what must be noted or made ready. */
	int (*command)(struct invocation *j, struct command *c);
	void (*before)(struct compile *c);
	/* After a hit or a success: what cargo shall find. */
	void (*done)(struct invocation *j);

	const struct kind_store *store;
};

extern const struct kind kind_unit, kind_build_script;

#endif
