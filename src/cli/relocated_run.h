/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLI_RELOCATED_RUN_H
#define CLI_RELOCATED_RUN_H

#include <stdint.h>

/*
 * Runs slow build scripts once more in a place where every path has another
 * length, so that their results may serve other checkouts and machines
 * (key/witness.h).  A child makes that place by bind mounts in its own mount
 * namespace; the script finds an empty OUT_DIR, and nothing that it does is
 * visible outside.  Each user runs one at a time.  SIGTERM, SIGINT and SIGHUP
 * end the script and then this process.  Threads: one.
 */
struct relocated_run {
	const char *store; /* its directory */
	int64_t deadline;  /* monotonic ns: nothing is begun after it */
	unsigned ran;      /* out */
	unsigned failed;   /* out: could not be run, or did not end well */
	int error;         /* out: -errno if no place can be made here */
};

/* Runs all waiting scripts at nice 19, one after the other.  0; -EINTR: a
 * signal ended it; or as store_open. */
int relocated_run(struct relocated_run *e);

#endif
