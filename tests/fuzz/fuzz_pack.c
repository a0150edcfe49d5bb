/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any bytes as a pack: as they are; as a header with its digest; and, where
 * the bytes begin with a whole header, what follows it as signatures and
 * frame. Whatever is accepted must be served: its entry loads and its blobs
 * are sound.
 */
#define _GNU_SOURCE
#include "base/buf.h"
#include "base/digest.h"
#include "base/file.h"
#include "key/digest_cache.h"
#include "remote/pack.h"
#include "remote/pack_internal.h"
#include "store/blob.h"
#include "store/entry.h"
#include "store/store.h"
#include "tests/unit/testdir.h"

#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct store store;
static struct digest_cache memo;

static void
at_exit(void)
{
	digest_cache_close(&memo);
	store_close(&store);
	testdir_remove(NULL);
}

static void
set_up(void)
{
	static int done;

	if (done++)
		return;
	if (testdir_make(NULL) < 0 || store_open(&store, testdir) < 0)
		abort();
	digest_cache_open(&memo, store.dir);
	atexit(at_exit);
}

static void
is_served(const struct digest *at)
{
	char name[STORE_NAME];
	struct file_id id;
	struct entry e;

	assert(entry_load(&store, at, &e) == 0);
	for (size_t i = 0; i < e.nout; i++) {
		assert(entry_name_ok(e.out[i].name, strlen(e.out[i].name)));
		if (e.out[i].role == ENTRY_DEPINFO)
			continue;
		assert(blob_check(&store, &memo, &e.out[i].blob, &id) == 0);
		assert(id.size == e.out[i].size);
		store_name("blobs", &e.out[i].blob, name);
		store_remove(&store, name);
	}
	store_name("entries", at, name);
	store_remove(&store, name);
	entry_release(&e);
}

static void
as_pack(const char *p, size_t n, const struct digest *at, size_t piece)
{
	struct pack_info info;
	struct unpack *u;
	int r = 0;

	if (unpack_open(&store, &memo, at, 2, &u) < 0)
		return;
	for (size_t i = 0; i < n && r == 0; i += piece)
		r = unpack_feed(u, p + i, n - i < piece ? n - i : piece);
	if (unpack_end(u, &info) == 0)
		is_served(at);
	unpack_free(u);
}

/* The first N bytes of DATA are a header; the others follow it. */
static void
as_header(const char *data, size_t size, size_t n)
{
	struct pack_head h;
	struct digest d, at = { { 0 } };
	struct buf b = { 0 };

	if (n > size || n > PACK_HEADER_MAX)
		return;
	if (pack_head_decode(data, n, &h) == 0) {
		at = h.at;
		pack_head_release(&h);
	}
	digest_bytes(data, n, &d);
	buf_add(&b, PACK_MAGIC "\0\1\0\0", 11);
	buf_char(&b, '\0');
	for (int i = 0; i < 4; i++)
		buf_char(&b, (char)(n >> 8 * i));
	buf_add(&b, data, n);
	buf_add(&b, d.b, DIGEST_LEN);
	buf_add(&b, data + n, size - n);
	as_pack(b.p, b.len, &at, 1 + size % 300);
	buf_free(&b);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct digest at = { { 0 } };

	set_up();
	as_pack((const char *)data, size, &at, 64);
	if (size >= 2)
		as_header((const char *)data + 2, size - 2,
			  (size_t)data[0] + ((size_t)data[1] << 8));
	return 0;
}
