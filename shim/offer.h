/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SHIM_OFFER_H
#define SHIM_OFFER_H

#include <stdbool.h>
#include <stddef.h>

#include "base/digest.h" /* allow: value */

struct job;
struct shape;

/*
 * Whether what this machine compiled travels to the remote.  Only the shim
 * that ran the compiler offers, so what came from a remote never goes back.
 * Threads: one.
 */

/* True if a remote is configured that this invocation may write to: [remote]
 * mode and write, and for `write = auto` what CI says it is running for. */
bool offer_wanted(const struct job *j);

/* For tests: what `write = auto` decides, GET answering for variables. */
bool offer_auto(const char *(*get)(void *ctx, const char *name), void *ctx);

/* What is known of a stored result. */
struct offer {
	const struct digest *at;    /* where its entry lies */
	const struct digest *bound; /* where the path-bound one lies, or NULL */
	const struct digest *k1;
	const struct digest *tag; /* of its diagnostics, or NULL */
	struct digest shape;      /* shape_digest */
	size_t outputs;
	bool secret; /* an output holds a secret's value */
};

/* Why the result stays here: "private", "bound", "foreign-path" (it depends
 * on files that a remote may not name), "too-many-outputs", or NULL: it may
 * travel. */
const char *offer_refuses(const struct job *j, const struct offer *o,
			  const struct shape *shape);

/* The same for the N entries at AT that a build script's run K1 left behind,
 * under a shape of this digest. */
void offer_runs(struct job *j, const struct digest *at, size_t n,
		const struct digest *k1, const struct digest *shape);

/* Puts the intents into the spool and tells the daemon.  What goes wrong is
 * logged: the store has the result all the same. */
void offer_make(struct job *j, const struct offer *o);

#endif
