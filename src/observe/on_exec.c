/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "observe/on.h"

#include <fcntl.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "observe/childdir.h"
#include "observe/childenv.h"
#include "observe/dispatch_thread.h"
#include "observe/emit.h"
#include "observe/exec_check.h"
#include "observe/note.h"
#include "observe/obs.h"
#include "observe/on_exec.h"
#include "observe/on_open.h"
#include "observe/on_stat.h"
#include "observe/rawsys.h"
#include "observe/realsym.h"
#include "observe/recorder.h"

#define PATH_BYTES 4096
/* Arguments of execl on the stack; more of them get a mapping. */
#define LIST_MAX 32768
#define SHELL "/bin/sh"

extern char **__environ __attribute__((weak));

FILE *_IO_popen(const char *command, const char *mode);

/* A program about to run. */
struct launch {
	struct emit_name name; /* as given */
	struct emit_name file; /* as found; name "": not found */
	int reason;            /* enum obs_reason, or 0: seen */
	int silent;            /* not worth a word */
	struct childenv env;
};

static char **
own_environment(void)
{
	return &__environ ? __environ : NULL;
}

static void
emit_launch(const struct launch *l, unsigned type, uint32_t aux)
{
	struct emit e = { .type = (uint16_t)type, .aux = aux, .n = 2 };

	if (l->silent)
		return;
	e.names[0] = l->name;
	e.names[1] = l->file;
	emit_always(&e);
}

static void
decide(struct launch *l, const char *file, char *const *envp)
{
	int rc = file ? exec_check_check(file) : -ENOENT;

	l->reason = rc > 0 ? rc : 0;
	l->silent = 0;
	l->env.map = NULL;
	l->env.env = (char **)envp;
	if (rc != 0)
		return;
	if (childenv_make(&l->env, envp) != 0) {
		l->env.env = (char **)envp;
		l->reason = OBS_UNREADABLE;
	}
}

/*
 * Prepares a launch of `name`, searched along PATH if `search`.  `found` has
 * PATH_BYTES.  0: not observed, call the real function as it is.
 */
static int
prepare(struct launch *l, const char *name, int search, char *found,
	char *const *envp)
{
	const char *file;

	if (!recorder_on() || !name ||
	    rawsys4(SYS_faccessat, AT_FDCWD, (long)name, F_OK, 0) == -EFAULT)
		return 0;
	file = search ? exec_check_find(name, found) : name;
	l->name = (struct emit_name){ AT_FDCWD, name };
	if (file == found)
		l->name.dirfd = EMIT_PLAIN;
	l->file = (struct emit_name){ file ? AT_FDCWD : EMIT_PLAIN,
				      file ? file : "" };
	if (!file)
		l->name.dirfd = EMIT_PLAIN;
	decide(l, file, envp);
	return 1;
}

static int
ends_word(char c)
{
	return c == '\0' || c == ',' || c == ' ' || c == '+' || c == '"' ||
	       c == '\'';
}

/* What may stand before "=native". */
static int
names_cpu(const char *arg, size_t end)
{
	static const char words[][5] = { "arch", "tune", "-cpu", "mcpu" };
	size_t i;

	for (i = 0; end >= 4 && i < sizeof(words) / sizeof(*words); i++)
		if (rawsys_equal(arg + end - 4, words[i], 4))
			return 1;
	return 0;
}

/*
 * -march=native, -C target-cpu=native and their likes, alone or within
 * another argument (-Wl,...); a list of CPUs, which names the own one; a file
 * of arguments may hold anything.
 */
static int
asks_for_cpu(const char *arg)
{
	size_t i;

	if (arg[0] == '@' || rawsys_same(arg, "target-cpus"))
		return 1;
	for (i = 0; arg[i] != '\0'; i++)
		if (arg[i] == '=' &&
		    ((rawsys_starts(arg + i, "=native") &&
		      ends_word(arg[i + 7]) && names_cpu(arg, i)) ||
		     rawsys_starts(arg + i, "=target-cpus")))
			return 1;
	return 0;
}

/*
 * libtool ends each installation with `ldconfig -n DIR`, which is static: it
 * looks at nothing but the libraries there and makes the links that libtool
 * made before.
 */
static int
is_harmless(const char *file, char *const argv[])
{
	if (!rawsys_same(file, "/sbin/ldconfig") &&
	    !rawsys_same(file, "/usr/sbin/ldconfig"))
		return 0;
	for (; argv && *argv; argv++)
		if (rawsys_same(*argv, "-n"))
			return 1;
	return 0;
}

#define WORD(w) w,
static const char *const time_words[] = {
#include "observe/times.def"
};

static int
is_gap(char c)
{
	return c == '\0' || c == ' ' || c == '\t' || c == '\n' || c == ';';
}

/* -nt or -ot, alone or between blanks. */
static int
is_comparison(const char *arg, size_t at)
{
	return (rawsys_starts(arg + at, "-nt") ||
		rawsys_starts(arg + at, "-ot")) &&
	       is_gap(arg[at + 3]) && (at == 0 || is_gap(arg[at - 1]));
}

/* Whether the program is told to look at the times of files. */
static int
asks_for_times(const char *arg)
{
	size_t at, i;

	if (rawsys_same(arg, "-ls") || rawsys_same(arg, "-fls"))
		return 1;
	for (at = 0; arg[at] != '\0'; at++) {
		if (is_comparison(arg, at))
			return 1;
		for (i = 0; i < sizeof(time_words) / sizeof(*time_words); i++)
			if (arg[at] == time_words[i][0] &&
			    rawsys_starts(arg + at, time_words[i]))
				return 1;
	}
	return 0;
}

static void
say(unsigned type)
{
	struct emit e = { .type = (uint16_t)type };

	emit_once(&e);
}

static void
look_at_arguments(struct launch *l, char *const argv[])
{
	if (l->reason == OBS_STATIC && l->file.name &&
	    is_harmless(l->file.name, argv)) {
		l->reason = 0;
		l->silent = 1;
	}
	for (; argv && *argv; argv++) {
		if (asks_for_cpu(*argv))
			say(OBS_NATIVE);
		if (asks_for_times(*argv))
			say(OBS_TOLD_TIMES);
	}
}

static void
failed(struct launch *l)
{
	emit_launch(l, OBS_EXEC_FAIL, (uint32_t)on_errno());
	childenv_drop(&l->env);
}

int
on_execve(const char *name, char *const argv[], char *const envp[])
{
	struct launch l;
	int rc;

	if (!prepare(&l, name, 0, NULL, envp))
		return REAL(execve)(name, argv, envp);
	look_at_arguments(&l, argv);
	emit_launch(&l, OBS_EXEC, (uint32_t)l.reason);
	rc = REAL(execve)(name, argv, l.env.env);
	failed(&l);
	return rc;
}

static int
search_and_exec(const char *name, char *const argv[], char *const envp[])
{
	char found[PATH_BYTES];
	struct launch l;
	int rc;

	if (!prepare(&l, name, 1, found, envp))
		return REAL(execvpe)(name, argv, envp);
	look_at_arguments(&l, argv);
	/* libc hands a file without a known head to the shell. */
	if (l.reason == OBS_NO_PROGRAM && exec_check_check(SHELL) == 0 &&
	    childenv_make(&l.env, envp) == 0)
		l.reason = 0;
	emit_launch(&l, OBS_EXEC, (uint32_t)l.reason);
	rc = REAL(execvpe)(name, argv, l.env.env);
	failed(&l);
	return rc;
}

EXPORT int
execve(const char *name, char *const argv[], char *const envp[])
{
	return on_execve(name, argv, envp);
}

EXPORT int
execv(const char *name, char *const argv[])
{
	return on_execve(name, argv, own_environment());
}

EXPORT int
execvp(const char *name, char *const argv[])
{
	return search_and_exec(name, argv, own_environment());
}

EXPORT int
execvpe(const char *name, char *const argv[], char *const envp[])
{
	return search_and_exec(name, argv, envp);
}

/* fexecve and execveat: the file may be known by its descriptor alone. */
int
on_execveat(int dirfd, const char *name, char *const argv[], char *const envp[],
	    int flags)
{
	char file[64];
	struct launch l;
	int rc;

	if (!recorder_on() || !name ||
	    rawsys4(SYS_faccessat, AT_FDCWD, (long)name, F_OK, 0) == -EFAULT)
		return REAL(execveat)(dirfd, name, argv, envp, flags);
	l.name = (struct emit_name){ dirfd, name };
	l.file = l.name;
	if (name[0] == '\0' && dirfd >= 0) {
		on_exec_fd_name(dirfd, file);
		decide(&l, file, envp);
	} else if (name[0] == '/' || dirfd == AT_FDCWD) {
		decide(&l, name, envp);
	} else {
		decide(&l, NULL, envp);
		l.reason = OBS_NO_DIRECTORY;
	}
	look_at_arguments(&l, argv);
	emit_launch(&l, OBS_EXEC, (uint32_t)l.reason);
	rc = REAL(execveat)(dirfd, name, argv, l.env.env, flags);
	failed(&l);
	return rc;
}

void
on_exec_fd_name(int fd, char name[64])
{
	char digits[12], *p = rawsys_put(name, "/proc/self/fd/", 14);
	int i = 0;

	do {
		digits[i++] = (char)('0' + fd % 10);
		fd /= 10;
	} while (fd > 0);
	while (i > 0)
		*p++ = digits[--i];
	*p = '\0';
}

EXPORT int
execveat(int dirfd, const char *name, char *const argv[], char *const envp[],
	 int flags)
{
	return on_execveat(dirfd, name, argv, envp, flags);
}

EXPORT int
fexecve(int fd, char *const argv[], char *const envp[])
{
	char file[64];
	struct launch l;
	int rc;

	if (!recorder_on() || fd < 0)
		return REAL(fexecve)(fd, argv, envp);
	l.name = (struct emit_name){ fd, NULL };
	l.file = l.name;
	on_exec_fd_name(fd, file);
	decide(&l, file, envp);
	look_at_arguments(&l, argv);
	emit_launch(&l, OBS_EXEC, (uint32_t)l.reason);
	rc = REAL(fexecve)(fd, argv, l.env.env);
	failed(&l);
	return rc;
}

static size_t
count_list(va_list args)
{
	size_t n = 1;

	while (va_arg(args, char *))
		n++;
	return n;
}

/*
 * Collects the arguments of an execl call and runs it.  `with_env`: an
 * environment follows the list's NULL.
 */
static int
exec_list(const char *name, const char *arg, va_list args, int search,
	  int with_env)
{
	size_t n, i;
	va_list again;
	char **envp = own_environment();

	va_copy(again, args);
	n = arg ? count_list(again) : 0;
	va_end(again);
	if (n > LIST_MAX) {
		*__errno_location() = E2BIG;
		return -1;
	}
	{
		char **argv = __builtin_alloca((n + 1) * sizeof(*argv));

		argv[0] = (char *)arg;
		for (i = 1; i <= n; i++)
			argv[i] = va_arg(args, char *);
		if (with_env)
			envp = va_arg(args, char **);
		return search ? search_and_exec(name, argv, envp)
			      : on_execve(name, argv, envp);
	}
}

#define ON_EXECL(fn, search, with_env) \
	EXPORT int fn(const char *name, const char *arg, ...) \
	{ \
		va_list args; \
		int rc; \
		va_start(args, arg); \
		rc = exec_list(name, arg, args, search, with_env); \
		va_end(args); \
		return rc; \
	}

ON_EXECL(execl, 0, 0)
ON_EXECL(execlp, 1, 0)
ON_EXECL(execle, 0, 1)

static int
is_relative_file(const char *name)
{
	const char *p;

	for (p = name; *p != '\0' && *p != '/'; p++)
		;
	return *p == '/' && name[0] != '/';
}

/*
 * A relative file of a child that changes directory first is below that.
 * `moved` has PATH_BYTES.
 */
static void
follow(struct launch *l, const posix_spawn_file_actions_t *actions,
       const char *name, char *moved, char *const *envp)
{
	const char *dir = "";
	enum childdir how = childdir_get(actions, &dir);
	size_t n, len;

	if (how == CHILDDIR_MOVES)
		on_moving(AT_FDCWD, dir);
	if (how == CHILDDIR_STAYS || !is_relative_file(name))
		return;
	n = rawsys_strlen(dir);
	len = rawsys_strlen(name);
	childenv_drop(&l->env);
	if (how == CHILDDIR_UNKNOWN || n + len + 2 > PATH_BYTES) {
		l->env.map = NULL;
		l->env.env = (char **)envp;
		l->reason = OBS_NO_DIRECTORY;
		return;
	}
	rawsys_put(moved, dir, n);
	moved[n] = '/';
	rawsys_put(moved + n + 1, name, len + 1);
	l->name = (struct emit_name){ AT_FDCWD, moved };
	l->file = l->name;
	decide(l, moved, envp);
}

static void
spawned(struct launch *l, pid_t pid)
{
	struct emit e = { .type = OBS_UNSEEN, .n = 1 };

	if (l->reason) {
		e.aux = (uint32_t)l->reason;
		e.names[0] = l->file;
		emit_always(&e);
	}
	emit_launch(l, OBS_SPAWN, (uint32_t)pid);
}

#define ON_SPAWN(fn, search) \
	EXPORT int fn(pid_t *restrict pid, const char *restrict name, \
		      const posix_spawn_file_actions_t *restrict actions, \
		      const posix_spawnattr_t *restrict attr, \
		      char *const argv[restrict], char *const envp[restrict]) \
	{ \
		char found[PATH_BYTES], moved[PATH_BYTES]; \
		struct launch l; \
		pid_t child = 0; \
		int rc; \
		if (!prepare(&l, name, search, found, envp)) \
			return REAL(fn)(pid, name, actions, attr, argv, envp); \
		look_at_arguments(&l, argv); \
		follow(&l, actions, name, moved, envp); \
		rc = REAL(fn)(&child, name, actions, attr, argv, l.env.env); \
		childenv_drop(&l.env); \
		if (rc != 0) { \
			emit_launch(&l, OBS_EXEC_FAIL, (uint32_t)rc); \
			return rc; \
		} \
		if (pid) \
			*pid = child; \
		spawned(&l, child); \
		return 0; \
	}

ON_SPAWN(posix_spawn, 0)
ON_SPAWN(posix_spawnp, 1)

EXPORT int
posix_spawn_file_actions_addchdir_np(posix_spawn_file_actions_t *restrict to,
				     const char *restrict name)
{
	int rc = REAL(posix_spawn_file_actions_addchdir_np)(to, name);

	if (rc == 0)
		childdir_set(to, name);
	return rc;
}

EXPORT int
posix_spawn_file_actions_addfchdir_np(posix_spawn_file_actions_t *to, int fd)
{
	int rc = REAL(posix_spawn_file_actions_addfchdir_np)(to, fd);

	if (rc == 0)
		childdir_set(to, NULL);
	return rc;
}

EXPORT int
posix_spawn_file_actions_init(posix_spawn_file_actions_t *to)
{
	childdir_forget(to);
	return REAL(posix_spawn_file_actions_init)(to);
}

EXPORT int
posix_spawn_file_actions_destroy(posix_spawn_file_actions_t *to)
{
	childdir_forget(to);
	return REAL(posix_spawn_file_actions_destroy)(to);
}

/* The child opens it, out of our sight. */
EXPORT int
posix_spawn_file_actions_addopen(posix_spawn_file_actions_t *restrict to,
				 int fd, const char *restrict name, int flags,
				 mode_t mode)
{
	int rc = REAL(posix_spawn_file_actions_addopen)(to, fd, name, flags,
							mode);
	long seen;

	if (rc != 0 || !recorder_on())
		return rc;
	seen = rawsys4(SYS_openat, AT_FDCWD, (long)name, O_PATH | O_CLOEXEC, 0);
	if (seen >= 0) {
		on_opened(AT_FDCWD, name, flags, (int)seen);
		rawsys2(SYS_close, seen, 0);
	} else {
		emit_path(flags & O_CREAT ? OBS_WRITE : OBS_ABSENT,
			  flags & O_CREAT ? 0 : (uint32_t)-seen, AT_FDCWD,
			  name);
	}
	return rc;
}

/*
 * system and popen take the environment from the process, so it has our
 * variables for as long as they run.  1: swapped, undo with restore.
 */
static int
swap(struct launch *l, char ***old)
{
	if (!&__environ || !recorder_on())
		return 0;
	l->name = (struct emit_name){ AT_FDCWD, SHELL };
	l->file = l->name;
	*old = __environ;
	decide(l, SHELL, *old);
	if (l->reason == 0)
		__atomic_store_n(&__environ, l->env.env, __ATOMIC_RELEASE);
	return 1;
}

/* A setenv meanwhile has made its own copy: then that one stays. */
static void
restore(struct launch *l, char **old)
{
	char **mine = l->env.env;

	if (l->reason == 0)
		__atomic_compare_exchange_n(&__environ, &mine, old, 0,
					    __ATOMIC_ACQ_REL, __ATOMIC_RELAXED);
	childenv_drop(&l->env);
}

EXPORT int
system(const char *command)
{
	struct launch l;
	char **old;
	int rc;

	if (!command || !swap(&l, &old))
		return REAL(system)(command);
	rc = REAL(system)(command);
	restore(&l, old);
	if (rc != -1)
		spawned(&l, 0);
	return rc;
}

#define ON_POPEN(fn) \
	EXPORT FILE *fn(const char *command, const char *mode) \
	{ \
		struct launch l; \
		char **old; \
		FILE *f; \
		if (!swap(&l, &old)) \
			return REAL(fn)(command, mode); \
		f = REAL(fn)(command, mode); \
		restore(&l, old); \
		if (f) \
			spawned(&l, 0); \
		return f; \
	}

ON_POPEN(popen)
ON_POPEN(_IO_popen)

static pid_t
forked(pid_t pid)
{
	struct emit e = { .type = OBS_FORK };

	if (pid > 0) {
		e.aux = (uint32_t)pid;
		emit_always(&e);
	}
	if (pid == 0) {
		note_forked();
		dispatch_thread_again();
	}
	return pid;
}

pid_t __fork(void);
int forkpty(int *tty, char *name, const void *termios, const void *size);

EXPORT pid_t
fork(void)
{
	return forked(REAL(fork)());
}

EXPORT pid_t
__fork(void)
{
	return forked(REAL(__fork)());
}

EXPORT int
forkpty(int *tty, char *name, const void *termios, const void *size)
{
	return forked(REAL(forkpty)(tty, name, termios, size));
}
