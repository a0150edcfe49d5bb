/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KEY_ENV_MACRO_NAMES_H
#define KEY_ENV_MACRO_NAMES_H

#include <stdbool.h>

#include "key/rustlex.h" /* allow: value */

/*
 * Whether the macros that key/env_macro looks for are std's, as far as the text
 * of a file shows.  They can be hidden by a macro of the crate itself, an
 * import by name, #[macro_use] extern crate, or something else called std; not
 * by a glob import, which rustc calls ambiguous (E0659).  Pure.  Threads: any.
 */

/* T is std or core. */
bool env_macro_names_std(const struct rustlex_token *t);

/* T is a macro of std that only passes on the words it is given. */
bool env_macro_names_plain(const struct rustlex_token *t);

/* Judges the word T, which follows BEFORE; REST comes next.  Bits of enum
 * env_macro_sight. */
unsigned env_macro_names_look(const struct rustlex_token *t,
			      const struct rustlex_token *before,
			      struct rustlex rest);

#endif
