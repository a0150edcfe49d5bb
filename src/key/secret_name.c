/* SPDX-License-Identifier: Apache-2.0 */
#include "key/secret_name.h"

#include <ctype.h>
#include <stddef.h>
#include <string.h>

/* Upper case; '*' stands for anything. */
static const char *const secrets[] = {
	"*TOKEN*", "*SECRET*", "*PASSW*",   "*CREDENTIAL*",   "*_KEY",
	"AWS_*",   "GITHUB_*", "ACTIONS_*", "CARGO_REGISTR*",
};

/* N bytes at PAT against the whole NAME.  After a mismatch only the last '*'
 * can take more: no recursion, no blow-up. */
static bool
matches_pattern(const char *pat, size_t n, const char *name)
{
	const char *end = pat + n, *star = NULL, *from = name;

	while (*name) {
		if (pat < end && *pat == '*') {
			star = ++pat;
			from = name;
		} else if (pat < end && toupper((unsigned char)*pat) ==
						toupper((unsigned char)*name)) {
			pat++;
			name++;
		} else if (star) {
			pat = star;
			name = ++from;
		} else {
			return false;
		}
	}
	while (pat < end && *pat == '*')
		pat++;
	return pat == end;
}

bool
secret_name_is(const char *name, const char *more)
{
	static const char between[] = " \t,";

	for (size_t i = 0; i < sizeof(secrets) / sizeof(secrets[0]); i++)
		if (matches_pattern(secrets[i], strlen(secrets[i]), name))
			return true;
	while (more && *more) {
		size_t n = strcspn(more, between);

		if (n && matches_pattern(more, n, name))
			return true;
		more += n + (more[n] != '\0');
	}
	return false;
}
