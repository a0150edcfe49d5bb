/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KEY_FILE_MACRO_H
#define KEY_FILE_MACRO_H

#include <stdbool.h>
#include <stddef.h>

#include "base/strset.h" /* allow: value */

/*
 * Whether a crate says file!() of itself: in its code, or by a macro of its
 * own that it uses.  In the body of a macro that others use it tells the name
 * of who uses it.  Pure.  Threads: owner.
 */
struct file_macro {
	struct strset used;   /* macros that code outside of bodies uses */
	struct strset bodies; /* "name used": what the bodies of macros use */
	bool direct;          /* file!() outside of any body */
};

/* Whether any look is worth it: N bytes at P may hold the words. */
bool file_macro_is_worth(const char *p, size_t n);

/* Looks at N bytes of source at P, one file of the crate. */
void file_macro_look(struct file_macro *f, const char *p, size_t n);

/* Whether the files looked at say it; without memory: true. */
bool file_macro_judge(const struct file_macro *f);
void file_macro_release(struct file_macro *f);

#endif
