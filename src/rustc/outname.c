/* SPDX-License-Identifier: Apache-2.0 */
#include "rustc/outname.h"

#include <string.h>

static bool
is_named(const char *crate, const char *extra, const char *name)
{
	size_t n = strlen(crate), x = strlen(extra);

	return !strncmp(name, crate, n) && !strncmp(name + n, extra, x) &&
	       (name[n + x] == '.' || !name[n + x]);
}

/* By both readings: lib-1.d is of the crate lib, liblib-1.rlib as well. */
bool
outname_fits(const char *crate, const char *extra, const char *name)
{
	return is_named(crate, extra, name) ||
	       (!strncmp(name, "lib", 3) && is_named(crate, extra, name + 3));
}
