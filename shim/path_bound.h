/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SHIM_PATH_BOUND_H
#define SHIM_PATH_BOUND_H

#include <stddef.h>

struct digest;
struct roots;
struct secret_scan_set;

/* Path-bound results: outputs that name a root although rustc was told to remap
 * it are valid only for these roots. Derives their keys from an entry key and
 * searches outputs for roots. Reads only the files that are searched. */

/* The key of a result whose diagnostics have the form TAG. */
void path_bound_tagged(const struct digest *key, const struct digest *tag,
		       struct digest *out);

/* The key of a result that is bound to the roots with these TAGS. 0, or
 * ERR_MISS if the unit has no such root. */
int path_bound_key(const struct digest *key, const char *tags,
		   const struct roots *r, struct digest *out);

enum { PATH_BOUND_TAGS = 16 };

/* Adds to TAGS (PATH_BOUND_TAGS bytes, terminated) the tag of each remapped
 * root that the N bytes at P, or the file PATH, contain. The file is searched
 * for SECRETS (may be NULL) in the same pass. 0 or -errno. */
void path_bound_scan(const struct roots *r, const char *p, size_t n,
		     char *tags);
int path_bound_scan_file(const struct roots *r, struct secret_scan_set *secrets,
			 const char *path, char *tags);

#endif
