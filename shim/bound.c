/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "shim/bound.h"

#include "base/digest.h"
#include "base/err.h"
#include "rustc/roots.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { CHUNK = 1 << 20 };

void
bound_tagged(const struct digest *key, const struct digest *tag,
	     struct digest *out)
{
	struct digest_ctx c;

	digest_init(&c);
	digest_str(&c, "tagged");
	digest_sub(&c, key);
	digest_sub(&c, tag);
	digest_end(&c, out);
}

int
bound_key(const struct digest *key, const char *tags, const struct roots *r,
	  struct digest *out)
{
	struct digest_ctx c;

	digest_init(&c);
	digest_str(&c, "bound");
	digest_sub(&c, key);
	for (; *tags; tags++) {
		size_t used;
		const struct root *o = roots_find(r, tags, 1, &used);

		if (!o)
			return ERR_MISS;
		digest_add(&c, tags, 1);
		digest_field(&c, o->path, o->len);
	}
	digest_end(&c, out);
	return 0;
}

static bool
ends_name(char c)
{
	return !((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
		 (c >= '0' && c <= '9') || c == '_' || c == '-' || c == '.');
}

/* Horspool: a root is 10 to 60 bytes, so most of the text is skipped. */
static bool
names(const struct root *o, const unsigned char *p, size_t n)
{
	const unsigned char *pat = (const unsigned char *)o->path;
	size_t len = o->len, skip[256], i = 0;

	for (size_t k = 0; k < 256; k++)
		skip[k] = len;
	for (size_t k = 0; k + 1 < len; k++)
		skip[pat[k]] = len - 1 - k;
	while (i + len <= n) {
		unsigned char last = p[i + len - 1];

		if (last == pat[len - 1] && !memcmp(p + i, pat, len - 1) &&
		    (i + len == n || ends_name((char)p[i + len])))
			return true;
		i += skip[last];
	}
	return false;
}

void
bound_scan(const struct roots *r, const char *p, size_t n, char *tags)
{
	for (size_t i = 0; i < r->count; i++) {
		size_t used = strlen(tags);
		char tag = r->r[i].tag;

		if (!r->r[i].to || strchr(tags, tag) || used + 1 >= BOUND_TAGS)
			continue;
		if (names(&r->r[i], (const unsigned char *)p, n)) {
			tags[used] = tag;
			tags[used + 1] = '\0';
		}
	}
}

int
bound_scan_file(const struct roots *r, const char *path, char *tags)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC), e = 0;
	char *chunk = malloc(CHUNK);
	size_t kept = 0;

	if (fd < 0 || !chunk) {
		e = fd < 0 ? -errno : -ENOMEM;
		if (fd >= 0)
			close(fd);
		free(chunk);
		return e;
	}
	/* Chunks overlap by the longest path. */
	for (;;) {
		ssize_t n = read(fd, chunk + kept, CHUNK - kept);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0) {
			e = n < 0 ? -errno : 0;
			break;
		}
		bound_scan(r, chunk, kept + (size_t)n, tags);
		n += (ssize_t)kept;
		kept = (size_t)n < 4096 ? (size_t)n : 4096;
		memmove(chunk, chunk + n - kept, kept);
	}
	close(fd);
	free(chunk);
	return e;
}
