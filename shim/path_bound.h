/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SHIM_PATH_BOUND_H
#define SHIM_PATH_BOUND_H

#include <stddef.h>

struct digest;
struct roots;
struct secret_scan_set;

/*
 * Keys that are derived from an entry key, and the search for outputs that
 * name a root although rustc was told not to: such a result is bound to
 * these roots.  Pure but for reading the files that are searched.
 */

/* Key of a result whose diagnostics have the form TAG. */
void path_bound_tagged(const struct digest *key, const struct digest *tag,
		       struct digest *out);

/* Key of a result that is bound to the roots with these TAGS.  0, or
 * ERR_MISS if this unit has no such root. */
int path_bound_key(const struct digest *key, const char *tags,
		   const struct roots *r, struct digest *out);

enum { PATH_BOUND_TAGS = 16 };

/* Adds to TAGS (PATH_BOUND_TAGS bytes, terminated) each remapped root that N
 * bytes at P, or the file PATH, name.  A file is searched for SECRETS, unless
 * NULL, in the same pass.  0 or -errno. */
void path_bound_scan(const struct roots *r, const char *p, size_t n,
		     char *tags);
int path_bound_scan_file(const struct roots *r, struct secret_scan_set *secrets,
			 const char *path, char *tags);

#endif
