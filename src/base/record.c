/* SPDX-License-Identifier: Apache-2.0 */
#include "base/record.h"

#include "base/buf.h"
#include "base/digest.h"
#include "base/err.h"
#include "base/file.h"

#include <string.h>

enum { CHECK_LEN = 8, CHECK_AT = 16 };

static void
put32(uint8_t *p, uint32_t v)
{
	for (int i = 0; i < 4; i++)
		p[i] = (uint8_t)(v >> (8 * i));
}

static uint32_t
get32(const uint8_t *p)
{
	return p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 |
	       (uint32_t)p[3] << 24;
}

static void
head(uint8_t h[CHECK_AT], char type, uint32_t version, size_t n)
{
	memset(h, 0, CHECK_AT);
	memcpy(h, "kch", 3);
	h[3] = (uint8_t)type;
	put32(h + 4, version);
	put32(h + 8, (uint32_t)n);
}

static void
digest_frame(const uint8_t h[CHECK_AT], const void *p, size_t n,
	     struct digest *d)
{
	struct digest_ctx c;

	digest_init(&c);
	digest_add(&c, h, CHECK_AT);
	digest_add(&c, p, n);
	digest_end(&c, d);
}

void
record_seal(struct buf *out, char type, uint32_t version, const void *p,
	    size_t n)
{
	uint8_t h[CHECK_AT];
	struct digest d;

	if (n > RECORD_MAX) {
		out->failed = true;
		return;
	}
	head(h, type, version, n);
	digest_frame(h, p, n, &d);
	buf_add(out, h, sizeof(h));
	buf_add(out, d.b, CHECK_LEN);
	buf_add(out, p, n);
}

int
record_open(const void *p, size_t n, char type, uint32_t version,
	    const char **content, size_t *len)
{
	const uint8_t *h = p;
	struct digest d;

	if (n < RECORD_HEAD || memcmp(h, "kch", 3) || h[3] != (uint8_t)type ||
	    get32(h + 8) != n - RECORD_HEAD)
		return ERR_CORRUPT;
	digest_frame(h, h + RECORD_HEAD, n - RECORD_HEAD, &d);
	if (memcmp(d.b, h + CHECK_AT, CHECK_LEN))
		return ERR_CORRUPT;
	if (get32(h + 4) != version)
		return get32(h + 4) > version ? ERR_NEWER : ERR_CORRUPT;
	*content = (const char *)h + RECORD_HEAD;
	*len = n - RECORD_HEAD;
	return 0;
}

int
record_read(int dirfd, const char *path, char type, uint32_t version,
	    struct buf *buf, const char **content, size_t *len)
{
	int r;

	buf_reset(buf);
	r = file_read(dirfd, path, RECORD_MAX + RECORD_HEAD, buf);
	if (r < 0)
		return r;
	return record_open(buf->p ? buf->p : "", buf->len, type, version,
			   content, len);
}

bool
record_is_newer(int dirfd, const char *path, char type, uint32_t version)
{
	struct buf b = { 0 };
	const char *content;
	size_t len;
	int r = record_read(dirfd, path, type, version, &b, &content, &len);

	buf_free(&b);
	return r == ERR_NEWER;
}
