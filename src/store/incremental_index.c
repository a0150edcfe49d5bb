/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "store/incremental_index.h"

#include "base/digest.h"
#include "base/err.h"
#include "base/file.h"
#include "base/record_type.h"
#include "store/store.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { NOTE_MAX = 8192, DAY_S = 86400 };

static const struct record_field fields[] = {
	RECORD_FIELD(TEXT, incremental_index, path, INCREMENTAL_INDEX_PATH - 1),
	RECORD_FIELD(U32, incremental_index, leaving, 1),
	RECORD_LAST,
};

static const struct record_type type = {
	.letter = 'd',
	.version = 1,
	.fields = fields,
	.file_max = NOTE_MAX,
	.elements_max = 64,
};

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
save_note(struct store *s, const char *name, const char *path, bool leaving)
{
	struct incremental_index note = { .leaving = leaving };

	snprintf(note.path, sizeof(note.path), "%s", path);
	return store_save(s, name, &type, &note);
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
		save_note(s, name, real, false);
	free(real);
}

int
incremental_index_read(struct store *s, const char *name,
		       struct incremental_index *out)
{
	struct incremental_index note = { .path = "" };
	struct file_id id;
	int r = file_id_at(s->dir, name, &id);

	r = r ? r : record_load(s->dir, name, &type, &note);
	if (r == ERR_TOOBIG || (r == 0 && !note.path[0]))
		return ERR_CORRUPT;
	if (r == 0) {
		note.seen = id.mtime;
		*out = note;
	}
	return r;
}

int
incremental_index_leave(struct store *s, const char *path,
			char name[INCREMENTAL_INDEX_NAME])
{
	note_name(path, name);
	return save_note(s, name, path, true);
}
