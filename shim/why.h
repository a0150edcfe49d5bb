/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SHIM_WHY_H
#define SHIM_WHY_H

#include <stdbool.h>
#include <stddef.h>

struct digest;
struct job;
struct shape;
struct shape_env;

/*
 * Why something that was stored before missed.  With each store four bytes of
 * every input's digest are remembered in ids/, so that the next miss of the
 * same unit key can name what differs; hits pay nothing.  Threads: one.
 */

/* Remembers what the names of S hold, evaluated in ENV, for the key K0. */
void why_remember(struct job *j, const struct digest *k0, const struct shape *s,
		  const struct shape_env *env);

/*
 * Writes "changed:" and the items of the newest shape of K0 that differ from
 * what was remembered, at most some of them, with " | " between, to the ROOM
 * bytes at TO.  Where K0 itself is not known: what differs from the nearest
 * (shim/nearest).  Where nothing differs: "!" if the result is gone, "@" if
 * it holds in another place.  False, and TO untouched: nothing is known.
 */
bool why_find(struct job *j, const struct digest *k0,
	      const struct shape_env *env, char *to, size_t room);

#endif
