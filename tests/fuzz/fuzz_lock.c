/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as a Cargo.lock: what is read has an order, ids and a request. */
#include "base/buf.h"
#include "base/digest.h"
#include "plan/cargo_lock.h"
#include "plan/planner.h"

#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check_order(const struct packages *p)
{
	uint32_t *order;
	char *seen = calloc(p->count + 1, 1);

	assert(seen && packages_order(p, &order) == 0);
	for (size_t i = 0; i < p->count; i++) {
		assert(order[i] < p->count && !seen[order[i]]);
		seen[order[i]] = 1;
	}
	free(order);
	free(seen);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct lockfile l = { 0 };
	struct buf request = { 0 };
	struct digest id;

	if (cargo_lock_read(data, size, &l) < 0) {
		assert(l.packages.count == 0 && !l.own);
		return 0;
	}
	for (size_t i = 0; i < l.packages.count; i++) {
		const struct package *p = &l.packages.p[i];

		assert(strlen(p->name) <= size && p->version);
		assert(p->first + p->ndeps <= l.packages.ndeps || !p->ndeps);
	}
	check_order(&l.packages);
	memset(&id, 0, sizeof(id));
	cargo_lock_nearest_id(&l, &id, "default", &id);
	assert(planner_request(&l.packages, &id, "default", &request) == 0);
	buf_free(&request);
	cargo_lock_release(&l);
	return 0;
}
