/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "observe/on_syscall.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <stddef.h>
#include <sys/stat.h>
#include <time.h>

#include "observe/emit.h"
#include "observe/note.h"
#include "observe/on.h"
#include "observe/on_change.h"
#include "observe/on_exec.h"
#include "observe/on_open.h"
#include "observe/on_stat.h"
#include "observe/rawsys.h"

#ifndef SYS_fchmodat2
#define SYS_fchmodat2 452
#endif

enum call_how {
	CALL_OTHER,
	CALL_HIDES, /* what comes of it cannot be seen */
	/* Only noted; libc or the program makes them. */
	CALL_NETWORK,
	CALL_CLOCK,
	CALL_SOME_CLOCK, /* first argument: which */
	CALL_HOST,
	CALL_SETS,
	CALL_ASKS,
	/* Made here. */
	CALL_MADE_HERE,
	CALL_OPENS = CALL_MADE_HERE, /* second: flags */
	CALL_OPENS_HOW,              /* second: struct open_how */
	CALL_CREATES,
	CALL_STATS,    /* second: the stat */
	CALL_STATS_AT, /* the same; fourth argument: flags */
	CALL_STATX,
	CALL_ACCESSES, /* second: mode */
	CALL_READS_LINK,
	CALL_LISTS,
	CALL_PAIRS,
	CALL_CHANGES,
	CALL_MOVES,
	CALL_EXECUTES,
	CALL_EXECUTES_AT
};

/* In place of an argument's number. */
enum { NONE = -1, CWD = -2, PLAIN = -3 };

struct call {
	unsigned char how; /* enum call_how */
	signed char dir, name, second, second_name;
	unsigned char value;
};

static const struct call calls[] = {
#define CALL(number, how, dir, name, second, second_name, value) \
	[SYS_##number] = { how, dir, name, second, second_name, value },
#include "observe/calls.def"
#undef CALL
};

static const struct call *
find_call(long number)
{
	static const struct call other;

	return number >= 0 && (size_t)number < sizeof(calls) / sizeof(*calls)
		       ? &calls[number]
		       : &other;
}

static int
dir_of(int column, const long *a)
{
	return column == CWD     ? AT_FDCWD
	       : column == PLAIN ? EMIT_PLAIN
				 : (int)a[column];
}

static const char *
name_of(int column, const long *a)
{
	return column < 0 ? NULL : (const char *)a[column];
}

/* Records what came of a call that was made here: RC is libc's answer. */
static void
after(const struct call *c, const long *a, long rc)
{
	int dir = c->dir == NONE ? AT_FDCWD : dir_of(c->dir, a);
	const char *name = name_of(c->name, a);
	long second = c->second < 0 ? 0 : a[c->second];
	const struct open_how *how;

	switch ((enum call_how)c->how) {
	case CALL_OPENS:
		on_opened(dir, name, (int)second, (int)rc);
		break;
	case CALL_OPENS_HOW:
		how = (const struct open_how *)second;
		on_opened(dir, name, how ? (int)how->flags : 0, (int)rc);
		break;
	case CALL_CREATES:
		on_opened(dir, name, O_WRONLY | O_CREAT | O_TRUNC, (int)rc);
		break;
	case CALL_STATS:
		on_tested(c->value, dir, name, (int)rc,
			  (const struct stat *)second);
		break;
	case CALL_STATS_AT:
		on_tested(a[3] & AT_SYMLINK_NOFOLLOW ? OBS_BY_LSTAT
						     : OBS_BY_STAT,
			  dir, name, (int)rc, (const struct stat *)second);
		break;
	case CALL_STATX:
		on_statx(dir, name, (int)a[2], (unsigned)a[3], (int)rc,
			 (const struct statx *)a[4]);
		break;
	case CALL_ACCESSES:
		on_access(dir, name, (int)second, (int)rc);
		break;
	case CALL_READS_LINK:
		on_readlink(dir, name, rc);
		break;
	case CALL_LISTS:
		if (rc >= 0)
			emit_path(OBS_LIST, 0, dir, NULL);
		break;
	case CALL_PAIRS:
		on_pair(c->value, dir, name, dir_of(c->second, a),
			name_of(c->second_name, a), (int)rc);
		break;
	case CALL_CHANGES:
		on_changed(c->value, dir, name, (int)rc);
		break;
	case CALL_MOVES:
		if (rc < 0)
			on_failed(dir, name);
		break;
	default:
		break;
	}
}

static void
note_call(const struct call *c, long first)
{
	switch ((enum call_how)c->how) {
	case CALL_HIDES:
		emit_path(OBS_UNSEEN, OBS_RAW_CALL, EMIT_PLAIN, "syscall");
		break;
	case CALL_NETWORK:
		note_network();
		break;
	case CALL_CLOCK:
		note_some_clock(CLOCK_REALTIME);
		break;
	case CALL_SOME_CLOCK:
		note_some_clock(first);
		break;
	case CALL_HOST:
		note_host((enum obs_host)c->value);
		break;
	case CALL_SETS:
		note_sets((enum obs_attribute)c->value);
		break;
	case CALL_ASKS:
		note_ask((enum obs_ask)c->value, dir_of(c->dir, &first),
			 name_of(c->name, &first));
		break;
	default:
		break;
	}
}

int
on_syscall_knows(long number, long first)
{
	const struct call *c = find_call(number);

	if (c->how >= CALL_MADE_HERE)
		return 1;
	note_call(c, first);
	return 0;
}

long
on_syscall(long number, long a, long b, long c, long d, long e, long f)
{
	const struct call *call = find_call(number);
	const long args[] = { a, b, c, d, e, f };
	long rc;

	if (call->how == CALL_EXECUTES)
		return on_execve((const char *)a, (char *const *)b,
				 (char *const *)c);
	if (call->how == CALL_EXECUTES_AT)
		return on_execveat((int)a, (const char *)b, (char *const *)c,
				   (char *const *)d, (int)e);
	if (call->how == CALL_MOVES)
		on_moving(AT_FDCWD, (const char *)a);
	rc = rawsys6(number, a, b, c, d, e, f);
	if (rc < 0 && rc > -4096) {
		if (__errno_location)
			*__errno_location() = (int)-rc;
		rc = -1;
	}
	after(call, args, rc);
	return rc;
}

long
on_syscall_kernel(long number, long a, long b, long c, long d, long e, long f)
{
	int old = on_errno();
	long rc = on_syscall(number, a, b, c, d, e, f);

	if (rc == -1)
		rc = -on_errno();
	if (__errno_location)
		*__errno_location() = old;
	return rc;
}
