/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any bytes as a unit's manifest of a remote, once as they are and once as
 * the content of a sound record.  What is accepted passes the vetting again
 * and keeps its meaning when it is written again.
 */
#include "base/buf.h"
#include "base/record.h"
#include "key/input_policy.h"
#include "store/unit_manifest.h"

#include <assert.h>
#include <stdint.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
as_rmanifest(const void *p, size_t n)
{
	struct unit_manifest m, again;
	struct buf b = { 0 }, c = { 0 };

	if (unit_manifest_decode(p, n, &m) < 0)
		return;
	assert(m.count <= UNIT_MANIFEST_MAX);
	for (size_t i = 0; i < m.count; i++)
		assert(input_policy_check(&m.rec[i].inputs) == 0);
	unit_manifest_encode(&m, &b);
	assert(unit_manifest_decode(b.p, b.len, &again) == 0);
	assert(again.dropped == 0);
	unit_manifest_encode(&again, &c);
	assert(b.len == c.len && memcmp(b.p, c.p, b.len) == 0);
	buf_free(&b);
	buf_free(&c);
	unit_manifest_release(&again);
	unit_manifest_release(&m);
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
