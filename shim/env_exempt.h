/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SHIM_ENV_EXEMPT_H
#define SHIM_ENV_EXEMPT_H

#include <stdbool.h>

struct digest;
struct entry;
struct inputs;
struct store;

/*
 * Which crates name a variable in their metadata and mean no harm by it.
 *
 * Metadata holds the text of macros, so a crate that includes a file of its
 * OUT_DIR within a macro spells OUT_DIR, and whoever depends on it could use
 * the value by that macro.  Where the sources of the crate were seen to use
 * the variable in includes only (key/env_macro), its macros do, too, and that
 * is remembered in ids/ under the digest of its metadata.  Of what is not
 * remembered nothing is claimed.  Threads: any.
 */

/* For each variable of S that was proven to serve includes only, but not
 * those in DECLARED (names, or NULL), which somebody just says. */
void env_exempt_note(struct store *s, const struct inputs *inputs,
		     const struct entry *e, const char *declared);

/* STORE is a struct store: struct derive's question. */
bool env_exempt_has(void *store, const struct digest *crate, const char *name);

#endif
