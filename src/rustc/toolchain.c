/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "rustc/toolchain.h"

#include "base/buf.h"
#include "base/err.h"
#include "base/file.h"
#include "base/mp.h"
#include "base/record_type.h"
#include "rustc/toolchain_files.h"
#include "rustc/file_states.h"
#include "rustc/which.h"

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
	HASHED_MIN = 3,
	VERBOSE_MAX = 8192,
	LOCK_BASE = 0x10000000,
	LOCK_WAIT_MS = 120000,
	NAME_LEN = 4 + DIGEST_HEX + 8
};

static char *
behind_proxy(const struct toolchain_in *in, struct file_states *notes)
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
	return n < (int)sizeof(file) ? which_real(file, notes) : NULL;
}

/* NOTES gets what the answer depends on, besides the words of IN. */
static int
resolve_compiler(const struct toolchain_in *in, struct toolchain *t,
		 struct file_states *notes)
{
	char *slash;

	t->rustc = which_file(in->compiler, in->path, notes);
	if (t->rustc && which_is_proxy(t->rustc, notes)) {
		free(t->rustc);
		t->rustc = behind_proxy(in, notes);
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
		if (dup2(fds[1], 1) < 0)
			_exit(127);
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

static bool
is_driver(const char *name)
{
	return !strncmp(name, "librustc_driver", 15);
}

static int
add_file(struct file_states *s, const char *path, bool hot)
{
	struct file_state *p;
	int r = file_states_add(s, path, FILE_STATE_STAT, &p);

	if (r < 0)
		return r;
	p->hot = hot || !S_ISREG(p->id.mode);
	p->hash = S_ISREG(p->id.mode);
	p->name = true;
	return 0;
}

/* What a link holds can be asked for as well. */
static int
add_link(struct file_states *s, const char *path)
{
	struct file_state *p;
	int r = file_states_add(s, path, FILE_STATE_LINK, &p);

	if (r == 0)
		p->name = true;
	return r;
}

/* What DIR, which lies LEVEL below H, holds of the toolchain.  The directory
 * itself tells when a name comes or goes. */
static int
add_dir(struct file_states *s, const char *dir, const struct holding *h,
	int level)
{
	DIR *d = opendir(dir);
	struct file_state *p = NULL;
	struct dirent *e;
	int r;

	if (!d && errno != ENOENT)
		return -errno;
	/* The directory above tells when it comes, or add_lacks. */
	if (!d && h->own && strcmp(h->dir, "lib"))
		return 0;
	r = file_states_add(s, dir, FILE_STATE_STAT, &p);
	if (p) {
		p->hot = true;
		p->name = level > 0;
	}
	for (e = d ? readdir(d) : NULL; e && r == 0; e = readdir(d)) {
		char path[PATH_MAX];
		struct stat st;

		if (!toolchain_files_take(h, e->d_name, level))
			continue;
		if (snprintf(path, sizeof(path), "%s/%s", dir, e->d_name) >=
		    (int)sizeof(path))
			r = -ENAMETOOLONG;
		else if (e->d_type == DT_LNK || e->d_type == DT_UNKNOWN)
			r = add_link(s, path);
		if (r == 0 && level < h->depth && stat(path, &st) == 0 &&
		    S_ISDIR(st.st_mode))
			r = add_dir(s, path, h, level + 1);
		else if (r == 0)
			r = add_file(s, path, is_driver(e->d_name));
	}
	if (d)
		closedir(d);
	return r;
}

#define RUSTLIB "lib/rustlib"

static int
add_lacks(struct toolchain *t, struct file_states *s)
{
	char path[PATH_MAX];
	struct file_state *p;
	int r;

	if (snprintf(path, sizeof(path), "%s/" RUSTLIB, t->sysroot) >=
	    (int)sizeof(path))
		return -ENAMETOOLONG;
	r = file_states_add(s, path, FILE_STATE_STAT, &p);
	if (r == 0)
		p->hot = true;
	for (unsigned i = 0; i < TOOLCHAIN_FILES_LACKS && r == 0; i++) {
		if (snprintf(path, sizeof(path), "%s/%s", t->sysroot,
			     toolchain_files_lack(i)) >= (int)sizeof(path))
			return -ENAMETOOLONG;
		r = file_states_add(s, path, FILE_STATE_STAT, &p);
		if (r < 0)
			break;
		if (!p->id.mode) {
			/* Others the directory itself tells of. */
			p->hot = strncmp(toolchain_files_lack(i), RUSTLIB "/",
					 sizeof(RUSTLIB));
			t->lacks |= 1u << i;
		} else {
			/* It may come and go: then it is asked for. */
			free(p->path);
			s->n--;
		}
	}
	return r;
}

static size_t
count_hashed(const struct file_states *s)
{
	size_t n = 0;

	for (size_t i = 0; i < s->n; i++)
		n += s->p[i].hash;
	return n;
}

/* A compiler without a library beside it is a script that leads elsewhere. */
static int
collect_files(struct toolchain *t, struct file_states *s)
{
	struct holding h[TOOLCHAIN_FILES_MAX];
	size_t n = toolchain_files_of(t->verbose, t->target, h);
	char dir[PATH_MAX];
	int r = n ? add_file(s, t->rustc, true) : ERR_REFUSED;

	for (size_t i = 0; i < n && r == 0; i++) {
		if (snprintf(dir, sizeof(dir), "%s/%s", t->sysroot, h[i].dir) >=
		    (int)sizeof(dir))
			return -ENAMETOOLONG;
		r = add_dir(s, dir, &h[i], 0);
	}
	if (r == 0 && count_hashed(s) < HASHED_MIN)
		r = ERR_REFUSED;
	return r ? r : add_lacks(t, s);
}

bool
toolchain_holds(const struct toolchain *t, const char *path)
{
	size_t n = strlen(t->sysroot), count;
	struct holding h[TOOLCHAIN_FILES_MAX];

	if (!strcmp(path, t->rustc))
		return true;
	if (strncmp(path, t->sysroot, n) || path[n] != '/')
		return false;
	count = toolchain_files_of(t->verbose, t->target, h);
	return toolchain_files_cover(h, count, path + n + 1) ||
	       toolchain_files_lacked(t->lacks, path + n + 1);
}

static int
hash_part(struct file_state *p)
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

static int
by_path(const void *a, const void *b)
{
	const struct file_state *x = a, *y = b;
	int d = strcmp(x->path, y->path);

	return d ? d : (int)x->how - (int)y->how;
}

/* What can be asked of a name besides its bytes. */
static void
fold_name(struct digest_ctx *c, const struct file_state *p, const char *name)
{
	digest_str(c, name);
	digest_u64(c, p->how);
	digest_u64(c, p->how == FILE_STATE_LINK
			      ? p->id.size
			      : p->id.mode & (S_IFMT | S_IXUSR));
	if (p->how == FILE_STATE_LINK)
		digest_u64(c, p->id.dev);
}

/* Names are relative to the sysroot: no two machines have the same one. */
static int
hash_all(struct toolchain *t, struct file_states *s)
{
	size_t skip = strlen(t->sysroot);
	struct digest_ctx c;
	int r = 0;

	qsort(s->p, s->n, sizeof(*s->p), by_path);
	digest_init(&c);
	digest_str(&c, "kache-toolchain-2");
	digest_str(&c, t->verbose);
	digest_u64(&c, t->lacks);
	for (size_t i = 0; i < s->n && r == 0; i++) {
		struct file_state *p = &s->p[i];

		if (!p->name)
			continue;
		fold_name(&c, p, p->path + skip);
		if (!p->hash)
			continue;
		r = hash_part(p);
		digest_sub(&c, &p->digest);
	}
	digest_end(&c, &t->id);
	return r;
}

static const struct record_field fields[] = {
	RECORD_FIELD(DIGEST, toolchain, id, 0),
	RECORD_FIELD(STRING, toolchain, rustc, 0),
	RECORD_FIELD(STRING, toolchain, sysroot, 0),
	RECORD_FIELD(STRING, toolchain, verbose, 0),
	RECORD_FIELD(U32, toolchain, lacks, 0),
	RECORD_LAST,
};

/* A toolchain and the names that led to it, with their states. */
struct known {
	struct toolchain toolchain; /* first: the fields are its members */
	const struct file_states *states[2];
	bool all;
};

static uint32_t
put_states(struct buf *b, const void *known)
{
	const struct known *k = known;
	uint32_t n = 0;

	for (size_t i = 0; i < 2; i++)
		for (size_t s = 0; s < k->states[i]->n; s++) {
			const struct file_state *p = &k->states[i]->p[s];

			if (!k->all && !p->hot)
				continue;
			file_states_put(b, p);
			n += FILE_STATE_FIELDS;
		}
	return n;
}

static int
check_states(struct mp_list *l, void *known)
{
	int r = 0;

	(void)known;
	while (r == 0 && l->left)
		r = file_states_still(l);
	return r;
}

static const struct record_type type = {
	.letter = 'i',
	.version = 1,
	.fields = fields,
	.put_rest = put_states,
	.take_rest = check_states,
};

/* Of a specification in a file nothing lies below the sysroot. */
static int
take_target(const struct toolchain_in *in, struct toolchain *t)
{
	if (!in->target || strchr(in->target, '/'))
		return 0;
	t->target = strdup(in->target);
	return t->target ? 0 : -ENOMEM;
}

/* A hit reads the record of the hot parts; all parts lie in one beside. */
static int
recall(const struct toolchain_in *in, const char *name, struct toolchain *t)
{
	char all[NAME_LEN];
	int r;

	snprintf(all, sizeof(all), "%s%s", name, in->thorough ? ".all" : "");
	r = record_load(in->dirfd, all, &type, t);
	r = r ? r : take_target(in, t);
	if (r < 0)
		toolchain_release(t);
	return r;
}

static int
write_record(const struct toolchain_in *in, const char *name,
	     const struct toolchain *t, const struct file_states s[2], bool all)
{
	struct known k = { *t, { &s[0], &s[1] }, all };
	char tmp[64];

	snprintf(tmp, sizeof(tmp), "tmp/%d.%lld.id", (int)getpid(),
		 (long long)file_now());
	return record_save(in->dirfd, tmp, name, &type, &k);
}

/* S: the names that led to the toolchain, and what it holds. */
static void
remember(const struct toolchain_in *in, const char *name,
	 const struct toolchain *t, const struct file_states s[2])
{
	char all[NAME_LEN];

	snprintf(all, sizeof(all), "%s.all", name);
	if (write_record(in, all, t, s, true) == 0)
		write_record(in, name, t, s, false);
}

/* The toolchain of a driver, which must be that of the rustc beside it. */
static int
load_beside(const struct toolchain_in *in, struct toolchain *rustc)
{
	struct toolchain driver = { 0 };
	struct toolchain_in at = *in;
	struct file_states notes = { 0 };
	char file[PATH_MAX];
	int r = resolve_compiler(in, &driver, &notes);

	file_states_free(&notes);
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
hash_driver(struct toolchain *t, const struct toolchain *rustc,
	    struct file_states *s)
{
	struct digest_ctx c;
	int r = ERR_REFUSED;

	digest_init(&c);
	digest_str(&c, "kache-driver-1");
	digest_sub(&c, &rustc->id);
	for (size_t i = 0; i < s->n; i++)
		if (s->p[i].hash && !strcmp(s->p[i].path, t->rustc)) {
			r = hash_part(&s->p[i]);
			digest_str(&c, s->p[i].path + strlen(t->sysroot));
			digest_sub(&c, &s->p[i].digest);
		}
	digest_end(&c, &t->id);
	return r;
}

static int
identify_driver(struct toolchain *t, const struct toolchain *rustc,
		struct file_states *s)
{
	int r;

	t->verbose = strdup(rustc->verbose);
	r = t->verbose ? collect_files(t, s) : -ENOMEM;
	return r ? r : hash_driver(t, rustc, s);
}

static int
identify_rustc(struct toolchain *t, struct file_states *s)
{
	struct buf text = { 0 };
	int r = read_verbose(t->rustc, &text);

	if (r < 0) {
		buf_free(&text);
		return r;
	}
	t->verbose = text.p;
	r = collect_files(t, s);
	return r ? r : hash_all(t, s);
}

/* RUSTC: what a driver is beside, or NULL. */
static int
identify(const struct toolchain_in *in, const char *name,
	 const struct toolchain *rustc, struct toolchain *t)
{
	struct file_states s[2] = { { 0 }, { 0 } };
	int r = take_target(in, t);

	r = r ? r : resolve_compiler(in, t, &s[0]);
	if (r == 0)
		r = rustc ? identify_driver(t, rustc, &s[1])
			  : identify_rustc(t, &s[1]);
	/* Not remembered is no failure: the next unit hashes again. */
	if (r == 0)
		remember(in, name, t, s);
	file_states_free(&s[0]);
	file_states_free(&s[1]);
	return r;
}

/* What decides which compiler runs, before anything is looked up. */
static void
name_record(const struct toolchain_in *in, struct digest *d, char *name)
{
	const char *v[] = { in->compiler, in->rustup_toolchain, in->rustup_home,
			    in->target,
			    strchr(in->compiler, '/') ? NULL : in->path };
	char cwd[PATH_MAX];
	struct digest_ctx c;

	digest_init(&c);
	digest_str(&c, "toolchain-2");
	if (which_is_relative(in->compiler, in->path) &&
	    getcwd(cwd, sizeof(cwd)))
		digest_str(&c, cwd);
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
			r = identify(in, name, in->driver ? &rustc : NULL, &t);
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
	free(t->target);
	*t = (struct toolchain){ 0 };
}
