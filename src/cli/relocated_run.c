/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "cli/relocated_run.h"

#include "base/dir.h"
#include "base/err.h"
#include "base/file.h"
#include "rustc/relocatable.h"
#include "rustc/roots.h"
#include "store/rerun.h"
#include "store/store.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { TOPS = 6, WORDS_MAX = 4096, NO_PLACE = 120, POLL_MS = 50 };

/* Somebody wants us to end: the script must, too. */
static volatile sig_atomic_t ended;

static void
on_end(int sig)
{
	(void)sig;
	ended = 1;
}

/* The directories that stand somewhere else for the script. */
struct place {
	char base[PATH_MAX];
	char fresh[PATH_MAX]; /* what becomes OUT_DIR */
	char to[TOPS][PATH_MAX];
	struct roots from; /* the tops as they are */
	struct roots here; /* the same tags, where they will be */
};

static const char *
value_of(const struct buf *env, const char *name)
{
	size_t n = strlen(name);

	for (const char *p = env->p; p && p < env->p + env->len;
	     p += strlen(p) + 1)
		if (!strncmp(p, name, n) && p[n] == '=')
			return p + n + 1;
	return NULL;
}

static bool
is_below(const char *path, const char *dir, size_t n)
{
	return !strncmp(path, dir, n) && (path[n] == '/' || !path[n]);
}

static void
name_base(char base[PATH_MAX])
{
	snprintf(base, PATH_MAX, "/tmp/kache-elsewhere-%u",
		 (unsigned)geteuid());
}

/* A directory below another one moves with it. */
static void
add_top(struct place *p, const char *path)
{
	size_t n = path ? strlen(path) : 0, k = 0;

	while (n > 1 && path[n - 1] == '/')
		n--;
	if (n < 2 || path[0] != '/' || p->from.count == TOPS)
		return;
	for (size_t i = 0; i < p->from.count; i++)
		if (is_below(path, p->from.r[i].path, p->from.r[i].len))
			return;
	for (size_t i = 0; i < p->from.count; i++)
		if (!is_below(p->from.r[i].path, path, n))
			p->from.r[k++] = p->from.r[i];
	p->from.count = k;
	p->from.r[p->from.count++] = (struct root){ 0, 0, path, n, NULL };
}

/* A checkout gets a name of its own, also where it would move with the home:
 * what a script makes of that name must show. */
static void
add_checkout(struct place *p, const char *path)
{
	size_t n = path ? strlen(path) : 0;

	for (size_t i = 0; i < p->from.count; i++)
		if (p->from.r[i].len == n &&
		    !memcmp(p->from.r[i].path, path, n))
			return;
	if (n > 1 && path[0] == '/' && p->from.count < TOPS)
		p->from.r[p->from.count++] =
			(struct root){ 0, 0, path, n, NULL };
}

/* The same names each time: what is known of a toolchain is known by its
 * path. */
static int
choose_place(struct place *p, const struct rerun *r)
{
	static const char pad[] = "another-place-with-a-longer-name";

	add_top(p, value_of(&r->env, "HOME"));
	add_top(p, value_of(&r->env, "CARGO_HOME"));
	add_top(p, value_of(&r->env, "RUSTUP_HOME"));
	add_checkout(p, r->workspace.p);
	add_top(p, r->target.p);
	add_top(p, r->cwd.p);
	name_base(p->base);
	p->here.count = p->from.count;
	for (size_t i = 0; i < p->from.count; i++) {
		struct root *o = &p->from.r[i];
		int n = snprintf(p->to[i], PATH_MAX, "%s/%s-%zu", p->base, pad,
				 i);

		if ((size_t)n == o->len)
			n = snprintf(p->to[i], PATH_MAX, "%s/%s-%zu-", p->base,
				     pad, i);
		o->tag = (char)('A' + i);
		p->here.r[i] =
			(struct root){ o->tag, 0, p->to[i], (size_t)n, NULL };
	}
	return p->from.count ? 0 : ERR_MISS;
}

static int
make_directories(struct place *p)
{
	int r = 0;

	for (size_t i = 0; i < p->from.count && r == 0; i++)
		r = file_mkdirs(p->to[i], 0700);
	snprintf(p->fresh, sizeof(p->fresh), "%s/out-XXXXXX", p->base);
	if (r == 0 && !mkdtemp(p->fresh))
		r = -errno;
	return r;
}

/* TEXT as it is spelled in the other place; left to exit. */
static char *
moved(const struct place *p, const char *text)
{
	struct buf neutral = { 0 }, out = { 0 };

	if (!relocatable_is_text(text, strlen(text)))
		return strdup(text);
	relocatable_text(&p->from, text, strlen(text), &neutral);
	buf_add(&out, "", 0);
	relocatable_expand(&p->here, neutral.p ? neutral.p : "", neutral.len,
			   &out);
	return out.failed ? NULL : out.p ? out.p : strdup("");
}

static int
write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC), r;

	if (fd < 0)
		return -errno;
	r = file_write_fd(fd, text, strlen(text));
	close(fd);
	return r;
}

/* Who is not root needs a user namespace to mount anything. */
static int
unshare_all(void)
{
	unsigned uid = (unsigned)geteuid(), gid = (unsigned)getegid();
	char map[64];
	int r;

	if (uid == 0)
		return unshare(CLONE_NEWNS) < 0 ? -errno : 0;
	if (unshare(CLONE_NEWUSER | CLONE_NEWNS) < 0)
		return -errno;
	r = write_file("/proc/self/setgroups", "deny");
	snprintf(map, sizeof(map), "%u %u 1", uid, uid);
	r = r ? r : write_file("/proc/self/uid_map", map);
	snprintf(map, sizeof(map), "%u %u 1", gid, gid);
	return r ? r : write_file("/proc/self/gid_map", map);
}

static int
mount_all(const struct place *p, const char *out_dir)
{
	int r = unshare_all();

	if (r == 0 && mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		r = -errno;
	for (size_t i = 0; i < p->from.count && r == 0; i++)
		if (mount(p->from.r[i].path, p->to[i], NULL, MS_BIND | MS_REC,
			  NULL) < 0)
			r = -errno;
	if (r == 0 && mount(p->fresh, out_dir, NULL, MS_BIND, NULL) < 0)
		r = -errno;
	return r;
}

static char **
move_env(const struct place *p, const struct rerun *r, const char *store)
{
	char **env = calloc(WORDS_MAX + 2, sizeof(*env));
	size_t n = 0;

	for (const char *e = r->env.p;
	     env && e && e < r->env.p + r->env.len && n < WORDS_MAX;
	     e += strlen(e) + 1)
		if (strncmp(e, "KACHE_CACHE_DIR=", 16))
			env[n++] = moved(p, e);
	if (env && asprintf(&env[n], "KACHE_CACHE_DIR=%s", store) < 0)
		env[n] = NULL;
	return env;
}

/* The shim looks for the run in this place, does not find it, runs it
 * observed, and compares. */
static void be_script(const struct place *p, const struct rerun *r,
		      const char *store) __attribute__((noreturn));
static void
be_script(const struct place *p, const struct rerun *r, const char *store)
{
	char *wrapper = moved(p, value_of(&r->env, "RUSTC_WRAPPER"));
	char *words[] = { wrapper, moved(p, r->program.p), moved(p, r->argv0.p),
			  NULL };
	char *out = moved(p, r->out_dir.p), *cwd = moved(p, r->cwd.p);
	char **env = move_env(p, r, store);
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	int e;

	setsid();
	/* Whoever ends us ends the script. */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (!wrapper || !words[1] || !words[2] || !out || !cwd || !env ||
	    null < 0)
		_exit(1);
	e = mount_all(p, out);
	/* A workspace that is gone is no lack of rights. */
	if (e < 0)
		_exit(e == -ENOENT || e == -ENOTDIR ? 1 : NO_PLACE);
	for (int fd = 0; fd <= 2; fd++)
		dup2(null, fd);
	if (chdir(cwd) < 0)
		_exit(1);
	setpriority(PRIO_PROCESS, 0, 19);
	execvpe(wrapper, words, env);
	_exit(1);
}

static int
wait_for(pid_t pid, int64_t deadline)
{
	int status;

	for (;;) {
		pid_t got = waitpid(pid, &status, WNOHANG);

		if (got == pid)
			return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
		if (got < 0 && errno != EINTR)
			return 1;
		if (ended || file_monotonic() > deadline)
			kill(-pid, SIGKILL);
		usleep(POLL_MS * 1000);
	}
}

static void
clear_fresh(const char *dir)
{
	pid_t pid = fork();

	if (pid == 0) {
		execlp("rm", "rm", "-rf", "--", dir, (char *)NULL);
		_exit(127);
	}
	if (pid > 0)
		waitpid(pid, NULL, 0);
}

/* What one that was killed has left. */
static void
clear_old(const char *base)
{
	struct dir_names names;
	char path[PATH_MAX];

	if (dir_list(AT_FDCWD, base, 0, &names) < 0)
		return;
	for (size_t i = 0; i < names.count; i++)
		if (!strncmp(names.name[i], "out-", 4) &&
		    snprintf(path, sizeof(path), "%s/%s", base, names.name[i]) <
			    (int)sizeof(path))
			clear_fresh(path);
	dir_names_free(&names);
}

/* Private, and ours while we hold it: a descriptor, or -errno. */
static int
take_base(void)
{
	char base[PATH_MAX];
	struct stat st;
	int fd, r;

	name_base(base);
	r = file_mkdirs(base, 0700);
	if (r < 0)
		return r;
	fd = open(base, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return -errno;
	/* Somebody else's would be theirs to change. */
	if (fstat(fd, &st) < 0 || st.st_uid != geteuid() || (st.st_mode & 022))
		r = -EPERM;
	else if (flock(fd, LOCK_EX | LOCK_NB) < 0)
		r = -errno;
	if (r < 0) {
		close(fd);
		return r;
	}
	clear_old(base);
	return fd;
}

static int
run_one(struct relocated_run *e, const struct rerun *r)
{
	static struct place p;
	pid_t pid;
	int code;

	memset(&p, 0, sizeof(p));
	if (!value_of(&r->env, "RUSTC_WRAPPER") || choose_place(&p, r) < 0)
		return ERR_MISS;
	if (make_directories(&p) < 0)
		return -EPERM;
	pid = fork();
	if (pid == 0)
		be_script(&p, r, e->store);
	code = pid < 0 ? NO_PLACE : wait_for(pid, e->deadline);
	clear_fresh(p.fresh);
	if (code == NO_PLACE)
		return -EPERM;
	return code == 0 ? 0 : ERR_MISS;
}

struct walk {
	struct relocated_run *e;
	struct store *s;
};

static int
use(void *ctx, const struct digest *k1)
{
	struct walk *w = ctx;
	struct rerun r = { 0 };
	int code;

	if (ended || file_monotonic() > w->e->deadline)
		return 1;
	if (rerun_load(w->s, k1, &r) < 0)
		return 0;
	code = run_one(w->e, &r);
	rerun_release(&r);
	if (code == -EPERM) {
		w->e->error = code;
		return 1;
	}
	/* It was not given the time: another day. */
	if (ended || file_monotonic() > w->e->deadline)
		return 1;
	if (code == 0)
		w->e->ran++;
	else
		w->e->failed++;
	rerun_remove(w->s, k1);
	return 0;
}

int
relocated_run(struct relocated_run *e)
{
	struct walk w = { .e = e };
	struct sigaction act = { .sa_handler = on_end };
	struct store s;
	int r = store_open(&s, e->store), base;

	if (r < 0)
		return r;
	base = take_base();
	if (base >= 0) {
		sigaction(SIGTERM, &act, NULL);
		sigaction(SIGINT, &act, NULL);
		sigaction(SIGHUP, &act, NULL);
		w.s = &s;
		rerun_each(&s, use, &w);
		close(base);
	} else if (base != -EWOULDBLOCK) {
		e->error = base;
	}
	store_close(&s);
	return ended ? -EINTR : 0;
}
