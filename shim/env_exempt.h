/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SHIM_ENV_EXEMPT_H
#define SHIM_ENV_EXEMPT_H

#include <stdbool.h>

struct digest;
struct entry;
struct inputs;
struct store;

/*
 * Remembers which crates name a variable in their metadata without making use
 * of its value. Metadata holds the text of macros. A crate that includes a file
 * of its OUT_DIR inside a macro therefore spells OUT_DIR, and a dependent could
 * use the value through that macro. If the crate's own sources use the variable
 * only in includes (key/env_macro), so do its macros; that is remembered in
 * ids/ under the digest of its metadata. Nothing is claimed about crates that
 * are not remembered. Threads: any.
 */

/* Remembers each variable of S that was proven to serve includes only, except
 * those in DECLARED (names, or NULL), which were merely declared. */
void env_exempt_note(struct store *s, const struct inputs *inputs,
		     const struct entry *e, const char *declared);

/* The callback of struct derive. STORE is a struct store. */
bool env_exempt_has(void *store, const struct digest *crate, const char *name);

#endif
