/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RUSTC_WHICH_H
#define RUSTC_WHICH_H

#include <stdbool.h>

struct file_states;

/*
 * The absolute file that COMPILER names, as execvp finds it: over PATH (NULL:
 * unset) if it is bare, else from the current directory.  A new string, or
 * NULL.  Everything the answer depends on is appended to NOTES: the names that
 * were tried in vain, the one that was taken, the links it led through.
 * Threads: any.
 */
char *which_file(const char *compiler, const char *path,
		 struct file_states *notes);

/* The same of PATH, a name that is not looked up anywhere. */
char *which_real(const char *path, struct file_states *notes);

/* rustup installs one program under many names, as links of both kinds: FILE
 * is one of these.  NOTES as above. */
bool which_is_proxy(const char *file, struct file_states *notes);

/* Where the search depends on the current directory. */
bool which_is_relative(const char *compiler, const char *path);

#endif
