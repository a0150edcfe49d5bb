/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SHIM_EXPLAIN_H
#define SHIM_EXPLAIN_H

#include <stdbool.h>
#include <stddef.h>

struct digest;
struct invocation;
struct inputs;
struct inputs_env;

/* Names what changed since a unit or a run was stored last. Each store
 * remembers four bytes of every input's digest in ids/; the next miss of the
 * same key compares. Hits pay nothing. Threads: one. */

/* Remembers what the inputs of S hold, evaluated in ENV, for the key K0. */
void explain_remember(struct invocation *j, const struct digest *k0,
		      const struct inputs *s, const struct inputs_env *env);

/*
 * Writes a reason to the ROOM bytes at TO: "changed:" and, separated by " | ",
 * some items of the newest input list of K0 that differ from what was
 * remembered.  If K0 itself is not known: how it differs from the nearest key
 * (shim/nearest_unit).  If nothing differs: "!" if the result is gone, "@" if
 * it holds elsewhere only.  False, and TO untouched: nothing is known.
 */
bool explain_find(struct invocation *j, const struct digest *k0,
		  const struct inputs_env *env, char *to, size_t room);

#endif
