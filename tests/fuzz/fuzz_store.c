/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any bytes as a manifest and as an entry: once as a file, and once as the
 * content of a sound record, which is as far as a hostile hand gets.
 */
#include "base/buf.h"
#include "base/record.h"
#include "store/entry.h"
#include "store/manifest.h"

#include <assert.h>
#include <stdint.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
as_manifest(const char *p, size_t n)
{
	struct manifest m;

	if (manifest_decode(p, n, &m) < 0)
		return;
	assert(m.count <= MANIFEST_MAX);
	manifest_release(&m);
}

static void
as_entry(const char *p, size_t n)
{
	struct entry e;

	if (entry_decode(p, n, &e) < 0)
		return;
	assert(e.nout <= ENTRY_OUTPUTS_MAX);
	for (size_t i = 0; i < e.nout; i++)
		assert(entry_name_ok(e.out[i].name, strlen(e.out[i].name)));
	entry_release(&e);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct buf b = { 0 };

	as_manifest((const char *)data, size);
	as_entry((const char *)data, size);
	record_seal(&b, 'm', 1, data, size);
	as_manifest(b.p, b.len);
	buf_reset(&b);
	record_seal(&b, 'e', 1, data, size);
	as_entry(b.p, b.len);
	buf_free(&b);
	return 0;
}
