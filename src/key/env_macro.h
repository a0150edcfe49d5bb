/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KEY_ENV_MACRO_H
#define KEY_ENV_MACRO_H

#include <stdbool.h>
#include <stddef.h>

/*
 * Whether Rust source uses a variable for includes only.  env!("OUT_DIR")
 * in `include!(concat!(env!("OUT_DIR"), "/x.rs"))` names a place; anywhere
 * else (its length, a constant) it is a value, and the value is another one
 * in the next checkout.  The macros must be std's own: where the crate may
 * have others of these names, or hands the words to another macro, nothing is
 * proven.  Pure.  Threads: any.
 */
enum env_macro_use {
	ENV_MACRO_NONE, /* the name does not occur in code */
	ENV_MACRO_ONLY, /* it does, and each time inside such an include */
	ENV_MACRO_VALUE /* it is used otherwise, or we cannot tell, as where the
			* name is computed */
};

/* What one file has; those of a crate are put together by `|`. */
enum env_macro_sight {
	ENV_MACRO_USED = 1,    /* inside such an include */
	ENV_MACRO_ELSE = 2,    /* otherwise, or nothing can be told */
	ENV_MACRO_BY_STD = 4,  /* a macro was named by std:: or core:: */
	ENV_MACRO_OWN_STD = 8, /* something is called std or core here */
};

/* Looks at N bytes of source at P. */
unsigned env_macro_look(const char *p, size_t n, const char *name);
enum env_macro_use env_macro_judge(unsigned sights);

/* Both for a crate that is one file. */
enum env_macro_use env_macro_scan(const char *p, size_t n, const char *name);

/* True if the file PATH holds the bytes of NAME anywhere, or cannot be
 * read: a macro of that crate may spell the variable for its users. */
bool env_macro_named_in(const char *path, const char *name);

#endif
