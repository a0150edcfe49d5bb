/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "observe/on.h"

#include <fcntl.h>
#include <glob.h>
#include <stddef.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "observe/caller_scan.h"
#include "observe/dispatch_thread.h"
#include "observe/emit.h"
#include "observe/note.h"
#include "observe/on_syscall.h"
#include "observe/rawsys.h"
#include "observe/realsym.h"
#include "observe/recorder.h"
#include "observe/start.h"

/*
 * Functions of which it is enough to know that they are called.  Their
 * replacements look at the arguments and jump to the real one, which then
 * runs as if called directly: dlopen, dlsym's likes and syscall depend on
 * their caller's address or stack.
 */

#define PATTERN_MAX 4096

enum jump_kind {
	JUMP_LOAD,      /* first argument: a library */
	JUMP_LOAD_INTO, /* the second one is */
	JUMP_NETWORK,
	JUMP_TIME,
	JUMP_OF_DAY,
	JUMP_CLOCK,
	JUMP_SOME_CLOCK, /* first argument: which clock */
	JUMP_LOCALE,     /* second argument: a locale's name */
	JUMP_UNAME,
	JUMP_HOST,
	JUMP_USER,
	JUMP_CPUS,
	JUMP_CONF, /* first argument: what of the system */
	JUMP_END,
	JUMP_GLOB,
	JUMP_TREE,  /* first argument: a name */
	JUMP_TREES, /* first argument: an array of names */
	JUMP_HANDLE,
	JUMP_TASK,
	JUMP_LIST,     /* first argument: a descriptor */
	JUMP_TIMES,    /* second argument: NULL for now */
	JUMP_TIMES_AT, /* third argument: the same */
	JUMP_MODE,
	JUMP_OWNER,
	JUMP_XATTR,    /* first argument: a name */
	JUMP_XATTR_OF, /* first argument: a descriptor */
	JUMP_STATFS_OF,
	JUMP_SYSCALL
};

/* The assembly below knows nothing of its layout but the address. */
struct jump {
	const char *name;
	enum jump_kind kind;
	void *real;
};

__attribute__((used)) static void *jump_enter(struct jump *j,
					      const long args[6]);

ARCH_JUMP_COMMON;

#define JUMP(fn, how) \
	__attribute__((used)) static struct jump jump_##fn = { .name = #fn, \
							       .kind = how }; \
	ARCH_JUMP(fn);

#include "observe/jumps.def"

static int
has_slash(const char *s)
{
	for (; *s != '\0'; s++)
		if (*s == '/')
			return 1;
	return 0;
}

static void
loading(const char *name)
{
	start_objects();
	if (!name || name[0] == '\0')
		return;
	caller_scan_announce();
	emit_path(OBS_DLOPEN, 0,
		  has_slash(name) && name[0] != '$' ? AT_FDCWD : EMIT_PLAIN,
		  name);
}

static void
unseen_walk(const char *name)
{
	emit_path(OBS_UNSEEN, OBS_TREE_WALK, EMIT_PLAIN, name ? name : "");
}

static int
is_special(char c)
{
	return c == '*' || c == '?' || c == '[' || c == '\\' || c == '~' ||
	       c == '{';
}

/*
 * A pattern of which only the last component can match several names lists
 * one directory.  What goes beyond that is unseen.
 */
static void
globbing(const char *pattern, long flags)
{
	char dir[PATTERN_MAX];
	size_t slash = 0, i;
	int special = 0;

	if (!pattern || flags & GLOB_ALTDIRFUNC)
		return;
	for (i = 0; pattern[i] != '\0'; i++) {
		special += is_special(pattern[i]);
		if (pattern[i] != '/')
			continue;
		if (special > 0)
			break;
		slash = i + 1;
	}
	if (pattern[i] != '\0' || slash >= sizeof(dir) ||
	    pattern[slash] == '~' || flags & GLOB_BRACE) {
		unseen_walk(pattern);
		return;
	}
	*rawsys_put(dir, pattern, slash) = '\0';
	emit_path(OBS_LIST, 0, AT_FDCWD, dir);
}

/* Without a name it is that of the environment, which libc looks at itself. */
static void
locale_asked(const char *name)
{
	static const char *const variables[] = {
		"LC_ALL",      "LC_CTYPE",    "LC_COLLATE",
		"LC_MESSAGES", "LC_MONETARY", "LC_TIME",
		"LC_NUMERIC",  "LANG",        "LANGUAGE",
	};
	size_t i;

	if (!name || name[0] != '\0')
		return;
	for (i = 0; i < sizeof(variables) / sizeof(*variables); i++)
		on_call_getenv(variables[i]);
}

static int
is_named(const struct jump *j, const char *name)
{
	return rawsys_same(j->name, name);
}

static void
note_jump(const struct jump *j, const long args[6])
{
	const char *const *names;

	switch (j->kind) {
	case JUMP_LOAD:
		loading((const char *)args[0]);
		break;
	case JUMP_LOAD_INTO:
		loading((const char *)args[1]);
		break;
	case JUMP_NETWORK:
		note_network();
		break;
	case JUMP_TIME:
		note_clock(OBS_CLOCK_TIME);
		break;
	case JUMP_OF_DAY:
		note_clock(OBS_CLOCK_OF_DAY);
		break;
	case JUMP_CLOCK:
		note_clock(OBS_CLOCK_OTHER);
		break;
	case JUMP_SOME_CLOCK:
		note_some_clock(args[0]);
		break;
	case JUMP_LOCALE:
		locale_asked((const char *)args[1]);
		break;
	case JUMP_UNAME:
		note_host(OBS_HOST_KERNEL);
		break;
	case JUMP_HOST:
		note_host(OBS_HOST_NAME);
		break;
	case JUMP_USER:
		note_host(OBS_HOST_USER);
		break;
	case JUMP_CPUS:
		note_host(OBS_HOST_CPUS);
		break;
	case JUMP_CONF:
		if (args[0] == _SC_NPROCESSORS_ONLN ||
		    args[0] == _SC_NPROCESSORS_CONF)
			note_host(OBS_HOST_CPUS);
		break;
	case JUMP_END:
		note_end();
		break;
	case JUMP_GLOB:
		globbing((const char *)args[0], args[1]);
		break;
	case JUMP_TREE:
		unseen_walk((const char *)args[0]);
		break;
	case JUMP_TREES:
		names = (const char *const *)args[0];
		unseen_walk(names ? names[0] : NULL);
		break;
	case JUMP_HANDLE:
		emit_path(OBS_UNSEEN, OBS_RAW_CALL, EMIT_PLAIN, j->name);
		break;
	case JUMP_TASK:
		/* It makes its own calls unwatched. */
		if (dispatch_thread_on())
			emit_path(OBS_UNSEEN, OBS_RAW_CALL, EMIT_PLAIN,
				  j->name);
		break;
	case JUMP_LIST:
		emit_path(OBS_LIST, 0, (int)args[0], NULL);
		break;
	case JUMP_TIMES:
	case JUMP_TIMES_AT:
		note_times((const struct timespec *)
				   args[j->kind == JUMP_TIMES ? 1 : 2],
			   is_named(j, "futimens") || is_named(j, "utimensat"));
		break;
	case JUMP_MODE:
		note_sets(OBS_SETS_MODE);
		break;
	case JUMP_OWNER:
		note_sets(OBS_SETS_OWNER);
		break;
	case JUMP_XATTR:
		note_ask(OBS_ASK_XATTR, AT_FDCWD, (const char *)args[0]);
		break;
	case JUMP_XATTR_OF:
		note_ask(OBS_ASK_XATTR, (int)args[0], NULL);
		break;
	case JUMP_STATFS_OF:
		note_ask(OBS_ASK_FILE_SYSTEM, (int)args[0], NULL);
		break;
	case JUMP_SYSCALL:
		break;
	}
}

/* Where to jump to. */
static void *
jump_enter(struct jump *j, const long args[6])
{
	if (recorder_on()) {
		note_jump(j, args);
		if (j->kind == JUMP_SYSCALL &&
		    on_syscall_knows(args[0], args[1]))
			return (void *)on_syscall;
	}
	return realsym_get(&j->real, j->name);
}
