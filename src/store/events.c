/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "store/events.h"

#include "base/file.h"
#include "store/store.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { ROTATE = 32 << 20, FIELD_MAX = 4096 };

static void
text(struct buf *b, const char *s)
{
	size_t n = 0;

	buf_char(b, '\t');
	for (; s && *s && n < FIELD_MAX; s++, n++) {
		unsigned char c = (unsigned char)*s;

		if (c < 0x20 || c == 0x7f || c == '\\')
			buf_fmt(b, "\\x%02x", c);
		else
			buf_char(b, *s);
	}
}

static void
add_number(struct buf *b, uint64_t v)
{
	buf_fmt(b, "\t%llu", (unsigned long long)v);
}

static void
key(struct buf *b, const struct digest *d)
{
	static const struct digest none;
	char hex[DIGEST_HEX + 1];

	digest_hex(d, hex);
	text(b, digest_eq(d, &none) ? "" : hex);
}

static void
format(struct buf *b, const struct events_line *e)
{
	char session[17];

	snprintf(session, sizeof(session), "%016llx",
		 (unsigned long long)e->session);
	buf_str(b, "k1");
	add_number(b, (uint64_t)file_now() / 1000000);
	text(b, session);
	text(b, e->outcome);
	text(b, e->reason);
	text(b, e->crate);
	text(b, e->kind);
	key(b, &e->k0);
	key(b, &e->k1);
	text(b, e->externs.p);
	add_number(b, e->key_us);
	add_number(b, e->lookup_us);
	add_number(b, e->restore_us);
	add_number(b, e->compile_us);
	add_number(b, e->store_us);
	add_number(b, e->total_us);
	add_number(b, e->bytes);
	add_number(b, e->saved_us);
	add_number(b, (uint64_t)e->status);
	text(b, e->command);
	text(b, e->profile);
	text(b, e->package);
	text(b, e->version);
	text(b, e->cwd);
	key(b, &e->at);
	buf_char(b, '\n');
}

int
events_append(struct store *s, const struct events_line *e)
{
	int flags = O_WRONLY | O_APPEND | O_NONBLOCK;
	int fd = file_open_own(s->dir, "events.log", flags), r = 0;
	struct buf b = { 0 };
	struct stat st;
	ssize_t n;

	if (fd < 0)
		return fd;
	if (fstat(fd, &st) == 0 && st.st_size > ROTATE) {
		renameat(s->dir, "events.log", s->dir, "events.log.1");
		close(fd);
		fd = file_open_own(s->dir, "events.log", flags);
		if (fd < 0)
			return fd;
	}
	format(&b, e);
	n = b.failed ? 0 : write(fd, b.p, b.len);
	if (b.failed)
		r = -ENOMEM;
	else if (n != (ssize_t)b.len)
		r = n < 0 ? -errno : -ENOSPC;
	close(fd);
	buf_free(&b);
	return r;
}
