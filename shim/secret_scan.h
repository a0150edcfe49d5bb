/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SHIM_SECRET_SCAN_H
#define SHIM_SECRET_SCAN_H

#include <stdbool.h>
#include <stddef.h>

/* Searches outputs for the values of variables that look like secrets
 * (key/secret_name.h): such a result stays on this machine. Values are borrowed
 * from the environment and go nowhere. Threads: owner. */
enum {
	SECRET_SCAN_MAX = 64,
	SECRET_SCAN_MIN_LEN = 8, /* shorter ones are found anywhere */
	SECRET_SCAN_LEN = 4096   /* as much of a value is searched for */
};

struct secret_scan_set {
	const char *value[SECRET_SCAN_MAX];
	size_t len[SECRET_SCAN_MAX];
	size_t count;
	bool found; /* one of them was in what was searched */
};

/* ENV as environ(7); MORE as for secret_name_is. */
void secret_set_collect(struct secret_scan_set *s, char *const *env,
			const char *more);

/* Sets `found` if one of them is in the N bytes at P. */
void secret_set_scan(struct secret_scan_set *s, const char *p, size_t n);

#endif
