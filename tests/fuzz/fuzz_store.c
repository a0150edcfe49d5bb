/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any bytes as a manifest and as an entry: once as a file, and once as the
 * content of a sound record, which is as far as a hostile hand gets.  What is
 * accepted keeps its meaning when it is written again: two encodings are one.
 */
#include "base/buf.h"
#include "base/record.h"
#include "store/entry.h"
#include "store/manifest.h"

#include <assert.h>
#include <stdint.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Frees both. */
static void
same(struct buf *a, struct buf *b)
{
	assert(a->len == b->len && memcmp(a->p, b->p, a->len) == 0);
	buf_free(a);
	buf_free(b);
}

static void
as_manifest(const char *p, size_t n)
{
	struct manifest m, again;
	struct buf b = { 0 }, c = { 0 };

	if (manifest_decode(p, n, &m) < 0)
		return;
	assert(m.count <= MANIFEST_MAX);
	manifest_encode(&m, &b);
	assert(manifest_decode(b.p, b.len, &again) == 0);
	manifest_encode(&again, &c);
	same(&b, &c);
	manifest_release(&again);
	manifest_release(&m);
}

static void
as_entry(const char *p, size_t n)
{
	struct entry e, again;
	struct buf b = { 0 }, c = { 0 };

	if (entry_decode(p, n, &e) < 0)
		return;
	assert(e.nout <= ENTRY_OUTPUTS_MAX);
	for (size_t i = 0; i < e.nout; i++)
		assert(entry_name_ok(e.out[i].name, strlen(e.out[i].name)));
	entry_encode(&e, &b);
	assert(entry_decode(b.p, b.len, &again) == 0);
	entry_encode(&again, &c);
	same(&b, &c);
	entry_release(&again);
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
