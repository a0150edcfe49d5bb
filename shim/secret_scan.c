/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "shim/secret_scan.h"

#include "base/memfind.h"
#include "key/secret_name.h"

#include <string.h>

void
secret_set_collect(struct secret_scan_set *s, char *const *env,
		   const char *more)
{
	char name[256];

	memset(s, 0, sizeof(*s));
	for (; *env && s->count < SECRET_SCAN_MAX; env++) {
		const char *eq = strchr(*env, '=');
		size_t n = eq ? (size_t)(eq - *env) : 0, len;

		if (!n || n >= sizeof(name))
			continue;
		memcpy(name, *env, n);
		name[n] = '\0';
		len = strlen(eq + 1);
		if (len < SECRET_SCAN_MIN_LEN || !secret_name_is(name, more))
			continue;
		s->value[s->count] = eq + 1;
		s->len[s->count++] =
			len < SECRET_SCAN_LEN ? len : SECRET_SCAN_LEN;
	}
}

void
secret_set_scan(struct secret_scan_set *s, const char *p, size_t n)
{
	for (size_t i = 0; i < s->count && !s->found; i++)
		s->found = memfind(p, n, s->value[i], s->len[i]) != NULL;
}
