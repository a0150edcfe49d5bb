/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SHIM_LOOKUP_H
#define SHIM_LOOKUP_H

#include <stdbool.h>
#include <stdint.h>

#include "base/digest.h" /* allow: value */

struct invocation;

/* How a lookup ended, and what it learned of the newest input list. */
struct lookup {
	bool served;     /* outputs restored, everything said: exit 0 */
	bool lost;       /* restored, but what it says did not arrive */
	bool prefetched; /* served by an entry that was fetched ahead */

	bool k1_known; /* the newest input list could be evaluated: */
	struct digest k1;
	uint64_t newest_us; /* its compile time; 0: there is no input list */
	uint64_t newest_ms; /* when it was stored */
};

/*
 * Looks the work up in the local store: each input list of its manifest,
 * newest first, then those of the same unit without -C incremental.  On a hit
 * the outputs are put in place and the recorded output is written.  Takes no
 * lock and starts no process.  Threads: one.
 */
struct lookup lookup(struct invocation *j);

#endif
