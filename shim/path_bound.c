/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "shim/path_bound.h"

#include "base/digest.h"
#include "base/err.h"
#include "base/memfind.h"
#include "rustc/roots.h"
#include "shim/secret_scan.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { CHUNK = 1 << 20 };

void
path_bound_tagged(const struct digest *key, const struct digest *tag,
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
path_bound_key(const struct digest *key, const char *tags,
	       const struct roots *r, struct digest *out)
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

static bool
names(const struct root *o, const char *p, size_t n)
{
	const char *end = p + n, *hit;

	for (;;) {
		hit = memfind(p, (size_t)(end - p), o->path, o->len);
		if (!hit || hit + o->len == end || ends_name(hit[o->len]))
			return hit != NULL;
		p = hit + 1;
	}
}

static bool
below(const struct root *o, const struct root *dir)
{
	return o->len > dir->len && !memcmp(o->path, dir->path, dir->len) &&
	       o->path[dir->len] == '/';
}

/* Sorted, so that the same finds give the same key. */
static void
add_tag(char *tags, char tag)
{
	size_t n = strlen(tags), i = n;

	if (n + 1 >= PATH_BOUND_TAGS)
		return;
	for (; i > 0 && tags[i - 1] > tag; i--)
		tags[i] = tags[i - 1];
	tags[i] = tag;
	tags[n + 1] = '\0';
}

/* Where a directory is not named, nothing below it is. */
void
path_bound_scan(const struct roots *r, const char *p, size_t n, char *tags)
{
	const struct root *list[ROOTS_MAX];
	bool absent[ROOTS_MAX] = { false };
	size_t count = roots_remaps(r, list);

	for (size_t i = 0; i < count; i++) {
		bool skip = strchr(tags, list[i]->tag) != NULL;

		for (size_t k = 0; k < i && !skip; k++)
			skip = absent[k] && below(list[i], list[k]);
		if (skip)
			continue;
		if (names(list[i], p, n))
			add_tag(tags, list[i]->tag);
		else
			absent[i] = true;
	}
}

int
path_bound_scan_file(const struct roots *r, struct secret_scan_set *secrets,
		     const char *path, char *tags)
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
	/* Chunks overlap by the longest path, and secret. */
	for (;;) {
		ssize_t n = read(fd, chunk + kept, CHUNK - kept);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0) {
			e = n < 0 ? -errno : 0;
			break;
		}
		path_bound_scan(r, chunk, kept + (size_t)n, tags);
		if (secrets)
			secret_set_scan(secrets, chunk, kept + (size_t)n);
		n += (ssize_t)kept;
		kept = (size_t)n < 4096 ? (size_t)n : 4096;
		memmove(chunk, chunk + n - kept, kept);
	}
	close(fd);
	free(chunk);
	return e;
}
