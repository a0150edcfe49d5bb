/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BASE_DIR_H
#define BASE_DIR_H

#include <stddef.h>

/*
 * The names in a directory, all read before anything is done with them, so
 * that the directory may be changed meanwhile.  Threads: any.
 */
struct dir_names {
	char **name; /* sorted by their bytes */
	size_t count;
};

enum {
	DIR_NOFOLLOW = 1, /* the directory's name must not be a link */
	DIR_HIDDEN = 2    /* give names that begin with a dot, too */
};

/* Fills OUT with the names in PATH below DIRFD, without "." and "..".  0 or
 * -errno; on success the caller owns OUT, otherwise it is empty. */
int dir_list(int dirfd, const char *path, int flags, struct dir_names *out);
void dir_names_free(struct dir_names *n);

#endif
