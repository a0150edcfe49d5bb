/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "shim/depinfo_inputs.h"

#include "base/buf.h"
#include "base/file.h"
#include "base/strset.h"
#include "key/input_kind.h"
#include "key/inputs.h"
#include "rustc/depinfo.h"
#include "shim/invocation.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static bool
is_below(const char *path, const char *dir)
{
	size_t n = dir ? strlen(dir) : 0;

	return n > 1 && !strncmp(path, dir, n) && path[n] == '/';
}

static bool
is_wanted(const struct invocation *j)
{
	static char room[4096];
	const char *package = getenv("CARGO_MANIFEST_DIR");

	return package && is_below(j->args.out_dir, j->target) &&
	       !is_below(package, invocation_home_dir("CARGO_HOME", ".cargo",
						      room, sizeof(room)));
}

/* Sources are relative to cwd, as rustc was told of them. */
static void
note_known(const struct invocation *j, const struct depinfo *d,
	   struct strset *known)
{
	for (size_t i = 0; i < d->nfiles; i++) {
		char path[8200];
		const char *file = d->files[i];

		snprintf(path, sizeof(path), "%s%s%s",
			 file[0] == '/' ? "" : j->cwd,
			 file[0] == '/' ? "" : "/", file);
		strset_add(known, path, NULL);
	}
}

/* rustc escapes blanks only. */
static void
add_word(struct buf *out, const char *path)
{
	buf_char(out, ' ');
	for (; *path; path++) {
		if (*path == ' ')
			buf_char(out, '\\');
		buf_char(out, *path);
	}
}

static void
collect(const struct invocation *j, const struct inputs *s,
	const struct depinfo *d, struct buf *words)
{
	struct strset known = { 0 };

	note_known(j, d, &known);
	for (size_t i = 0; i < s->count; i++) {
		const char *item = inputs_item(s, i);
		struct buf path = { 0 };

		if (item[0] != INPUT_FILE || item[1] != 'w' || item[2] != '/')
			continue;
		buf_fmt(&path, "%s%s", j->cwd, item + 2);
		if (!path.failed && !strset_has(&known, path.p))
			add_word(words, path.p);
		buf_free(&path);
	}
	words->failed |= known.failed;
	strset_free(&known);
}

/* cargo believes the first rule. */
static int
insert(const struct buf *text, const struct buf *words, struct buf *out)
{
	const char *end = text->len ? memchr(text->p, '\n', text->len) : NULL;

	if (!end)
		return -EINVAL;
	buf_add(out, text->p, (size_t)(end - text->p));
	buf_add(out, words->p, words->len);
	buf_add(out, end, text->len - (size_t)(end - text->p));
	return out->failed ? -ENOMEM : 0;
}

int
depinfo_inputs_add(const struct invocation *j, const struct inputs *s,
		   const struct depinfo *d, const char *path, struct buf *text)
{
	struct buf words = { 0 }, whole = { 0 }, tmp = { 0 };
	struct stat st;
	int r = 0;

	if (!is_wanted(j))
		return 0;
	collect(j, s, d, &words);
	if (words.failed)
		r = -ENOMEM;
	if (r == 0 && words.len) {
		r = insert(text, &words, &whole);
		buf_fmt(&tmp, "%s.kache-%016llx", path,
			(unsigned long long)j->store.nonce);
		if (r == 0 && tmp.failed)
			r = -ENOMEM;
		if (r == 0 && stat(path, &st) < 0)
			r = -errno;
		r = r ? r
		      : file_publish(AT_FDCWD, tmp.p, path, whole.p, whole.len);
		if (r == 0) {
			/* Private names have private modes. */
			chmod(path, st.st_mode & 0777);
			buf_reset(text);
			buf_add(text, whole.p, whole.len);
		}
	}
	buf_free(&words);
	buf_free(&whole);
	buf_free(&tmp);
	return r == 0 && text->failed ? -ENOMEM : r;
}
