/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "rustc/toolchain.h"

#include "base/buf.h"
#include "base/err.h"
#include "base/file.h"
#include "base/mp.h"
#include "base/record.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
	VERSION = 1,
	FILES_MAX = 4096,
	DEPTH_MAX = 6,
	VERBOSE_MAX = 8192,
	LOCK_BASE = 0x10000000,
	LOCK_WAIT_MS = 120000,
	ID_FIELDS = 6,
	NAME_LEN = 4 + DIGEST_HEX + 8
};

/* A file or directory whose stat stands for a part of the identity. */
struct part {
	char *path;
	bool hot; /* checked on every hit */
	bool dir; /* not hashed: a directory, or a second name */
	struct file_id id;
	struct digest digest;
};

struct parts {
	struct part *p;
	size_t n;
};

static void
parts_free(struct parts *s)
{
	for (size_t i = 0; i < s->n; i++)
		free(s->p[i].path);
	free(s->p);
	*s = (struct parts){ 0 };
}

static int
part_add(struct parts *s, const char *path, bool hot, const struct file_id *id)
{
	struct part *p;

	if (s->n == FILES_MAX)
		return ERR_TOOBIG;
	if (s->n % 64 == 0) {
		p = realloc(s->p, (s->n + 64) * sizeof(*p));
		if (!p)
			return -ENOMEM;
		s->p = p;
	}
	p = &s->p[s->n];
	memset(p, 0, sizeof(*p));
	p->path = strdup(path);
	if (!p->path)
		return -ENOMEM;
	p->hot = hot;
	p->id = *id;
	p->dir = S_ISDIR(id->mode);
	s->n++;
	return 0;
}

char *
toolchain_which(const char *compiler, const char *path)
{
	char file[PATH_MAX];
	struct stat st;

	if (strchr(compiler, '/'))
		return realpath(compiler, NULL);
	while (path && *path) {
		size_t n = strcspn(path, ":");
		int len = snprintf(file, sizeof(file), "%.*s/%s", (int)n, path,
				   compiler);

		if (n > 0 && len < (int)sizeof(file) && !stat(file, &st) &&
		    S_ISREG(st.st_mode) && !access(file, X_OK))
			return realpath(file, NULL);
		path += n + (path[n] == ':');
	}
	return NULL;
}

/* rustup installs one program under many names, as links of both kinds. */
static bool
is_proxy(const char *file)
{
	const char *slash = strrchr(file, '/');
	char rustup[PATH_MAX];
	struct stat a, b;

	if (!strcmp(slash + 1, "rustup"))
		return true;
	if (snprintf(rustup, sizeof(rustup), "%.*s/rustup", (int)(slash - file),
		     file) >= (int)sizeof(rustup))
		return true;
	return !stat(rustup, &a) && !stat(file, &b) && a.st_ino == b.st_ino &&
	       a.st_dev == b.st_dev;
}

static char *
behind_proxy(const struct toolchain_in *in)
{
	const char *name = in->rustup_toolchain;
	const char *program = in->driver ? "clippy-driver" : "rustc";
	char file[PATH_MAX];
	int n;

	if (!name || !*name)
		return NULL;
	if (name[0] == '/')
		n = snprintf(file, sizeof(file), "%s/bin/%s", name, program);
	else
		n = snprintf(file, sizeof(file), "%s/toolchains/%s/bin/%s",
			     in->rustup_home, name, program);
	return n < (int)sizeof(file) ? realpath(file, NULL) : NULL;
}

static int
resolve(const struct toolchain_in *in, struct toolchain *t)
{
	char *slash;

	t->rustc = toolchain_which(in->compiler, in->path);
	if (t->rustc && is_proxy(t->rustc)) {
		free(t->rustc);
		t->rustc = behind_proxy(in);
	}
	if (!t->rustc)
		return ERR_REFUSED;
	t->sysroot = strdup(t->rustc);
	if (!t->sysroot)
		return -ENOMEM;
	for (int i = 0; i < 2; i++) {
		slash = strrchr(t->sysroot, '/');
		if (!slash || slash == t->sysroot)
			return ERR_REFUSED;
		*slash = '\0';
	}
	return 0;
}

/* A child that must not take cargo's jobserver or pipes along. */
static int
read_verbose(const char *rustc, struct buf *out)
{
	int fds[2], status, r;
	pid_t pid;

	if (pipe2(fds, O_CLOEXEC) < 0)
		return -errno;
	pid = fork();
	if (pid == 0) {
		dup2(fds[1], 1);
		execl(rustc, rustc, "-vV", (char *)NULL);
		_exit(127);
	}
	close(fds[1]);
	if (pid < 0) {
		close(fds[0]);
		return -EAGAIN;
	}
	r = file_read_fd(fds[0], VERBOSE_MAX, out);
	close(fds[0]);
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return -errno;
	if (r == 0 && (!WIFEXITED(status) || WEXITSTATUS(status) || !out->len))
		r = ERR_REFUSED;
	return r;
}

static int
by_path(const void *a, const void *b)
{
	return strcmp(((const struct part *)a)->path,
		      ((const struct part *)b)->path);
}

static bool
of_compiler(const char *name)
{
	static const char *const starts[] = { "librustc_driver", "libstd-",
					      "libLLVM", "libtest-" };

	for (size_t i = 0; i < sizeof(starts) / sizeof(*starts); i++)
		if (!strncmp(name, starts[i], strlen(starts[i])))
			return true;
	return false;
}

static bool
is_driver(const char *name)
{
	return !strncmp(name, "librustc_driver", 15);
}

/*
 * Adds DIR and the regular files in it.  DEEP: everything below as well.
 * ALL false: a system directory, where only the compiler's own libraries
 * belong to the toolchain.
 */
static int
add_dir(struct parts *s, const char *dir, int deep, bool all)
{
	DIR *d = opendir(dir);
	struct dirent *e;
	struct file_id id;
	int r = 0;

	if (!d)
		return errno == ENOENT ? 0 : -errno;
	if (all) {
		r = file_id_at(AT_FDCWD, dir, &id);
		if (r == 0)
			r = part_add(s, dir, true, &id);
	}
	for (e = readdir(d); e && r == 0; e = readdir(d)) {
		char path[PATH_MAX];

		if (e->d_name[0] == '.' || (!all && !of_compiler(e->d_name)))
			continue;
		if (snprintf(path, sizeof(path), "%s/%s", dir, e->d_name) >=
		    (int)sizeof(path))
			r = -ENAMETOOLONG;
		else if (file_id_at(AT_FDCWD, path, &id) < 0)
			continue;
		else if (S_ISREG(id.mode))
			r = part_add(s, path, is_driver(e->d_name), &id);
		else if (S_ISDIR(id.mode) && deep > 0)
			r = add_dir(s, path, deep - 1, all);
	}
	closedir(d);
	return r;
}

static const char *
host_of(const char *verbose, size_t *n)
{
	const char *h = strstr(verbose, "\nhost: ");

	h = h ? h + 7 : "";
	*n = strcspn(h, "\n");
	return h;
}

static int
collect(const struct toolchain *t, const char *target, struct parts *s)
{
	bool system = !strcmp(t->sysroot, "/usr") ||
		      !strcmp(t->sysroot, "/usr/local");
	char dir[PATH_MAX];
	struct file_id id;
	size_t n;
	const char *host = host_of(t->verbose, &n);
	int r = file_id_at(AT_FDCWD, t->rustc, &id);

	if (r == 0)
		r = part_add(s, t->rustc, true, &id);
	snprintf(dir, sizeof(dir), "%s/lib", t->sysroot);
	if (r == 0)
		r = add_dir(s, dir, 0, !system);
	snprintf(dir, sizeof(dir), "%s/lib/rustlib/%.*s", t->sysroot, (int)n,
		 host);
	if (r == 0)
		r = add_dir(s, dir, DEPTH_MAX, true);
	if (r == 0 && s->n < 4)
		r = ERR_REFUSED;
	if (r < 0 || !target || strchr(target, '/') ||
	    (strlen(target) == n && !strncmp(target, host, n)))
		return r;
	snprintf(dir, sizeof(dir), "%s/lib/rustlib/%s", t->sysroot, target);
	return add_dir(s, dir, DEPTH_MAX, true);
}

static int
hash_part(struct part *p)
{
	int fd = open(p->path, O_RDONLY | O_CLOEXEC), r;
	struct file_id id;
	struct stat st;

	if (fd < 0)
		return -errno;
	r = digest_fd(fd, &p->digest);
	if (r == 0 && fstat(fd, &st) < 0)
		r = -errno;
	close(fd);
	if (r < 0)
		return r;
	file_id_of(&st, &id);
	return file_id_same(&id, &p->id) ? 0 : ERR_CHANGED;
}

/* Names are relative to the sysroot: no two machines have the same one. */
static int
hash_all(struct toolchain *t, struct parts *s)
{
	size_t skip = strlen(t->sysroot);
	struct digest_ctx c;
	int r = 0;

	qsort(s->p, s->n, sizeof(*s->p), by_path);
	digest_init(&c);
	digest_str(&c, "kache-toolchain-1");
	digest_str(&c, t->verbose);
	for (size_t i = 0; i < s->n && r == 0; i++) {
		struct part *p = &s->p[i];

		if (p->dir)
			continue;
		r = hash_part(p);
		digest_str(&c, p->path + skip);
		digest_sub(&c, &p->digest);
	}
	digest_end(&c, &t->id);
	return r;
}

static void
put_id(struct buf *b, const struct part *p)
{
	mp_put_str(b, p->path);
	mp_put_uint(b, p->id.dev);
	mp_put_uint(b, p->id.ino);
	mp_put_uint(b, p->id.size);
	mp_put_uint(b, (uint64_t)p->id.mtime);
	mp_put_uint(b, (uint64_t)p->id.ctime);
}

static int
still(struct mp_list *l)
{
	uint64_t v[5];
	struct file_id id;
	const char *path;
	char name[PATH_MAX];
	size_t n;
	int r = mp_next_bin(l, &path, &n);

	for (int i = 0; i < 5 && r == 0; i++)
		r = mp_next_uint(l, &v[i]);
	if (r < 0 || n >= sizeof(name))
		return ERR_CORRUPT;
	memcpy(name, path, n);
	name[n] = '\0';
	if (file_id_at(AT_FDCWD, name, &id) < 0)
		return ERR_MISS;
	return id.dev == v[0] && id.ino == v[1] && id.size == v[2] &&
			       id.mtime == (int64_t)v[3] &&
			       id.ctime == (int64_t)v[4]
		       ? 0
		       : ERR_MISS;
}

static int
take_text(struct mp_list *l, char **out)
{
	const char *p;
	size_t n;
	int r = mp_next_bin(l, &p, &n);

	if (r == 0)
		*out = strndup(p, n);
	return r == 0 && !*out ? -ENOMEM : r;
}

/* Digest, compiler, sysroot, -vV text, and the parts. */
static int
decode(struct toolchain *t, const char *p, size_t n)
{
	struct mp_doc doc;
	struct mp_list l;
	const char *digest;
	size_t dn = 0;
	int r = mp_open(&doc, p, n);

	if (r < 0)
		return r;
	l = mp_root(&doc);
	r = mp_next_bin(&l, &digest, &dn);
	if (r == 0 && dn != DIGEST_LEN)
		r = ERR_CORRUPT;
	if (r == 0)
		memcpy(t->id.b, digest, DIGEST_LEN);
	r = r ? r : take_text(&l, &t->rustc);
	r = r ? r : take_text(&l, &t->sysroot);
	r = r ? r : take_text(&l, &t->verbose);
	while (r == 0 && l.left)
		r = still(&l);
	mp_close(&doc);
	return r;
}

/* A hit reads the record of the hot parts; all parts lie in one beside. */
static int
recall(const struct toolchain_in *in, const char *name, struct toolchain *t)
{
	char all[NAME_LEN];
	struct buf b = { 0 };
	const char *p;
	size_t n;
	int r;

	snprintf(all, sizeof(all), "%s%s", name, in->thorough ? ".all" : "");
	r = record_read(in->dirfd, all, 'i', VERSION, &b, &p, &n);
	if (r == 0)
		r = decode(t, p, n);
	buf_free(&b);
	if (r < 0)
		toolchain_release(t);
	return r;
}

static int
write_record(const struct toolchain_in *in, const char *name,
	     const struct toolchain *t, const struct parts *s, bool all)
{
	struct buf b = { 0 }, out = { 0 };
	char tmp[64];
	size_t n = 0;
	int r = -ENOMEM;

	for (size_t i = 0; i < s->n; i++)
		n += all || s->p[i].hot;
	mp_put_list(&b, (uint32_t)(4 + ID_FIELDS * n));
	mp_put_bin(&b, t->id.b, DIGEST_LEN);
	mp_put_str(&b, t->rustc);
	mp_put_str(&b, t->sysroot);
	mp_put_str(&b, t->verbose);
	for (size_t i = 0; i < s->n; i++)
		if (all || s->p[i].hot)
			put_id(&b, &s->p[i]);
	if (!b.failed)
		record_seal(&out, 'i', VERSION, b.p, b.len);
	snprintf(tmp, sizeof(tmp), "tmp/%d.%lld.id", (int)getpid(),
		 (long long)file_now());
	if (record_is_newer(in->dirfd, name, 'i', VERSION))
		r = ERR_NEWER;
	else if (!b.failed && !out.failed)
		r = file_publish(in->dirfd, tmp, name, out.p, out.len);
	buf_free(&b);
	buf_free(&out);
	return r;
}

static void
remember(const struct toolchain_in *in, const char *name,
	 const struct toolchain *t, const struct parts *s)
{
	char all[NAME_LEN];

	snprintf(all, sizeof(all), "%s.all", name);
	if (write_record(in, all, t, s, true) == 0)
		write_record(in, name, t, s, false);
}

/* The name as cargo gave it may be a link: it must lead to the same file. */
static int
note_name(const struct toolchain_in *in, struct parts *s)
{
	char *file = strchr(in->compiler, '/')
			     ? strdup(in->compiler)
			     : toolchain_which(in->compiler, in->path);
	struct file_id id;
	int r = file ? file_id_at(AT_FDCWD, file, &id) : -ENOMEM;

	if (r == 0)
		r = part_add(s, file, true, &id);
	if (r == 0)
		s->p[s->n - 1].dir = true;
	free(file);
	return r;
}

/* The toolchain of a driver, which must be that of the rustc beside it. */
static int
load_beside(const struct toolchain_in *in, struct toolchain *rustc)
{
	struct toolchain driver = { 0 };
	struct toolchain_in at = *in;
	char file[PATH_MAX];
	int r = resolve(in, &driver);

	if (r == 0 && snprintf(file, sizeof(file), "%s/bin/rustc",
			       driver.sysroot) >= (int)sizeof(file))
		r = ERR_REFUSED;
	at.compiler = file;
	at.driver = false;
	at.thorough = true;
	if (r == 0)
		r = toolchain_load(&at, rustc);
	if (r == 0 && strcmp(rustc->sysroot, driver.sysroot) != 0)
		r = ERR_REFUSED;
	toolchain_release(&driver);
	return r;
}

/* What the library is that it links the toolchain's own identity says. */
static int
hash_driver(struct toolchain *t, const struct toolchain *rustc, struct parts *s)
{
	struct digest_ctx c;
	int r = ERR_REFUSED;

	digest_init(&c);
	digest_str(&c, "kache-driver-1");
	digest_sub(&c, &rustc->id);
	for (size_t i = 0; i < s->n; i++)
		if (!s->p[i].dir && !strcmp(s->p[i].path, t->rustc)) {
			r = hash_part(&s->p[i]);
			digest_str(&c, s->p[i].path + strlen(t->sysroot));
			digest_sub(&c, &s->p[i].digest);
		}
	digest_end(&c, &t->id);
	return r;
}

static int
identify_driver(const struct toolchain_in *in, const char *name,
		const struct toolchain *rustc, struct toolchain *t)
{
	struct parts s = { 0 };
	int r = resolve(in, t);

	if (r == 0) {
		t->verbose = strdup(rustc->verbose);
		r = t->verbose ? note_name(in, &s) : -ENOMEM;
	}
	r = r ? r : collect(t, in->target, &s);
	r = r ? r : hash_driver(t, rustc, &s);
	if (r == 0)
		remember(in, name, t, &s);
	parts_free(&s);
	return r;
}

static int
identify(const struct toolchain_in *in, const char *name, struct toolchain *t)
{
	struct parts s = { 0 };
	struct buf text = { 0 };
	int r = resolve(in, t);

	if (r == 0)
		r = read_verbose(t->rustc, &text);
	if (r == 0) {
		t->verbose = text.p;
		r = note_name(in, &s);
		r = r ? r : collect(t, in->target, &s);
	} else {
		buf_free(&text);
	}
	if (r == 0)
		r = hash_all(t, &s);
	/* Not remembered is no failure: the next unit hashes again. */
	if (r == 0)
		remember(in, name, t, &s);
	parts_free(&s);
	return r;
}

/* What decides which compiler runs, before anything is looked up. */
static void
name_record(const struct toolchain_in *in, struct digest *d, char *name)
{
	const char *v[] = { in->compiler, in->rustup_toolchain, in->rustup_home,
			    in->target,
			    strchr(in->compiler, '/') ? NULL : in->path };
	struct digest_ctx c;

	digest_init(&c);
	digest_str(&c, "toolchain");
	for (size_t i = 0; i < sizeof(v) / sizeof(v[0]); i++)
		digest_str(&c, v[i] ? v[i] : "");
	digest_end(&c, d);
	memcpy(name, "ids/", 4);
	digest_hex(d, name + 4);
}

int
toolchain_load(const struct toolchain_in *in, struct toolchain *out)
{
	struct toolchain t = { 0 }, rustc = { 0 };
	char name[NAME_LEN];
	struct digest d;
	uint64_t lock;
	int r;

	name_record(in, &d, name);
	r = recall(in, name, &t);
	if (r < 0) {
		/* Before the lock: it takes one of its own. */
		int base = in->driver ? load_beside(in, &rustc) : 0;

		/* One process hashes, the others wait and then read. */
		lock = LOCK_BASE + d.b[0];
		file_lock(in->locks, lock, true, LOCK_WAIT_MS);
		r = base < 0 ? base : recall(in, name, &t);
		if (r < 0 && base == 0)
			r = in->driver ? identify_driver(in, name, &rustc, &t)
				       : identify(in, name, &t);
		file_unlock(in->locks, lock);
	}
	toolchain_release(&rustc);
	if (r < 0)
		toolchain_release(&t);
	else
		*out = t;
	return r;
}

void
toolchain_release(struct toolchain *t)
{
	free(t->rustc);
	free(t->sysroot);
	free(t->verbose);
	*t = (struct toolchain){ 0 };
}
