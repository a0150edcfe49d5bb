/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DAEMON_LIFECYCLE_H
#define DAEMON_LIFECYCLE_H

#include <stdbool.h>
#include <stdint.h>

#include "daemon/exec_probe.h" /* allow: value */

struct config;
struct services;

/* Reacts to what changes for a running daemon: its configuration, its own
 * program, or having nothing to do. Checked once a second. Threads: the poll
 * loop's. */
struct lifecycle {
	struct services *hub;
	bool on_demand;
	uint64_t config_state; /* digest of names and stats of the files */
	uint64_t program_state;
	int64_t program_since;   /* when the program was seen to differ */
	struct exec_probe trial; /* whether the new one can be started */
	int64_t next;
	int64_t exec_by; /* 0, or: replace ourselves soon after that */
	/* 0, or a deadline: no new client is accepted, since it belongs to the
	 * successor; then we exec at the latest. */
	int64_t quiet_by;
	bool exec_now;
};

void lifecycle_init(struct lifecycle *l, struct services *h, bool on_demand);

/* Checks, reloads and decides; sets hub.quit or exec_now. Returns when to check
 * again (monotonic ns). */
int64_t lifecycle_tick(struct lifecycle *l, int64_t now);

/* Reads the configuration again and swaps the remote. */
void lifecycle_reload(struct lifecycle *l);

#endif
