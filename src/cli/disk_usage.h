/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLI_DISK_USAGE_H
#define CLI_DISK_USAGE_H

#include <stdint.h>

/* How many files a store has and how large they are; their content is not
 * read. */
struct disk_usage {
	uint64_t manifests;
	uint64_t entries;
	uint64_t blobs;
	uint64_t bytes; /* sum of the sizes of all three */
};

/* DIR is the store.  0, or -errno if it cannot be listed; what vanishes
 * meanwhile is not counted. */
int disk_usage(const char *dir, struct disk_usage *u);

#endif
