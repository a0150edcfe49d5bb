/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLI_USAGE_H
#define CLI_USAGE_H

#include <stdint.h>

/* What lies in a store, by looking: names and sizes, no content. */
struct usage {
	uint64_t manifests;
	uint64_t entries;
	uint64_t blobs;
	uint64_t bytes; /* sum of the sizes of all three */
};

/* DIR is the store.  0, or -errno if it cannot be listed; what vanishes
 * meanwhile is not counted. */
int usage_of(const char *dir, struct usage *u);

#endif
