/* SPDX-License-Identifier: Apache-2.0 */
#include "observe/childdir.h"

#include <stddef.h>

#include "observe/rawsys.h"

#define SLOTS 16
#define PATH_BYTES 4096

/* Touched page by page. */
static struct {
	const void *actions; /* NULL: free */
	int unknown;
	char path[PATH_BYTES];
} slots[SLOTS];

/* There was no slot for some actions: none is believed any more. */
static int overflow;

static int
find(const void *actions)
{
	int i;

	for (i = 0; i < SLOTS; i++)
		if (__atomic_load_n(&slots[i].actions, __ATOMIC_ACQUIRE) ==
		    actions)
			return i;
	return -1;
}

static int
claim(const void *actions)
{
	int i;

	for (i = 0; i < SLOTS; i++) {
		const void *none = NULL;

		if (!__atomic_compare_exchange_n(&slots[i].actions, &none,
						 actions, 0, __ATOMIC_ACQ_REL,
						 __ATOMIC_RELAXED))
			continue;
		slots[i].unknown = 0;
		slots[i].path[0] = '\0';
		return i;
	}
	return -1;
}

/* A second change starts where the first one led. */
static int
append(char *to, const char *path)
{
	size_t n = path[0] == '/' ? 0 : rawsys_strlen(to);
	size_t len = rawsys_strlen(path);

	if (n + len + 2 > PATH_BYTES)
		return 0;
	if (n > 0)
		to[n++] = '/';
	rawsys_put(to + n, path, len + 1);
	return 1;
}

void
childdir_set(const void *actions, const char *path)
{
	int i = find(actions);

	if (i < 0)
		i = claim(actions);
	if (i < 0)
		__atomic_store_n(&overflow, 1, __ATOMIC_RELAXED);
	else if (!path || !append(slots[i].path, path))
		slots[i].unknown = 1;
}

enum childdir
childdir_get(const void *actions, const char **path)
{
	int i = actions ? find(actions) : -1;

	if (i < 0)
		return actions && __atomic_load_n(&overflow, __ATOMIC_RELAXED)
			       ? CHILDDIR_UNKNOWN
			       : CHILDDIR_STAYS;
	*path = slots[i].path;
	return slots[i].unknown ? CHILDDIR_UNKNOWN : CHILDDIR_MOVES;
}

void
childdir_forget(const void *actions)
{
	int i = find(actions);

	if (i >= 0)
		__atomic_store_n(&slots[i].actions, NULL, __ATOMIC_RELEASE);
}
