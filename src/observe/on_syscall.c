/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "on_syscall.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <time.h>

#include "emit.h"
#include "on.h"
#include "on_change.h"
#include "on_exec.h"
#include "on_open.h"
#include "on_stat.h"
#include "rawsys.h"

#define NAME(x) ((const char *)(x))
#ifndef SYS_fchmodat2
#define SYS_fchmodat2 452
#endif

static void
after_open(long n, long a, long b, long c, int fd)
{
	const struct open_how *how;

	switch (n) {
	case SYS_open:
		on_opened(AT_FDCWD, NAME(a), (int)b, fd);
		break;
	case SYS_creat:
		on_opened(AT_FDCWD, NAME(a), O_WRONLY | O_CREAT | O_TRUNC, fd);
		break;
	case SYS_openat:
		on_opened((int)a, NAME(b), (int)c, fd);
		break;
	case SYS_openat2:
		how = (const struct open_how *)c;
		on_opened((int)a, NAME(b), how ? (int)how->flags : 0, fd);
		break;
	}
}

static void
after_test(long n, long a, long b, long c, long d, long e, long rc)
{
	const struct stat *st;

	switch (n) {
	case SYS_stat:
	case SYS_lstat:
		st = (const struct stat *)b;
		on_tested(n == SYS_stat ? OBS_BY_STAT : OBS_BY_LSTAT, AT_FDCWD,
			  NAME(a), (int)rc, st);
		break;
	case SYS_newfstatat:
		st = (const struct stat *)c;
		on_tested(d & AT_SYMLINK_NOFOLLOW ? OBS_BY_LSTAT : OBS_BY_STAT,
			  (int)a, NAME(b), (int)rc, st);
		break;
	case SYS_statx:
		on_statx((int)a, NAME(b), (int)c, (unsigned)d, (int)rc,
			 (const struct statx *)e);
		break;
	case SYS_access:
		on_access(AT_FDCWD, NAME(a), (int)b, (int)rc);
		break;
	case SYS_faccessat:
	case SYS_faccessat2:
		on_access((int)a, NAME(b), (int)c, (int)rc);
		break;
	case SYS_readlink:
		on_readlink(AT_FDCWD, NAME(a), rc);
		break;
	case SYS_readlinkat:
		on_readlink((int)a, NAME(b), rc);
		break;
	case SYS_getdents:
	case SYS_getdents64:
		if (rc >= 0)
			emit_path(OBS_LIST, 0, (int)a, NULL);
		break;
	}
}

static void
after_change(long n, long a, long b, long c, long d, int rc)
{
	const int cwd = AT_FDCWD;

	switch (n) {
	case SYS_rename:
		on_pair(OBS_RENAME, cwd, NAME(a), cwd, NAME(b), rc);
		break;
	case SYS_renameat:
	case SYS_renameat2:
		on_pair(OBS_RENAME, (int)a, NAME(b), (int)c, NAME(d), rc);
		break;
	case SYS_link:
		on_pair(OBS_LINK, cwd, NAME(a), cwd, NAME(b), rc);
		break;
	case SYS_linkat:
		on_pair(OBS_LINK, (int)a, NAME(b), (int)c, NAME(d), rc);
		break;
	case SYS_symlink:
		on_pair(OBS_SYMLINK, EMIT_PLAIN, NAME(a), cwd, NAME(b), rc);
		break;
	case SYS_symlinkat:
		on_pair(OBS_SYMLINK, EMIT_PLAIN, NAME(a), (int)b, NAME(c), rc);
		break;
	case SYS_unlink:
	case SYS_rmdir:
		on_changed(OBS_UNLINK, cwd, NAME(a), rc);
		break;
	case SYS_unlinkat:
		on_changed(OBS_UNLINK, (int)a, NAME(b), rc);
		break;
	case SYS_mkdir:
		on_changed(OBS_MKDIR, cwd, NAME(a), rc);
		break;
	case SYS_mkdirat:
		on_changed(OBS_MKDIR, (int)a, NAME(b), rc);
		break;
	case SYS_truncate:
		on_changed(OBS_WRITE, cwd, NAME(a), rc);
		break;
	case SYS_chdir:
		if (rc < 0)
			on_failed(cwd, NAME(a));
		break;
	}
}

enum family { NOT_OURS, OPENS, TESTS, CHANGES, EXECS, HIDDEN };

static enum family
family_of(long n)
{
	switch (n) {
	case SYS_open:
	case SYS_creat:
	case SYS_openat:
	case SYS_openat2:
		return OPENS;
	case SYS_stat:
	case SYS_lstat:
	case SYS_newfstatat:
	case SYS_statx:
	case SYS_access:
	case SYS_faccessat:
	case SYS_faccessat2:
	case SYS_readlink:
	case SYS_readlinkat:
	case SYS_getdents:
	case SYS_getdents64:
		return TESTS;
	case SYS_rename:
	case SYS_renameat:
	case SYS_renameat2:
	case SYS_link:
	case SYS_linkat:
	case SYS_symlink:
	case SYS_symlinkat:
	case SYS_unlink:
	case SYS_rmdir:
	case SYS_unlinkat:
	case SYS_mkdir:
	case SYS_mkdirat:
	case SYS_truncate:
	case SYS_chdir:
		return CHANGES;
	case SYS_execve:
	case SYS_execveat:
		return EXECS;
	case SYS_name_to_handle_at:
	case SYS_open_by_handle_at:
	case SYS_io_uring_setup:
	case SYS_io_uring_enter:
	case SYS_open_tree:
	case SYS_chroot:
	case SYS_pivot_root:
	case SYS_mount:
	case SYS_uselib:
	case SYS_mknod:
	case SYS_mknodat:
	case SYS_process_vm_readv:
		return HIDDEN;
	}
	return NOT_OURS;
}

static void
flag_call(long number, long first)
{
	struct emit e = { .type = OBS_SOCKET };

	switch (number) {
	case SYS_socket:
	case SYS_connect:
		emit_once(&e);
		break;
	case SYS_time:
	case SYS_gettimeofday:
		on_call_clock(CLOCK_REALTIME);
		break;
	case SYS_clock_gettime:
		on_call_clock(first);
		break;
	case SYS_uname:
		on_call_host(OBS_HOST_KERNEL);
		break;
	case SYS_sched_getaffinity:
		on_call_host(OBS_HOST_CPUS);
		break;
	case SYS_chmod:
	case SYS_fchmod:
	case SYS_fchmodat:
	case SYS_fchmodat2:
		on_call_sets(OBS_SETS_MODE);
		break;
	case SYS_chown:
	case SYS_fchown:
	case SYS_lchown:
	case SYS_fchownat:
		on_call_sets(OBS_SETS_OWNER);
		break;
	case SYS_utime:
	case SYS_utimes:
	case SYS_futimesat:
	case SYS_utimensat:
		on_call_sets(OBS_SETS_TIMES);
		break;
	case SYS_getxattr:
	case SYS_lgetxattr:
	case SYS_listxattr:
	case SYS_llistxattr:
		on_call_ask(OBS_ASK_XATTR, AT_FDCWD, NAME(first));
		break;
	case SYS_fgetxattr:
	case SYS_flistxattr:
		on_call_ask(OBS_ASK_XATTR, (int)first, NULL);
		break;
	case SYS_statfs:
		on_call_ask(OBS_ASK_FILE_SYSTEM, AT_FDCWD, NAME(first));
		break;
	case SYS_fstatfs:
		on_call_ask(OBS_ASK_FILE_SYSTEM, (int)first, NULL);
		break;
	}
}

int
on_syscall_knows(long number, long first)
{
	enum family f = family_of(number);

	if (f == NOT_OURS)
		flag_call(number, first);
	if (f == HIDDEN)
		emit_path(OBS_UNSEEN, OBS_RAW_CALL, EMIT_PLAIN, "syscall");
	return f != NOT_OURS && f != HIDDEN;
}

long
on_syscall(long number, long a, long b, long c, long d, long e, long f)
{
	long rc;

	if (number == SYS_execve)
		return on_execve(NAME(a), (char *const *)b, (char *const *)c);
	if (number == SYS_execveat)
		return on_execveat((int)a, NAME(b), (char *const *)c,
				   (char *const *)d, (int)e);
	if (number == SYS_chdir)
		on_moving(AT_FDCWD, NAME(a));
	rc = rawsys6(number, a, b, c, d, e, f);
	if (rc < 0 && rc > -4096) {
		if (__errno_location)
			*__errno_location() = (int)-rc;
		rc = -1;
	}
	switch (family_of(number)) {
	case OPENS:
		after_open(number, a, b, c, (int)rc);
		break;
	case TESTS:
		after_test(number, a, b, c, d, e, rc);
		break;
	case CHANGES:
		after_change(number, a, b, c, d, (int)rc);
		break;
	default:
		break;
	}
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
