/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "key/inputs.h"

#include "base/err.h"
#include "base/file.h"
#include "key/ambient.h"
#include "key/digest_cache.h"
#include "key/input_kind.h"
#include "key/unit.h"
#include "rustc/args.h"
#include "rustc/relocatable.h"
#include "rustc/roots.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int
inputs_add(struct inputs *s, char kind, const char *name, size_t n)
{
	size_t *more;

	if (s->count == INPUTS_ITEMS_MAX || n > INPUTS_ITEM_LEN)
		return ERR_TOOBIG;
	if (s->count % 256 == 0) {
		more = realloc(s->at, (s->count + 256) * sizeof(*more));
		if (!more)
			return -ENOMEM;
		s->at = more;
	}
	s->at[s->count] = s->text.len;
	buf_char(&s->text, kind);
	buf_add(&s->text, name, n);
	buf_char(&s->text, '\0');
	if (s->text.failed)
		return -ENOMEM;
	s->count++;
	return 0;
}

const char *
inputs_item(const struct inputs *s, size_t i)
{
	return s->text.p + s->at[i];
}

static int
compare_items(const void *a, const void *b, void *text)
{
	return strcmp((const char *)text + *(const size_t *)a,
		      (const char *)text + *(const size_t *)b);
}

/* musl has no qsort_r; input lists are small and come nearly sorted. */
static void
sort_items(struct inputs *s)
{
	for (size_t gap = s->count / 2; gap > 0; gap /= 2)
		for (size_t i = gap; i < s->count; i++) {
			size_t v = s->at[i], k = i;

			while (k >= gap && compare_items(&s->at[k - gap], &v,
							 s->text.p) > 0) {
				s->at[k] = s->at[k - gap];
				k -= gap;
			}
			s->at[k] = v;
		}
}

int
inputs_finish(struct inputs *s)
{
	size_t kept = 0;

	if (s->text.failed)
		return -ENOMEM;
	sort_items(s);
	for (size_t i = 0; i < s->count; i++)
		if (kept == 0 ||
		    strcmp(inputs_item(s, i), inputs_item(s, kept - 1)) != 0)
			s->at[kept++] = s->at[i];
	s->count = kept;
	return 0;
}

void
inputs_digest(const struct inputs *s, struct digest *out)
{
	struct digest_ctx c;

	digest_init(&c);
	for (size_t i = 0; i < s->count; i++) {
		const char *item = inputs_item(s, i);

		digest_add(&c, item, strlen(item) + 1);
	}
	digest_end(&c, out);
}

void
inputs_free(struct inputs *s)
{
	buf_free(&s->text);
	free(s->at);
	memset(s, 0, sizeof(*s));
}

struct eval {
	const struct inputs_env *env;
	mode_t mask; /* of runs */
	char kind;   /* of the item that is evaluated */
	struct digest_ctx c;
	struct buf path;
};

/*
 * Scripts copy files with their modes, or look at them.  Users with other
 * umasks have other files all the same, so of a mode that the umask gives
 * counts only whether it is that of a program.
 */
static void
fold_mode(struct eval *e, mode_t mode)
{
	mode &= 07777;
	if (mode == (0666 & ~e->mask) || mode == (0777 & ~e->mask))
		mode = mode & 0111 ? 0777 : 0666;
	digest_u64(&e->c, mode);
}

static int
eval_file(struct eval *e, const char *path)
{
	struct digest d;
	struct file_id id;
	int r = digest_cache_digest_max(e->env->memo, AT_FDCWD, path,
					e->env->file_max, &d, &id);

	if (r == 0)
		digest_sub(&e->c, &d);
	if (r == 0 && e->env->run)
		fold_mode(e, id.mode);
	return r == -ENOENT || r == -ENOTDIR ? ERR_MISS : r;
}

static bool
find_program(const char *name, const char *path, char file[PATH_MAX])
{
	struct stat st;

	while (path && *path) {
		size_t n = strcspn(path, ":");
		int len = snprintf(file, PATH_MAX, "%.*s/%s", n ? (int)n : 1,
				   n ? path : ".", name);

		if (len < PATH_MAX && !stat(file, &st) && S_ISREG(st.st_mode) &&
		    !access(file, X_OK))
			return true;
		path += n + (path[n] == ':');
	}
	return false;
}

static int
fold_place(struct eval *e, const char *file)
{
	buf_reset(&e->path);
	if (file[0] != '/' || roots_encode(e->env->roots, file, &e->path) < 0)
		buf_str(&e->path, file);
	if (e->path.failed)
		return -ENOMEM;
	digest_field(&e->c, e->path.p, e->path.len);
	return 0;
}

static int
eval_program(struct eval *e, const char *name)
{
	char file[PATH_MAX];

	bool found = find_program(name, e->env->get("PATH"), file);

	/* That there is none is an answer, too. */
	digest_u64(&e->c, found);
	/* Many programs use their own place: a Python of a virtual environment,
	 * all the *-config scripts.  And a script may print what it found. */
	if (found && e->env->run) {
		int r = fold_place(e, file);

		if (r < 0)
			return r;
	}
	return found ? eval_file(e, file) : 0;
}

static int
eval_value(struct eval *e, const char *name)
{
	const char *v = e->env->get(name);

	digest_u64(&e->c, v != NULL);
	digest_str(&e->c, v ? v : "");
	return 0;
}

/* A value can reveal its place in other ways than by its spelling: a second
 * witness finds that (key/witness). */
static int
eval_neutral(struct eval *e, const char *name)
{
	const char *v = e->env->get(name);
	struct stat a, b;

	if (e->kind == INPUT_HERE && v &&
	    (v[0] != '/' || stat(v, &a) < 0 || stat(".", &b) < 0 ||
	     a.st_dev != b.st_dev || a.st_ino != b.st_ino))
		v = NULL;
	buf_reset(&e->path);
	if (v)
		relocatable_text(e->env->roots, v, strlen(v), &e->path);
	if (e->path.failed)
		return -ENOMEM;
	digest_u64(&e->c, v != NULL);
	digest_field(&e->c, e->path.p ? e->path.p : "", e->path.len);
	return 0;
}

/* A variable that names a place: which one, by its root. */
static int
eval_place(struct eval *e, const char *name)
{
	const char *v = e->env->get(name);

	buf_reset(&e->path);
	if (!v || roots_encode(e->env->roots, v, &e->path) < 0)
		return ERR_MISS;
	if (e->path.failed)
		return -ENOMEM;
	digest_field(&e->c, e->path.p, e->path.len);
	return 0;
}

static bool
is_crate_file(const char *name)
{
	static const char *const ends[] = { ".rlib", ".rmeta", ".so" };
	size_t n = strlen(name);

	if (strncmp(name, "lib", 3))
		return false;
	for (size_t i = 0; i < 3; i++) {
		size_t k = strlen(ends[i]);

		if (n > k && !strcmp(name + n - k, ends[i]))
			return true;
	}
	return false;
}

static int
by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Listing a directory also tells the type of each name. */
static char
type_of(DIR *d, const struct dirent *de)
{
	struct stat st;

	if (de->d_type != DT_UNKNOWN)
		return (char)('A' + de->d_type);
	if (fstatat(dirfd(d), de->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return '?';
	return (char)('A' + IFTODT(st.st_mode));
}

static int
read_names(DIR *d, bool crates, struct buf *text, size_t *count)
{
	struct dirent *de;

	for (de = readdir(d); de; de = readdir(d)) {
		if (!strcmp(de->d_name, ".") || !strcmp(de->d_name, ".."))
			continue;
		if (crates && !is_crate_file(de->d_name))
			continue;
		if (!crates)
			buf_char(text, type_of(d, de));
		buf_add(text, de->d_name, strlen(de->d_name) + 1);
		++*count;
	}
	return text->failed ? -ENOMEM : 0;
}

static int
eval_list(struct eval *e, const char *path)
{
	struct buf text = { 0 };
	size_t count = 0, n = 0;
	char **names = NULL;
	DIR *d = opendir(path);
	int r;

	if (!d)
		return errno == ENOENT || errno == ENOTDIR ? ERR_MISS : -errno;
	r = read_names(d, e->kind == INPUT_CRATES, &text, &count);
	closedir(d);
	if (r == 0)
		names = malloc((count + 1) * sizeof(*names));
	if (r == 0 && !names)
		r = -ENOMEM;
	for (char *p = text.p; r == 0 && n < count; p += strlen(p) + 1)
		names[n++] = p;
	if (r == 0) {
		qsort(names, count, sizeof(*names), by_name);
		digest_u64(&e->c, count);
		for (n = 0; n < count; n++)
			digest_str(&e->c, names[n]);
	}
	free(names);
	buf_free(&text);
	return r;
}

static int
eval_absent(struct eval *e, const char *path)
{
	struct stat st;

	(void)e;
	if (lstat(path, &st) == 0)
		return ERR_MISS;
	return errno == ENOENT || errno == ENOTDIR ? 0 : -errno;
}

static int
eval_present(struct eval *e, const char *path)
{
	bool links = e->kind == INPUT_LINK;
	char to[PATH_MAX];
	struct stat st;
	ssize_t n;

	if ((links ? lstat(path, &st) : stat(path, &st)) < 0)
		return ERR_MISS;
	/* Whoever asked may have asked whether it is a program. */
	digest_u64(&e->c, (st.st_mode & S_IFMT) |
				  (S_ISREG(st.st_mode) && st.st_mode & 0111));
	if (e->env->run && S_ISREG(st.st_mode))
		fold_mode(e, st.st_mode);
	if (!S_ISLNK(st.st_mode))
		return 0;
	n = readlink(path, to, sizeof(to));
	if (n < 0)
		return ERR_MISS;
	digest_field(&e->c, to, (size_t)n);
	return 0;
}

static bool
is_below(const char *path, const char *dir, size_t n)
{
	return n > 1 && !strncmp(path, dir, n) &&
	       (path[n] == '/' || path[n] == '\0');
}

/* The root whose directory a link puts where PATH is; NULL: none. */
static const struct root *
linked_root(const struct roots *roots, const char *path, size_t *len)
{
	const struct root *found = NULL;
	char real[PATH_MAX];

	*len = 0;
	for (size_t i = 0; i < roots->count; i++) {
		size_t n;

		if (!realpath(roots->r[i].path, real) ||
		    !strcmp(real, roots->r[i].path))
			continue;
		n = strlen(real);
		if (n > *len && is_below(path, real, n)) {
			found = &roots->r[i];
			*len = n;
		}
	}
	return found;
}

/* Runs: by root; a second witness finds what else the place revealed. */
static int
eval_real(struct eval *e, const char *path)
{
	const struct root *root;
	char real[PATH_MAX];
	size_t n;

	if (!realpath(path, real))
		return ERR_MISS;
	if (!e->env->run) {
		digest_str(&e->c, real);
		return 0;
	}
	root = linked_root(e->env->roots, real, &n);
	digest_u64(&e->c, root ? (uint64_t)(unsigned char)root->tag : 0);
	if (!root)
		return fold_place(e, real);
	digest_str(&e->c, real + n);
	return 0;
}

static int
eval_mode(struct eval *e, const char *path)
{
	struct stat st;

	if (stat(path, &st) < 0)
		return ERR_MISS;
	digest_u64(&e->c, st.st_mode & 07777);
	return 0;
}

/* What mostly counts is whether the file is the user's own. */
static int
eval_owner(struct eval *e, const char *path)
{
	struct stat st;

	if (stat(path, &st) < 0)
		return ERR_MISS;
	digest_u64(&e->c, st.st_uid == geteuid());
	digest_u64(&e->c, st.st_uid);
	digest_u64(&e->c, st.st_gid);
	digest_u64(&e->c, S_ISDIR(st.st_mode) ? 0 : st.st_nlink);
	return 0;
}

static void
fold_time(struct eval *e, const struct timespec *t)
{
	digest_u64(&e->c, (uint64_t)t->tv_sec);
	digest_u64(&e->c, (uint64_t)t->tv_nsec);
}

/* The time of birth moves with the ctime or not at all; that of the last
 * reading every build moves, so it is none of what can be kept. */
static int
eval_times(struct eval *e, const char *path)
{
	struct stat st, link;

	if (lstat(path, &link) < 0)
		return ERR_MISS;
	if (stat(path, &st) < 0)
		st = link;
	fold_time(e, &st.st_mtim);
	if (S_ISLNK(link.st_mode))
		fold_time(e, &link.st_mtim);
	if (e->kind == INPUT_TIMES)
		fold_time(e, &st.st_ctim);
	return 0;
}

static int
eval_environment(struct eval *e, const char *word)
{
	struct ambient a = { .all = e->env->all,
			     .roots =
				     strcmp(word, "raw") ? e->env->roots : NULL,
			     .cc = !strcmp(word, "cc"),
			     .guarded = e->env->file_max != 0 };

	return ambient_environment(&e->c, &a);
}

static int
eval_machine(struct eval *e, const char *word)
{
	if (!strcmp(word, "host"))
		return ambient_host(&e->c, e->env->memo);
	if (!strcmp(word, "cpus"))
		return ambient_cpus(&e->c);
	unit_fold_cpu(&e->c);
	return 0;
}

#define INPUT_KIND(name, letter, evaluator, flags, text) [letter] = evaluator,
#define INPUT_WORD(kind, word, text)
static int (*const evaluators[])(struct eval *e, const char *name) = {
#include "key/input_kinds.def"
};

/* What a run has put into OUT_DIR since does not count. */
static bool
is_filled(const struct eval *e, const char *item)
{
	if (!e->env->filled)
		return false;
	return (item[0] == INPUT_ABSENT && item[1] == 'O') ||
	       (item[0] == INPUT_NAMES && !strcmp(item + 1, "O"));
}

static int
eval_item(struct eval *e, const char *item)
{
	const char *name = item + 1;

	if (!input_kind_knows(item))
		return ERR_CORRUPT;
	e->kind = item[0];
	if (is_filled(e, item)) {
		if (e->kind == INPUT_NAMES)
			digest_u64(&e->c, 0);
		return 0;
	}
	if (input_kind_is(item, INPUT_PATH)) {
		buf_reset(&e->path);
		if (roots_decode(e->env->roots, name, strlen(name), &e->path) <
		    0)
			return ERR_MISS;
		if (e->path.failed)
			return -ENOMEM;
		name = e->path.p;
	}
	return evaluators[(unsigned char)item[0]](e, name);
}

static mode_t
mask_of(const struct inputs_env *env)
{
	mode_t mask = env->run ? umask(0) : 0;

	if (env->run)
		umask(mask);
	return mask;
}

int
inputs_key(const struct inputs *s, const struct inputs_env *env,
	   const struct digest *k0, struct digest *k1, size_t *bad)
{
	struct eval e = { .env = env, .mask = mask_of(env) };
	struct digest d;
	int r = 0;

	digest_init(&e.c);
	digest_str(&e.c, "kache-k1-1");
	digest_sub(&e.c, k0);
	digest_u64(&e.c, env->nexterns);
	for (size_t i = 0; i < env->nexterns; i++)
		digest_sub(&e.c, &env->externs[i]);
	digest_u64(&e.c, s->count);
	for (size_t i = 0; i < s->count && r == 0; i++) {
		const char *item = inputs_item(s, i);

		digest_str(&e.c, item);
		r = eval_item(&e, item);
		if (r < 0 && bad)
			*bad = i;
	}
	digest_end(&e.c, &d);
	buf_free(&e.path);
	if (r == 0)
		*k1 = d;
	return r;
}

void
inputs_marks(const struct inputs *s, const struct inputs_env *env,
	     uint32_t *marks)
{
	struct eval e = { .env = env, .mask = mask_of(env) };

	for (size_t i = 0; i < s->count; i++) {
		struct digest d;
		int r;

		digest_init(&e.c);
		r = eval_item(&e, inputs_item(s, i));
		digest_end(&e.c, &d);
		marks[i] = 0;
		if (r == 0)
			memcpy(&marks[i], d.b, sizeof(marks[i]));
	}
	buf_free(&e.path);
}

int
inputs_externs(const struct args *a, struct digest_cache *memo,
	       struct digest **out, struct file_id **ids)
{
	struct digest *d = calloc(a->nexterns + 1, sizeof(*d));
	struct file_id *id = calloc(a->nexterns + 1, sizeof(*id));
	int r = d && id ? 0 : -ENOMEM;

	for (size_t i = 0; i < a->nexterns && r == 0; i++)
		if (a->externs[i].path)
			r = digest_cache_digest(memo, AT_FDCWD,
						a->externs[i].path, &d[i],
						&id[i]);
	if (r < 0) {
		free(d);
		free(id);
		return r == -ENOMEM ? r : ERR_MISS;
	}
	*out = d;
	*ids = id;
	return 0;
}
