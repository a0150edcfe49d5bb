/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "rustc/file_states.h"

#include "base/buf.h"
#include "base/err.h"
#include "base/mp.h"
#include "base/vec.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FILE_STATES_MAX = 4096, LINKS_MAX = 40 };

void
file_states_free(struct file_states *s)
{
	for (size_t i = 0; i < s->n; i++)
		free(s->p[i].path);
	free(s->p);
	*s = (struct file_states){ 0 };
}

bool
file_states_runs(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISREG(st.st_mode) &&
	       access(path, X_OK) == 0;
}

/* By its text: links of /proc are others each time, and lead to the same. */
static void
link_state(const char *path, struct file_id *id)
{
	char to[PATH_MAX];
	ssize_t n = readlink(path, to, sizeof(to));
	struct digest d;

	if (n < 0)
		return;
	digest_bytes(to, (size_t)n, &d);
	id->size = (uint64_t)n + 1;
	memcpy(&id->dev, d.b, 8);
	memcpy(&id->ino, d.b + 8, 8);
	memcpy(&id->mtime, d.b + 16, 8);
	memcpy(&id->ctime, d.b + 24, 8);
}

static void
read_state(const char *path, enum file_state_how how, struct file_id *id)
{
	struct file_id now;

	memset(id, 0, sizeof(*id));
	if (how == FILE_STATE_LINK)
		link_state(path, id);
	else if (how == FILE_STATE_VAIN)
		id->size = file_states_runs(path);
	else if (file_id_at(AT_FDCWD, path, &now) == 0)
		*id = now;
}

int
file_states_add(struct file_states *s, const char *path,
		enum file_state_how how, struct file_state **out)
{
	struct file_state *p;

	if (s->n == FILE_STATES_MAX)
		return ERR_TOOBIG;
	p = vec_grow(s->p, s->n, 1, sizeof(*p));
	if (!p)
		return -ENOMEM;
	s->p = p;
	p = &s->p[s->n];
	memset(p, 0, sizeof(*p));
	p->path = strdup(path);
	if (!p->path)
		return -ENOMEM;
	p->how = how;
	read_state(path, how, &p->id);
	s->n++;
	if (out)
		*out = p;
	return 0;
}

/* The first link on the way to PATH: *AT gets the length of its name, *TO the
 * name with what it holds in its place.  1, 0 if there is none, or an error. */
static int
first_link(const char *path, size_t *at, char to[PATH_MAX])
{
	char up[PATH_MAX], text[PATH_MAX];
	ssize_t k;
	int n;

	for (size_t i = 1; i == 1 || path[i - 1]; i++) {
		if (path[i] && path[i] != '/')
			continue;
		if (i >= sizeof(up))
			return -ENAMETOOLONG;
		memcpy(up, path, i);
		up[i] = '\0';
		k = readlink(up, text, sizeof(text) - 1);
		if (k >= 0) {
			text[k] = '\0';
			*at = i;
			while (i > 0 && up[i - 1] != '/')
				i--;
			n = snprintf(to, PATH_MAX, "%.*s%s%s",
				     text[0] == '/' ? 0 : (int)i, up, text,
				     path + *at);
			return n < PATH_MAX ? 1 : -ENAMETOOLONG;
		}
		if (!path[i])
			break;
	}
	return 0;
}

int
file_states_add_links(struct file_states *s, const char *path)
{
	char name[PATH_MAX], link[PATH_MAX], to[PATH_MAX];
	struct file_state *p;
	size_t at = 0;
	int r;

	if (!path[0] || strlen(path) >= sizeof(name))
		return -ENAMETOOLONG;
	memcpy(name, path, strlen(path) + 1);
	for (int i = 0; i < LINKS_MAX; i++) {
		r = first_link(name, &at, to);
		if (r <= 0)
			return r;
		snprintf(link, sizeof(link), "%.*s", (int)at, name);
		r = file_states_add(s, link, FILE_STATE_LINK, &p);
		if (r < 0)
			return r;
		p->hot = true;
		memcpy(name, to, strlen(to) + 1);
	}
	return -ELOOP;
}

void
file_states_put(struct buf *b, const struct file_state *p)
{
	mp_put_str(b, p->path);
	mp_put_uint(b, p->how);
	mp_put_uint(b, p->id.dev);
	mp_put_uint(b, p->id.ino);
	mp_put_uint(b, p->id.size);
	mp_put_uint(b, (uint64_t)p->id.mtime);
	mp_put_uint(b, (uint64_t)p->id.ctime);
}

int
file_states_still(struct mp_list *l)
{
	char name[PATH_MAX];
	struct file_id id;
	const char *path;
	uint64_t v[6];
	size_t n;
	int r = mp_next_bin(l, &path, &n);

	for (int i = 0; i < 6 && r == 0; i++)
		r = mp_next_uint(l, &v[i]);
	if (r < 0 || n >= sizeof(name) || v[0] > FILE_STATE_VAIN)
		return ERR_CORRUPT;
	memcpy(name, path, n);
	name[n] = '\0';
	read_state(name, (enum file_state_how)v[0], &id);
	return id.dev == v[1] && id.ino == v[2] && id.size == v[3] &&
			       id.mtime == (int64_t)v[4] &&
			       id.ctime == (int64_t)v[5]
		       ? 0
		       : ERR_MISS;
}
