/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "shim/session.h"

#include "base/spawn_detached.h"
#include "base/err.h"
#include "base/file.h"
#include "base/log.h"
#include "shim/compiler.h"
#include "shim/invocation.h"
#include "shim/upload_policy.h"
#include "shim/daemon_start.h"
#include "wire/client.h"
#include "wire/message.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

extern char **environ;

enum { LOCK_FILE_MAX = 16 << 20, MARKER = 22, NAME_HEX = 32 };

struct session {
	struct invocation *job;
	char workspace[4096];
	int fd; /* its marker */

	/* What the marker says; an empty one says nothing. */
	bool known;
	bool hinted;
	uint64_t told;
	int64_t active; /* ns since 1970 */
};

/* The value of cargo's --manifest-path, or NULL.  Behind "--" stand words for
 * a program. */
static const char *
manifest_path(const struct buf *cmdline)
{
	static const char name[] = "--manifest-path";
	const char *p = cmdline->p, *end = p + cmdline->len;
	size_t n = sizeof(name) - 1;

	for (; p && p < end && strcmp(p, "--"); p += strlen(p) + 1) {
		if (strncmp(p, name, n))
			continue;
		if (p[n] == '=')
			return p + n + 1;
		if (!p[n])
			return p + n + 1 < end ? p + n + 1 : NULL;
	}
	return NULL;
}

/* cargo itself went where -C says, so CWD is right with it, too. */
int
session_start_dir(const char *cwd, const struct buf *cmdline, char *out,
		  size_t room)
{
	const char *path = manifest_path(cmdline);
	char *slash;
	int n;

	if (!path || !*path)
		n = snprintf(out, room, "%s", cwd);
	else if (path[0] == '/')
		n = snprintf(out, room, "%s", path);
	else
		n = snprintf(out, room, "%s/%s", cwd, path);
	if (n >= (int)room)
		return ERR_TOOBIG;
	slash = strrchr(out, '/');
	if (path && *path && slash)
		slash[slash == out] = '\0';
	return 0;
}

static bool
go_up(char *dir)
{
	char *slash = strrchr(dir, '/');

	if (!slash || !dir[1])
		return false;
	slash[slash == dir] = '\0';
	return true;
}

/* DIR becomes the nearest directory from it upwards with a Cargo.lock. */
static bool
find_lock(char *dir)
{
	char path[4200];

	do {
		snprintf(path, sizeof(path), "%s/Cargo.lock", dir);
		if (access(path, F_OK) == 0)
			return true;
	} while (go_up(dir));
	return false;
}

/* CWD, from the kernel, is without links; START may be somebody's words. */
static bool
resolve(struct session *s, const char *cwd, const char *start)
{
	if (strcmp(cwd, start))
		return realpath(start, s->workspace) != NULL;
	memcpy(s->workspace, cwd, strlen(cwd) + 1);
	return true;
}

static bool
find_workspace(struct session *s)
{
	struct invocation *j = s->job;
	char proc[64], cwd[4096], start[4096];
	ssize_t n;

	snprintf(proc, sizeof(proc), "/proc/%d/cwd", j->trust.pid);
	n = readlink(proc, cwd, sizeof(cwd) - 1);
	if (n > 0 && cwd[0] == '/') {
		cwd[n] = '\0';
		if (session_start_dir(cwd, &j->trust.cmdline, start,
				      sizeof(start)) == 0 &&
		    resolve(s, cwd, start) && find_lock(s->workspace))
			return true;
	}
	snprintf(s->workspace, sizeof(s->workspace), "%s", j->cwd);
	return s->workspace[0] == '/' && find_lock(s->workspace);
}

static int
open_marker(struct session *s)
{
	enum { FLAGS = O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW };
	char hex[DIGEST_HEX + 1], name[STORE_NAME];
	int dir = s->job->store.dir;
	struct digest d;

	digest_bytes(s->workspace, strlen(s->workspace), &d);
	digest_hex(&d, hex);
	snprintf(name, sizeof(name), "sessions/%.*s", NAME_HEX, hex);
	s->fd = openat(dir, name, FLAGS, 0600);
	if (s->fd < 0 && errno == ENOENT) {
		mkdirat(dir, "sessions", 0700);
		s->fd = openat(dir, name, FLAGS, 0600);
	}
	return s->fd < 0 ? -errno : 0;
}

static void
read_marker(struct session *s)
{
	char text[MARKER + 1] = { 0 }, want[MARKER + 1];
	struct stat st;
	unsigned hinted;

	s->known = s->hinted = false;
	s->told = 0;
	if (fstat(s->fd, &st) < 0 || pread(s->fd, text, MARKER, 0) != MARKER)
		return;
	s->active =
		st.st_mtim.tv_sec * INT64_C(1000000000) + st.st_mtim.tv_nsec;
	s->told = strtoull(text + 3, NULL, 16);
	hinted = text[MARKER - 2] == '1';
	snprintf(want, sizeof(want), "v1 %016" PRIx64 " %u\n", s->told, hinted);
	s->known = !strcmp(text, want);
	s->hinted = s->known && hinted;
}

static void
write_marker(struct session *s, bool hinted)
{
	char text[MARKER + 1];

	snprintf(text, sizeof(text), "v1 %016" PRIx64 " %u\n",
		 s->job->trust.session, hinted);
	/* A marker that cannot be written makes us tell again. */
	if (pwrite(s->fd, text, MARKER, 0) != MARKER)
		log_msg(LOG_INFO, "sessions: %s", strerror(errno));
}

/* A clock that stepped back makes a new session, too. */
static bool
is_fresh(const struct session *s)
{
	const struct config_value *v = s->job->config.v;
	int64_t age = file_now() - s->active;

	return s->known && age > -INT64_C(1000000000) &&
	       age < config_nanoseconds(&v[CONFIG_PREFETCH_COOLDOWN]);
}

/*
 * A session is known by the compiler for this machine, which queries are for;
 * a unit for another target has an identity with that target's libraries.
 * cargo clippy compiles with rustc as well: it is one session with both.
 */
static void
host_toolchain(struct invocation *j, struct digest *id)
{
	struct toolchain host = { 0 };
	const char *rustc = j->argv[1];
	char beside[4200];

	*id = j->toolchain.id;
	if (j->compiler->beside) {
		snprintf(beside, sizeof(beside), "%s/bin/rustc",
			 j->toolchain.sysroot);
		rustc = beside;
	}
	if ((j->compiler->beside || j->args.target) &&
	    invocation_toolchain(j, rustc, NULL, false, &host) == 0)
		*id = host.id;
}

static void
lock_digest(const struct session *s, struct digest *out)
{
	struct buf b = { 0 };
	char path[4200];

	memset(out, 0, sizeof(*out));
	snprintf(path, sizeof(path), "%s/Cargo.lock", s->workspace);
	if (file_read(AT_FDCWD, path, LOCK_FILE_MAX, &b) == 0)
		digest_bytes(b.p ? b.p : "", b.len, out);
	buf_free(&b);
}

static unsigned
flags_of(const struct session *s)
{
	unsigned flags = 0;

	if (upload_policy_wanted(s->job))
		flags |= MESSAGE_SESSION_WRITES;
	if (is_fresh(s))
		flags |= MESSAGE_SESSION_CONTINUES;
	return flags;
}

/* 0: the daemon has it. */
static int
tell(struct session *s, const struct digest *toolchain)
{
	struct message m = { .type = MESSAGE_SESSION };
	struct invocation *j = s->job;
	char path[4200];
	int r;

	m.session.session = j->trust.session;
	m.session.pid = (uint64_t)j->trust.pid;
	m.session.workspace.p = s->workspace;
	m.session.workspace.n = strlen(s->workspace);
	lock_digest(s, &m.session.lock);
	m.session.toolchain = *toolchain;
	m.session.flags = flags_of(s);
	r = config_socket(&j->config, j->cache_dir, path, sizeof(path));
	r = r ? r : client_note(path, &m);
	/* Within a build session it ran before and left: hits alone are no
	 * reason to start it again, and who misses does so anyway. */
	if (r == ERR_MISS && !is_fresh(s))
		daemon_start(j);
	log_msg(LOG_DEBUG, "session %016" PRIx64 ": %s: %s", j->trust.session,
		s->workspace, r ? err_text(r) : "told");
	return r;
}

/* What cargo was started with: an [env] table sets nothing for it. */
static char **
cargo_env(const struct cargo_env *t)
{
	char *p = t->env.p, *end = p + t->env.len;
	size_t n = 1, k = 0;
	char **env;

	for (size_t i = 0; i < t->env.len; i++)
		n += p[i] == '\0';
	env = t->readable ? calloc(n + 1, sizeof(*env)) : NULL;
	for (; env && p && p < end; p += strlen(p) + 1)
		env[k++] = p;
	return env;
}

/* The helper finds out what will be needed; TELL: flags of a SESSION that no
 * daemon was there for, which it sends first. */
static void
start_hint(struct session *s, const struct digest *toolchain, bool told)
{
	char id[24], pid[16], hex[DIGEST_HEX + 1], flags[16], path[PATH_MAX];
	struct invocation *j = s->job;
	char *argv[] = { (char *)"kache",
			 (char *)"plan-hint",
			 (char *)"--session",
			 id,
			 (char *)"--pid",
			 pid,
			 (char *)"--workspace",
			 s->workspace,
			 (char *)"--toolchain",
			 hex,
			 told ? NULL : (char *)"--tell",
			 flags,
			 NULL };
	char **env = cargo_env(&j->trust);
	int r = env ? spawn_detached_beside("kache", path, sizeof(path))
		    : -ENOMEM;

	snprintf(id, sizeof(id), "%" PRIu64, j->trust.session);
	snprintf(pid, sizeof(pid), "%d", j->trust.pid);
	snprintf(flags, sizeof(flags), "%u", flags_of(s));
	digest_hex(toolchain, hex);
	if (r == 0)
		r = spawn_detached(path, argv, env);
	if (r < 0)
		log_msg(LOG_DEBUG, "plan-hint: %s", err_text(r));
	free(env);
}

static void
say(struct session *s, bool miss)
{
	bool was_told = s->known && s->told == s->job->trust.session;
	bool hinted = s->hinted && (was_told || is_fresh(s));
	bool hint = miss && !hinted && config_remote_reads(&s->job->config);
	struct digest toolchain;
	bool told = was_told;

	if (was_told && !hint)
		return;
	host_toolchain(s->job, &toolchain);
	if (!told)
		told = tell(s, &toolchain) == 0;
	/* One that was not told is told at the next miss, unless the helper
	 * can do it. */
	if (told || hint)
		write_marker(s, hinted || hint);
	file_unlock(s->fd, 0);
	if (hint)
		start_hint(s, &toolchain, told);
}

static void
look(struct invocation *j, bool miss)
{
	struct session s = { .job = j, .fd = -1 };

	if (!j->trust.session || j->trust.pid <= 0 ||
	    !config_remote(&j->config) ||
	    !j->config.v[CONFIG_PREFETCH_ENABLED].num || !find_workspace(&s) ||
	    open_marker(&s) < 0)
		return;
	read_marker(&s);
	if (s.told == j->trust.session && (s.hinted || !miss)) {
		futimens(s.fd, NULL);
	} else if (file_lock(s.fd, 0, true, 0) == 0) {
		/* Whoever holds the lock does it; nobody waits. */
		read_marker(&s);
		say(&s, miss);
	}
	close(s.fd);
}

void
session_query(struct invocation *j)
{
	look(j, false);
}

void
session_miss(struct invocation *j)
{
	look(j, true);
}
