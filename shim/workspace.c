/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "shim/workspace.h"

#include "rustc/roots.h"
#include "shim/invocation.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { UP_MAX = 8 };

static const char here[] = "/proc/self/cwd";

static bool
has_lock(const char *dir)
{
	char path[4200];

	snprintf(path, sizeof(path), "%s/Cargo.lock", dir);
	return access(path, F_OK) == 0;
}

const char *
workspace_find(const struct invocation *j, const char *from)
{
	static char dir[4096];
	char *slash;

	snprintf(dir, sizeof(dir), "%s", j->target);
	slash = strrchr(dir, '/');
	if (slash) {
		*slash = '\0';
		if (has_lock(dir))
			return dir;
	}
	snprintf(dir, sizeof(dir), "%s", from);
	while (dir[0]) {
		if (has_lock(dir))
			return dir;
		slash = strrchr(dir, '/');
		if (!slash)
			break;
		*slash = '\0';
	}
	return NULL;
}

/* What cargo calls with an absolute source it compiles beside that. */
static bool
is_in_own_directory(const struct invocation *j)
{
	const char *source = j->args.source;
	size_t n = strlen(j->cwd);

	return source && source[0] == '/' && !strncmp(source, j->cwd, n) &&
	       source[n] == '/';
}

/* DIR seen from ROOT, both absolute: "vendor/x", "../x".  False: too far. */
static bool
seen_from(const char *root, const char *dir, char *out, size_t room)
{
	size_t same = 0, up = 0, n = 0;

	for (size_t i = 0;; i++) {
		bool ends = (!root[i] || root[i] == '/') &&
			    (!dir[i] || dir[i] == '/');

		if (ends)
			same = i;
		if (root[i] != dir[i] || !root[i])
			break;
	}
	for (const char *p = root + same; *p; p++)
		up += *p == '/';
	if (up > UP_MAX || room < 64)
		return false;
	out[0] = '\0';
	while (up--)
		n += (size_t)snprintf(out + n, room - n, "/..");
	/* An '=' would end the first half of a --remap-path-prefix. */
	return !strchr(dir + same, '=') &&
	       snprintf(out + n, room - n, "%s", dir + same) < (int)(room - n);
}

static const char *
variable(const char *name)
{
	const char *v = getenv(name);

	return v && *v && !strpbrk(v, "/=") && roots_clean(v, strlen(v))
		       ? v
		       : "unknown";
}

/* cargo takes no directory for a source of crates that lacks the file. */
enum naming_place
workspace_place(const struct invocation *j, const char *cargo_home)
{
	size_t n = cargo_home ? strlen(cargo_home) : 0;
	char path[4200];

	if (!is_in_own_directory(j))
		return NAMING_IN_ROOT;
	if (n > 1 && !strncmp(j->cwd, cargo_home, n) && j->cwd[n] == '/')
		return NAMING_IN_HOME;
	snprintf(path, sizeof(path), "%s/.cargo-checksum.json", j->cwd);
	return access(path, F_OK) == 0 ? NAMING_IN_PIECES : NAMING_OUTSIDE;
}

const char *
workspace_cwd_name(const struct invocation *j, enum naming_place place,
		   const char **root)
{
	static char name[4300], found[4096];
	char above[4096], way[4200];
	const char *dir;
	char *slash;

	*root = NULL;
	if (place != NAMING_IN_PIECES)
		return NULL;
	snprintf(above, sizeof(above), "%s", j->cwd);
	slash = strrchr(above, '/');
	if (slash)
		*slash = '\0';
	dir = workspace_find(j, above);
	if (dir && !strcmp(dir, j->cwd))
		return NULL;
	if (dir && seen_from(dir, j->cwd, way, sizeof(way))) {
		snprintf(name, sizeof(name), "%s%s", here, way);
		snprintf(found, sizeof(found), "%s", dir);
		*root = found;
	} else {
		snprintf(name, sizeof(name), "/kache/package/%s-%s",
			 variable("CARGO_PKG_NAME"),
			 variable("CARGO_PKG_VERSION"));
	}
	return name;
}
