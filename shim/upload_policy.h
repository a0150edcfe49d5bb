/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SHIM_UPLOAD_POLICY_H
#define SHIM_UPLOAD_POLICY_H

#include <stdbool.h>
#include <stddef.h>

#include "base/digest.h" /* allow: value */

struct invocation;
struct inputs;

/*
 * Whether what this machine compiled travels to the remote.  Only the shim
 * that ran the compiler offers, so what came from a remote never goes back.
 * Threads: one.
 */

/* True if a remote is configured that this invocation may write to: [remote]
 * mode and write, and for `write = auto` what CI says it is running for. */
bool upload_policy_wanted(const struct invocation *j);

/* For tests: what `write = auto` decides, GET answering for variables. */
bool upload_policy_auto(const char *(*get)(void *ctx, const char *name),
			void *ctx);

/* What is known of a stored result. */
struct upload_policy {
	const struct digest *at;    /* where its entry lies */
	const struct digest *bound; /* where the path-bound one lies, or NULL */
	const struct digest *k1;
	const struct digest *tag; /* of its diagnostics, or NULL */
	struct digest inputs;     /* inputs_digest */
	size_t outputs;
	bool secret; /* an output holds a secret's value */
};

/* Why the result stays here: "private", "bound", "foreign-path" (it depends
 * on files that a remote may not name), "too-many-outputs", or NULL: it may
 * travel. */
const char *upload_policy_refuses(const struct invocation *j,
				  const struct upload_policy *o,
				  const struct inputs *inputs);

/* The same for the N entries at AT that a build script's run K1 left behind,
 * under an input list of this digest. */
void upload_policy_runs(struct invocation *j, const struct digest *at, size_t n,
			const struct digest *k1, const struct digest *inputs);

/* Puts the intents into the spool and tells the daemon.  What goes wrong is
 * logged: the store has the result all the same. */
void upload_policy_make(struct invocation *j, const struct upload_policy *o);

#endif
