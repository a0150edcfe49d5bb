/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SHIM_CARGO_ENV_H
#define SHIM_CARGO_ENV_H

#include <stdint.h>

#include "base/buf.h" /* allow: value */

/*
 * The environment that cargo itself was started with. A repository's
 * .cargo/config.toml can set any variable for the processes that cargo starts,
 * so what moves the store, the configuration or a remote counts only if the
 * user set it. Reads the nearest of 8 ancestors whose program is named cargo
 * (proc(5): exe, environ, stat, cmdline). If /proc does not tell, nobody knows
 * what the user set, and none of those variables count. Threads: owner.
 */
struct cargo_env {
	int pid;          /* of cargo; 0: none found; -1: it cannot be told */
	uint64_t session; /* digest of pid and start time; 0: none */
	struct buf env;   /* NAME=value, NUL after each */
	struct buf cmdline;
	int readable; /* its environment could be read */
};

void cargo_env_init(struct cargo_env *t);
void cargo_env_release(struct cargo_env *t);

/* For config_source: guarded variables as cargo has them, others as we have
 * them. */
const char *cargo_env_get(void *ctx, const char *name);

/* cargo's subcommand ("build"), or "".  Borrowed from T. */
const char *cargo_env_command(const struct cargo_env *t);

#endif
