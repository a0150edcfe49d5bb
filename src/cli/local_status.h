/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLI_LOCAL_STATUS_H
#define CLI_LOCAL_STATUS_H

#include <stdint.h>

/*
 * The state of uploads as the store shows it, whether or not a daemon runs.
 * Only looks.  Threads: owner.
 */
enum { LOCAL_STATUS_DEAD = 8, LOCAL_STATUS_TEXT = 200 };

struct local_status {
	uint64_t waiting; /* intents in the spool */
	uint64_t dead;
	struct {
		char key[20];
		char reason[LOCAL_STATUS_TEXT];
	} letter[LOCAL_STATUS_DEAD]; /* the first of the dead */
	int64_t down_s; /* for how long shims still leave it alone */
};

/* DIR is the store; what cannot be read counts as empty. */
void local_status_look(const char *dir, struct local_status *out);

#endif
