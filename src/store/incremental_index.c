/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "store/incremental_index.h"

#include "base/buf.h"
#include "base/digest.h"
#include "base/err.h"
#include "base/file.h"
#include "base/mp.h"
#include "base/record.h"
#include "store/store.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { VERSION = 1, FIELDS = 2, NOTE_MAX = 8192, DAY_S = 86400 };

static void
note_name(const char *path, char name[INCREMENTAL_INDEX_NAME])
{
	char hex[DIGEST_HEX + 1];
	struct digest d;

	digest_bytes(path, strlen(path), &d);
	digest_hex(&d, hex);
	snprintf(name, INCREMENTAL_INDEX_NAME, "incremental/%s", hex);
}

static int
write_note(struct store *s, const char *name, const char *path, bool leaving)
{
	struct buf b = { 0 }, out = { 0 };
	char tmp[STORE_NAME];
	int r = -ENOMEM;

	mp_put_list(&b, FIELDS);
	mp_put_str(&b, path);
	mp_put_uint(&b, leaving);
	if (!b.failed)
		record_seal(&out, 'd', VERSION, b.p, b.len);
	store_tmp(s, tmp);
	if (!b.failed && !out.failed)
		r = file_publish(s->dir, tmp, name, out.p, out.len);
	buf_free(&b);
	buf_free(&out);
	return r;
}

void
incremental_index_seen(struct store *s, const char *path)
{
	char name[INCREMENTAL_INDEX_NAME], *real;
	struct stat st;

	if (path[0] != '/')
		return;
	note_name(path, name);
	if (fstatat(s->dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0) {
		/* A time ahead of the clock would last for ever. */
		int64_t age = file_now_coarse() / 1000000000 -
			      (int64_t)st.st_mtim.tv_sec;

		if (age > DAY_S || age < -DAY_S)
			utimensat(s->dir, name, NULL, AT_SYMLINK_NOFOLLOW);
		return;
	}
	/* A link that leads elsewhere later must not lead the sweep there. */
	real = realpath(path, NULL);
	if (real && strlen(real) < INCREMENTAL_INDEX_PATH)
		write_note(s, name, real, false);
	free(real);
}

static int
decode(const char *content, size_t len, struct incremental_index *out)
{
	uint64_t leaving = 0;
	const char *p = NULL;
	struct mp_doc doc;
	struct mp_list l;
	size_t n = 0;
	int r = mp_open_max(&doc, content, len, 64);

	if (r < 0)
		return r;
	l = mp_root(&doc);
	r = mp_next_bin(&l, &p, &n);
	r = r ? r : mp_next_uint(&l, &leaving);
	if (r == 0 &&
	    (n == 0 || n >= INCREMENTAL_INDEX_PATH || memchr(p, '\0', n)))
		r = ERR_CORRUPT;
	if (r == 0) {
		memcpy(out->path, p, n);
		out->path[n] = '\0';
		out->leaving = leaving != 0;
	}
	mp_close(&doc);
	return r;
}

int
incremental_index_read(struct store *s, const char *name,
		       struct incremental_index *out)
{
	struct buf b = { 0 };
	const char *content;
	struct file_id id;
	size_t len;
	int r = file_id_at(s->dir, name, &id);

	r = r ? r : file_read(s->dir, name, NOTE_MAX, &b);
	r = r ? r
	      : record_open(b.p ? b.p : "", b.len, 'd', VERSION, &content,
			    &len);
	r = r ? r : decode(content, len, out);
	if (r == 0)
		out->seen = id.mtime;
	buf_free(&b);
	return r == ERR_TOOBIG ? ERR_CORRUPT : r;
}

int
incremental_index_leave(struct store *s, const char *path,
			char name[INCREMENTAL_INDEX_NAME])
{
	note_name(path, name);
	return write_note(s, name, path, true);
}
