/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DAEMON_LIFECYCLE_H
#define DAEMON_LIFECYCLE_H

#include <stdbool.h>
#include <stdint.h>

#include "daemon/exec_probe.h" /* allow: value */

struct config;
struct services;

/*
 * What makes a running daemon change: its configuration, its own program,
 * nothing to do.  Looked at once a second.  Threads: the poll loop's.
 */
struct lifecycle {
	struct services *hub;
	bool on_demand;
	uint64_t config_state; /* digest of names and stats of the files */
	uint64_t program_state;
	int64_t program_since;   /* when the program was seen to differ */
	struct exec_probe trial; /* whether the new one can be started */
	int64_t next;
	int64_t exec_by; /* 0, or: replace ourselves soon after that */
	/* 0, or: nobody may be accepted any more, who comes is the
	 * successor's; replace ourselves at the latest then. */
	int64_t quiet_by;
	bool exec_now;
};

void lifecycle_init(struct lifecycle *l, struct services *h, bool on_demand);

/* Looks, reloads, and decides; sets hub.quit or exec_now.  Gives when to look
 * again (monotonic ns). */
int64_t lifecycle_tick(struct lifecycle *l, int64_t now);

/* Reads the configuration again and swaps the remote. */
void lifecycle_reload(struct lifecycle *l);

#endif
