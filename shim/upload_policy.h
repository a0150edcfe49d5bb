/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SHIM_UPLOAD_POLICY_H
#define SHIM_UPLOAD_POLICY_H

#include <stdbool.h>
#include <stddef.h>

struct invocation;
struct inputs;
struct result;

/*
 * Decides whether a result travels to the remote. Only the shim that ran the
 * compiler offers it, so what came from a remote never goes back. Threads: one.
 */

/* Whether this invocation may write to a configured remote: [remote] mode and
 * write, and for `write = auto` what CI says it is running for. */
bool upload_policy_wanted(const struct invocation *j);

/* For tests: what `write = auto` decides, GET answering for variables. */
bool upload_policy_auto(const char *(*get)(void *ctx, const char *name),
			void *ctx);

/* What is known of a stored result besides its inputs. */
struct upload_facts {
	bool secret;    /* an output holds a secret's value */
	bool bound;     /* it names a place all the same */
	size_t outputs; /* how many there are */
};

/* Why the result stays here: "private", "bound", "foreign-path" (it depends
 * on files that a remote may not name), "too-many-outputs", or NULL: it may
 * travel. */
const char *upload_policy_refuses(const struct invocation *j,
				  const struct upload_facts *facts,
				  const struct inputs *inputs);

/* Spools an upload intent for each entry of R and tells the daemon. Failures
 * are logged; the store has the result all the same. */
void upload_policy_offer(struct invocation *j, const struct result *r);

#endif
