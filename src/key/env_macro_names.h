/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KEY_ENV_MACRO_NAMES_H
#define KEY_ENV_MACRO_NAMES_H

#include <stdbool.h>

#include "key/rustlex.h" /* allow: value */

/*
 * Whether the macros that key/env_macro believes in are std's, as far as the
 * text of a file tells.  A glob import cannot hide them: rustc calls that
 * ambiguous (E0659).  What can: a macro of one's own, an import by name,
 * #[macro_use] extern crate, and something else called std.  Pure.
 */

/* T is std or core. */
bool env_macro_names_std(const struct rustlex_token *t);

/* T is a macro of std that makes nothing else of the words it is given. */
bool env_macro_names_plain(const struct rustlex_token *t);

/* The word T was read, behind BEFORE; REST follows.  Gives bits of enum
 * includes_sight. */
unsigned env_macro_names_look(const struct rustlex_token *t,
			      const struct rustlex_token *before,
			      struct rustlex rest);

#endif
