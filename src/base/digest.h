/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BASE_DIGEST_H
#define BASE_DIGEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * SHA-256 (FIPS 180-4) by libcrypto's low-level functions: the one-shot and
 * EVP forms pull in providers, which cost 2 ms a process and do not link
 * with musl.  Threads: any, one context per thread.
 */
enum { DIGEST_LEN = 32, DIGEST_HEX = 64 };

struct digest {
	uint8_t b[DIGEST_LEN];
};

struct digest_ctx {
	uint64_t state[16];
};

void digest_init(struct digest_ctx *c);
void digest_add(struct digest_ctx *c, const void *p, size_t n);

/* A field framed by its length, so no value can imitate a boundary. */
void digest_field(struct digest_ctx *c, const void *p, size_t n);
void digest_str(struct digest_ctx *c, const char *s);
void digest_u64(struct digest_ctx *c, uint64_t v);
void digest_sub(struct digest_ctx *c, const struct digest *d);
void digest_end(struct digest_ctx *c, struct digest *out);

void digest_bytes(const void *p, size_t n, struct digest *out);
bool digest_eq(const struct digest *a, const struct digest *b);

/* HEX holds DIGEST_HEX characters and a NUL. */
void digest_hex(const struct digest *d, char hex[DIGEST_HEX + 1]);

/* Reads exactly DIGEST_HEX lower-case digits.  0 or ERR_CORRUPT. */
int digest_parse(const char *hex, size_t n, struct digest *out);

/* Digest of what is left to read in FD.  0 or -errno. */
int digest_fd(int fd, struct digest *out);

#endif
