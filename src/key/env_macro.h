/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KEY_ENV_MACRO_H
#define KEY_ENV_MACRO_H

#include <stdbool.h>
#include <stddef.h>

/*
 * Whether Rust source uses a variable for includes only.  In
 * `include!(concat!(env!("OUT_DIR"), "/x.rs"))` the variable names a place.
 * Anywhere else (its length, a constant) its value counts, which is different
 * in each checkout.  The macros must be std's: nothing is proven where the
 * crate may have macros of its own with these names, or passes the words to
 * another macro.  Pure.  Threads: any.
 */
enum env_macro_use {
	ENV_MACRO_NONE, /* the name does not occur in code */
	ENV_MACRO_ONLY, /* it does, and each time inside such an include */
	ENV_MACRO_VALUE /* it is used otherwise, or one cannot tell, for
			 * instance because the name is computed */
};

/* What was found in one file; for a crate, those of its files joined by |. */
enum env_macro_sight {
	ENV_MACRO_USED = 1,    /* inside such an include */
	ENV_MACRO_ELSE = 2,    /* elsewhere, or one cannot tell */
	ENV_MACRO_BY_STD = 4,  /* a macro was named by std:: or core:: */
	ENV_MACRO_OWN_STD = 8, /* something is called std or core here */
};

/* Looks at the N bytes of source at P: bits of enum env_macro_sight. */
unsigned env_macro_look(const char *p, size_t n, const char *name);
enum env_macro_use env_macro_judge(unsigned sights);

/* True if the file PATH contains NAME anywhere or cannot be read: a macro of
 * that crate may name the variable on behalf of its users. */
bool env_macro_named_in(const char *path, const char *name);

#endif
