/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any bytes as a unit's manifest of a remote, once as they are and once as
 * the content of a sound record.  What is accepted passes the vetting again
 * and keeps its meaning when it is written again.
 */
#include "base/buf.h"
#include "base/record.h"
#include "key/vet.h"
#include "store/rmanifest.h"

#include <assert.h>
#include <stdint.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
as_rmanifest(const void *p, size_t n)
{
	struct rmanifest m, again;
	struct buf b = { 0 }, c = { 0 };

	if (rmanifest_decode(p, n, &m) < 0)
		return;
	assert(m.count <= RMANIFEST_MAX);
	for (size_t i = 0; i < m.count; i++)
		assert(vet_shape(&m.rec[i].shape) == 0);
	rmanifest_encode(&m, &b);
	assert(rmanifest_decode(b.p, b.len, &again) == 0);
	assert(again.dropped == 0);
	rmanifest_encode(&again, &c);
	assert(b.len == c.len && memcmp(b.p, c.p, b.len) == 0);
	buf_free(&b);
	buf_free(&c);
	rmanifest_release(&again);
	rmanifest_release(&m);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct buf b = { 0 };

	as_rmanifest(data, size);
	record_seal(&b, 'u', 1, data, size);
	as_rmanifest(b.p, b.len);
	buf_free(&b);
	return 0;
}
