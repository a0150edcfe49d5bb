/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KEY_FILE_MACRO_H
#define KEY_FILE_MACRO_H

#include <stdbool.h>
#include <stddef.h>

#include "base/strset.h" /* allow: value */

/*
 * Whether file!() in a crate names the crate's own files: it stands in code, or
 * in the body of a macro of the crate that the crate itself uses.  (In macros
 * that other crates use it names files of those.)  Pure.  Threads: owner.
 */
struct file_macro {
	struct strset used;   /* macros that code outside of bodies uses */
	struct strset bodies; /* "NAME USED": the body of NAME uses USED */
	bool direct;          /* file!() outside of any body */
};

/* False if the N bytes at P need not be looked at: they lack the words. */
bool file_macro_is_worth(const char *p, size_t n);

/* Looks at the N bytes of source at P, a file of the crate. */
void file_macro_look(struct file_macro *f, const char *p, size_t n);

/* The answer for the files that were looked at; true without memory. */
bool file_macro_judge(const struct file_macro *f);
void file_macro_release(struct file_macro *f);

#endif
