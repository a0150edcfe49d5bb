/* SPDX-License-Identifier: Apache-2.0 */
#define OPENSSL_SUPPRESS_DEPRECATED
#include "base/digest.h"

#include "base/err.h"

#include <errno.h>
#include <openssl/sha.h>
#include <string.h>
#include <unistd.h>

_Static_assert(sizeof(SHA256_CTX) <= sizeof(struct digest_ctx),
	       "struct digest_ctx must hold a SHA256_CTX");

static SHA256_CTX *
ctx(struct digest_ctx *c)
{
	return (SHA256_CTX *)(void *)c->state;
}

void
digest_init(struct digest_ctx *c)
{
	SHA256_Init(ctx(c));
}

void
digest_add(struct digest_ctx *c, const void *p, size_t n)
{
	SHA256_Update(ctx(c), p, n);
}

void
digest_u64(struct digest_ctx *c, uint64_t v)
{
	uint8_t b[8];

	for (int i = 0; i < 8; i++)
		b[i] = (uint8_t)(v >> (8 * i));
	digest_add(c, b, sizeof(b));
}

void
digest_field(struct digest_ctx *c, const void *p, size_t n)
{
	digest_u64(c, n);
	digest_add(c, p, n);
}

void
digest_str(struct digest_ctx *c, const char *s)
{
	digest_field(c, s, strlen(s));
}

void
digest_sub(struct digest_ctx *c, const struct digest *d)
{
	digest_add(c, d->b, DIGEST_LEN);
}

void
digest_end(struct digest_ctx *c, struct digest *out)
{
	SHA256_Final(out->b, ctx(c));
}

void
digest_bytes(const void *p, size_t n, struct digest *out)
{
	struct digest_ctx c;

	digest_init(&c);
	digest_add(&c, p, n);
	digest_end(&c, out);
}

bool
digest_eq(const struct digest *a, const struct digest *b)
{
	return memcmp(a->b, b->b, DIGEST_LEN) == 0;
}

void
digest_hex(const struct digest *d, char hex[DIGEST_HEX + 1])
{
	static const char digits[] = "0123456789abcdef";

	for (int i = 0; i < DIGEST_LEN; i++) {
		hex[2 * i] = digits[d->b[i] >> 4];
		hex[2 * i + 1] = digits[d->b[i] & 15];
	}
	hex[DIGEST_HEX] = '\0';
}

static int
nibble(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return -1;
}

int
digest_parse(const char *hex, size_t n, struct digest *out)
{
	struct digest d;

	if (n != DIGEST_HEX)
		return ERR_CORRUPT;
	for (int i = 0; i < DIGEST_LEN; i++) {
		int hi = nibble(hex[2 * i]), lo = nibble(hex[2 * i + 1]);

		if (hi < 0 || lo < 0)
			return ERR_CORRUPT;
		d.b[i] = (uint8_t)(hi << 4 | lo);
	}
	*out = d;
	return 0;
}

int
digest_fd(int fd, struct digest *out)
{
	static _Thread_local char chunk[128 * 1024];
	struct digest_ctx c;
	ssize_t n;

	digest_init(&c);
	for (;;) {
		n = read(fd, chunk, sizeof(chunk));
		if (n == 0)
			break;
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		digest_add(&c, chunk, (size_t)n);
	}
	digest_end(&c, out);
	return 0;
}
