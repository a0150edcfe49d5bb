/* SPDX-License-Identifier: Apache-2.0 */
#include "shim/increments.h"

#include "shim/invocation.h"
#include "store/incremental_index.h"

#include <stddef.h>
#include <string.h>

/* What stands behind PREFIX in S, or NULL. */
static const char *
behind(const char *s, const char *prefix)
{
	size_t n = strlen(prefix);

	return strncmp(s, prefix, n) ? NULL : s + n;
}

/* The value of one option word; its argument may be the NEXT word. */
static const char *
value(const char *word, const char *next)
{
	static const char *const joined[] = { "-C", "--codegen=" };

	if (!strcmp(word, "-C") || !strcmp(word, "--codegen"))
		return next ? behind(next, "incremental=") : NULL;
	for (size_t i = 0; i < sizeof(joined) / sizeof(joined[0]); i++) {
		const char *rest = behind(word, joined[i]);

		if (rest)
			return behind(rest, "incremental=");
	}
	return NULL;
}

const char *
increments_find(int n, char *const *words)
{
	const char *found = NULL;

	for (int i = 0; i < n; i++) {
		const char *v =
			value(words[i], i + 1 < n ? words[i + 1] : NULL);

		found = v ? v : found;
	}
	return found;
}

void
increments_note(struct invocation *j)
{
	const char *dir = increments_find(j->argc - 2, j->argv + 2);

	if (dir)
		incremental_index_seen(&j->store, dir);
}
