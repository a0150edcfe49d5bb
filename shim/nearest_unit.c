/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "shim/nearest_unit.h"

#include "base/buf.h"
#include "base/digest.h"
#include "base/err.h"
#include "base/file.h"
#include "base/mp.h"
#include "base/record.h"
#include "key/key_parts.h"
#include "rustc/args.h"
#include "rustc/roots.h"
#include "shim/invocation.h"
#include "shim/kind.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { VERSION = 2, KNOWN_MAX = 4 };

static void
encode_path(const struct invocation *j, const char *path, struct buf *out)
{
	struct buf enc = { 0 };

	if (path[0] == '/' && roots_encode(&j->roots, path, &enc) == 0 &&
	    enc.len)
		buf_add(out, enc.p, enc.len);
	else
		buf_str(out, path);
	buf_free(&enc);
}

static void
record_name(const struct invocation *j, char name[STORE_NAME])
{
	const char *dir = getenv("CARGO_MANIFEST_DIR");
	const char *const words[] = {
		"parts-1",
		j->event.package,
		j->event.version,
		j->args.kind == ARGS_RUN ? "" : j->args.crate_name,
		args_kind_name(j->args.kind),
		j->event.profile,
	};
	struct buf where = { 0 };
	struct digest_ctx c;
	struct digest d;
	char hex[DIGEST_HEX + 1];

	digest_init(&c);
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		digest_str(&c, words[i] ? words[i] : "");
	encode_path(j, dir ? dir : "", &where);
	/* The kind of what is only checked does not tell it from others. */
	if (j->args.kind == ARGS_CHECK) {
		encode_path(j, j->args.source, &where);
		digest_u64(&c, j->args.test);
	}
	digest_field(&c, where.p ? where.p : "", where.len);
	digest_end(&c, &d);
	buf_free(&where);
	digest_hex(&d, hex);
	snprintf(name, STORE_NAME, "ids/%s", hex);
}

struct known {
	struct digest k0;
	const char *p; /* its parts: key/key_parts */
	size_t n;
};

/* What is remembered, newest first; points into B. */
static size_t
load_known(struct invocation *j, const char *name, struct buf *b,
	   struct known *to)
{
	const char *p;
	struct mp_doc doc;
	struct mp_list l;
	size_t n, count = 0;

	if (record_read(j->store.dir, name, 'i', VERSION, b, &p, &n) < 0 ||
	    mp_open(&doc, p, n) < 0)
		return 0;
	l = mp_root(&doc);
	while (count < KNOWN_MAX &&
	       mp_next_fixed(&l, to[count].k0.b, DIGEST_LEN) == 0 &&
	       mp_next_bin(&l, &to[count].p, &to[count].n) == 0 &&
	       to[count].n && !to[count].p[to[count].n - 1])
		count++;
	mp_close(&doc);
	return count;
}

static void
save_known(struct invocation *j, const char *name, const struct known *known,
	   size_t n)
{
	struct buf b = { 0 }, out = { 0 };
	char tmp[STORE_NAME];

	mp_put_list(&b, (uint32_t)n * 2);
	for (size_t i = 0; i < n; i++) {
		mp_put_bin(&b, known[i].k0.b, DIGEST_LEN);
		mp_put_bin(&b, known[i].p, known[i].n);
	}
	if (!b.failed)
		record_seal(&out, 'i', VERSION, b.p, b.len);
	store_tmp(&j->store, tmp);
	/* Without it the next miss is not explained. */
	if (!b.failed && !out.failed &&
	    !record_is_newer(j->store.dir, name, 'i', VERSION))
		file_publish(j->store.dir, tmp, name, out.p, out.len);
	buf_free(&b);
	buf_free(&out);
}

void
nearest_unit_remember(struct invocation *j, const struct digest *k0)
{
	struct known old[KNOWN_MAX], now[KNOWN_MAX];
	struct buf b = { 0 }, list = { 0 };
	char name[STORE_NAME];
	size_t n, kept = 1;

	if (j->kind->key_list(j, &list) < 0) {
		buf_free(&list);
		return;
	}
	record_name(j, name);
	n = load_known(j, name, &b, old);
	now[0] = (struct known){ *k0, list.p, list.len };
	for (size_t i = 0; i < n && kept < KNOWN_MAX; i++)
		if (memcmp(&old[i].k0, k0, sizeof(*k0)) != 0)
			now[kept++] = old[i];
	/* An unchanged list is not written again. */
	if (n == 0 || memcmp(&old[0].k0, k0, sizeof(*k0)))
		save_known(j, name, now, kept);
	buf_free(&b);
	buf_free(&list);
}

void
nearest_unit_compare(struct invocation *j, struct buf *out)
{
	struct known known[KNOWN_MAX];
	struct buf b = { 0 }, best = { 0 }, list = { 0 };
	size_t n, least = SIZE_MAX;
	char name[STORE_NAME];

	record_name(j, name);
	n = j->kind->key_list(j, &list) < 0 ? 0
					    : load_known(j, name, &b, known);
	for (size_t i = 0; i < n; i++) {
		struct buf text = { 0 };
		size_t count;

		/* The very one, and still nothing of it is there. */
		if (!memcmp(&known[i].k0, &j->k0, sizeof(j->k0))) {
			buf_reset(&best);
			buf_char(&best, '!');
			break;
		}
		count = key_parts_differ(known[i].p, known[i].n, &list, &text);
		if (count < least) {
			buf_free(&best);
			best = text;
			least = count;
		} else {
			buf_free(&text);
		}
	}
	if (best.len)
		buf_add(out, best.p, best.len);
	buf_free(&best);
	buf_free(&b);
	buf_free(&list);
}
