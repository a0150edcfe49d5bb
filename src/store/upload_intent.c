/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "store/upload_intent.h"

#include "base/buf.h"
#include "base/dir.h"
#include "base/err.h"
#include "base/file.h"
#include "base/mp.h"
#include "base/record.h"
#include "base/record_type.h"
#include "store/store.h"
#include "store/walk.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { VERSION = 1, DIRS = 256, DEAD_MAX = 1024, REASON = 256 };

/* An intent as it lies in a file. */
struct letter {
	struct upload_intent_intent intent;
	char reason[REASON]; /* why it is dead, or "" */
};

static const struct record_field fields[] = {
	RECORD_FIELD(U32, letter, intent.kind, UPLOAD_INTENT_RUN),
	RECORD_FIELD(DIGEST, letter, intent.at, 0),
	RECORD_FIELD(DIGEST, letter, intent.k1, 0),
	RECORD_FIELD(DIGEST, letter, intent.tag, 0),
	RECORD_FIELD(DIGEST, letter, intent.inputs, 0),
	RECORD_LAST,
};

static uint32_t
put_reason(struct buf *b, const void *letter)
{
	const struct letter *i = letter;

	if (!i->reason[0])
		return 0;
	mp_put_str(b, i->reason);
	return 1;
}

static int
take_reason(struct mp_list *l, void *letter)
{
	static const struct record_field reason[] = {
		RECORD_LATER(TEXT, letter, reason, REASON - 1),
		RECORD_LAST,
	};
	struct letter *i = letter;

	return i->intent.kind ? record_take(l, reason, i) : ERR_CORRUPT;
}

static const struct record_type type = {
	.letter = 's',
	.version = VERSION,
	.fields = fields,
	.put_rest = put_reason,
	.take_rest = take_reason,
	.file_max = UPLOAD_INTENT_INTENT_MAX,
	.elements_max = 64,
};

static const char waiting[] = "spool", dead[] = "spool/dead";

static void
dead_name(const struct digest *at, char name[STORE_NAME])
{
	char hex[DIGEST_HEX + 1];

	digest_hex(at, hex);
	snprintf(name, STORE_NAME, "%s/%s", dead, hex);
}

/* The intent for AT in the file NAME. */
static int
load_letter(struct store *s, const char *name, const struct digest *at,
	    struct letter *out)
{
	int r;

	memset(out, 0, sizeof(*out));
	r = record_load(s->dir, name, &type, out);
	if (r == ERR_TOOBIG || (r == 0 && !digest_eq(&out->intent.at, at)))
		r = ERR_CORRUPT;
	return r;
}

static size_t
count_files(struct store *s, const char *dir)
{
	struct dir_names names;
	size_t n;

	if (dir_list(s->dir, dir, 0, &names) < 0)
		return 0;
	n = names.count;
	dir_names_free(&names);
	return n;
}

static int
save_letter(struct store *s, const char *name, const struct letter *i)
{
	if (mkdirat(s->dir, waiting, 0700) < 0 && errno != EEXIST)
		return -errno;
	return store_save(s, name, &type, i);
}

int
upload_intent_add(struct store *s, const struct upload_intent_intent *i)
{
	struct letter new = { .intent = *i };
	char name[STORE_NAME], dir[STORE_NAME];
	struct stat st;

	store_name(waiting, &i->at, name);
	if (fstatat(s->dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	    S_ISREG(st.st_mode))
		return 0;
	memcpy(dir, name, sizeof(waiting) + 2);
	dir[sizeof(waiting) + 2] = '\0';
	if (count_files(s, dir) >= UPLOAD_INTENT_MAX / DIRS)
		return ERR_TOOBIG;
	return save_letter(s, name, &new);
}

int
upload_intent_read(struct store *s, const struct digest *at,
		   struct upload_intent_intent *out)
{
	char name[STORE_NAME];
	struct letter i;
	int r;

	store_name(waiting, at, name);
	r = load_letter(s, name, at, &i);
	if (r == 0)
		*out = i.intent;
	if (r == ERR_CORRUPT)
		upload_intent_bury(s, at, "damaged");
	return r == -ENOENT || r == -ENOTDIR ? ERR_MISS : r;
}

bool
upload_intent_is_older(struct store *s, const struct digest *at, int64_t time)
{
	char name[STORE_NAME];
	struct file_id id;

	store_name(waiting, at, name);
	return file_id_at(s->dir, name, &id) == 0 && id.mtime < time &&
	       !record_is_newer(s->dir, name, 's', VERSION);
}

void
upload_intent_retire(struct store *s, const struct digest *at)
{
	char name[STORE_NAME];

	store_name(waiting, at, name);
	store_remove(s, name);
}

int
upload_intent_bury(struct store *s, const struct digest *at, const char *reason)
{
	char name[STORE_NAME];
	struct letter i;
	int r = 0;

	store_name(waiting, at, name);
	/* Of a damaged one the name is left. */
	if (load_letter(s, name, at, &i) < 0)
		i.intent = (struct upload_intent_intent){
			.kind = UPLOAD_INTENT_UNIT, .at = *at
		};
	snprintf(i.reason, sizeof(i.reason), "%s", reason);
	dead_name(at, name);
	/* Dead letters are for people: a thousand tell as much as all. */
	if (count_files(s, dead) < DEAD_MAX)
		r = save_letter(s, name, &i);
	if (r == 0)
		upload_intent_retire(s, at);
	return r;
}

struct each {
	int (*use)(void *ctx, const struct digest *at, const char *reason);
	void *ctx;
};

static int
use_waiting(void *ctx, const struct store_file *f)
{
	const struct each *e = ctx;

	return f->digest ? e->use(e->ctx, f->digest, "") : f->error;
}

static int
each_dead(struct store *s, const struct each *e)
{
	char name[STORE_NAME];
	struct dir_names names;
	struct digest at;
	struct letter i;
	int r = dir_list(s->dir, dead, DIR_NOFOLLOW, &names);

	if (r < 0)
		return r == -ENOENT ? 0 : r;
	for (size_t k = 0; k < names.count && r == 0; k++) {
		if (digest_parse(names.name[k], strlen(names.name[k]), &at) < 0)
			continue;
		dead_name(&at, name);
		if (load_letter(s, name, &at, &i) == 0)
			r = e->use(e->ctx, &at, i.reason);
	}
	dir_names_free(&names);
	return r;
}

int
upload_intent_each(struct store *s, int of_dead,
		   int (*use)(void *ctx, const struct digest *at,
			      const char *reason),
		   void *ctx)
{
	struct each e = { use, ctx };
	int r = of_dead ? each_dead(s, &e)
			: store_walk(s->dir, waiting, use_waiting, &e);

	return r == -ENOTDIR ? 0 : r;
}
