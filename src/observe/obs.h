/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OBSERVE_OBS_H
#define OBSERVE_OBS_H

#include <stdint.h>

/*
 * What the preloaded observer writes and src/key/trace reads.
 *
 * An observation file has three parts:
 *
 *	page	OBS_PAGE bytes: struct obs_page and zeros
 *	area	OBS_AREA bytes, or none if there was no room for them
 *	tail	whatever was appended
 *
 * Whoever starts the compiler writes the page, and zeros for the area, before
 * (trace_create); observed processes map both shared.  A record goes into the
 * area: its bytes are reserved by adding to `used`, and its size is stored
 * last, so a size of zero is a record that was never finished.  The record
 * that does not fit any more, and all after it, are appended to the file by
 * one write each, with O_APPEND, so records of many processes never mix.  The
 * rest of the area then holds an OBS_GAP, or fewer bytes than a head needs.
 * Processes add to `lost` what they could not write down; a file with lost > 0
 * proves nothing.
 *
 * A record:
 *
 *	struct obs_head
 *	struct obs_stat, if flags has OBS_HAS_STAT
 *	strings, each with its terminating zero, up to head.size
 *
 * Records are not aligned.  Numbers are little endian, as the CPU has them.
 * A process writes a record once: a second equal one is left out, as long as
 * its table of remembered hashes has room.  A forked child inherits what its
 * parent remembers, hence records belong to programs more than to processes.
 *
 * Names are absolute: a relative name has the current directory, or the
 * directory of its descriptor, put in front with a slash.  A link of /proc
 * that leads to another place for each process (cwd, root, exe, fd/N) is
 * replaced by what it leads to.  Nothing else is done to names: `.`, `..`,
 * other symbolic links and double slashes stay.
 */

#define OBS_PAGE 4096
#define OBS_AREA (1u << 17)
#define OBS_MAGIC "kchobs02"
/* No record is longer; one that would be is counted as lost. */
#define OBS_SIZE_MAX 65536

struct obs_page {
	char magic[8];
	uint32_t lost;    /* things that could not be recorded */
	uint32_t writers; /* processes that mapped the page */
	uint32_t area;    /* OBS_AREA, or 0: there is none */
	uint32_t used;    /* of the area; more than OBS_AREA: all */
	uint32_t flags;   /* OBS_STRICT */
};

/* System calls that programs make without libc are to be seen, too. */
#define OBS_STRICT 0x0001u

enum obs_type {
	/*
	 * A program begins, before its main.  aux: parent's pid; value:
	 * CLOCK_BOOTTIME in ns.  flags: OBS_NO_SYSCALL and its neighbours.
	 * Strings: /proc/self/exe, then the objects the loader had mapped,
	 * without the program, the vdso and ourselves.
	 */
	OBS_START = 1,
	/* Strings: one object loaded later, or that START had no room for. */
	OBS_OBJECT,
	/* dlopen was called.  Strings: the file, or the bare name. */
	OBS_DLOPEN,
	/* The process ends in an orderly way.  No strings. */
	OBS_END,
	/* fork returned.  aux: the child's pid. */
	OBS_FORK,
	/*
	 * About to execute; a START of the same pid must follow unless an
	 * EXEC_FAIL does.  aux: enum obs_reason if the program will not be
	 * seen, else 0.  Strings: name as given (bare names stay bare), file
	 * it was found as (empty: not found).
	 */
	OBS_EXEC,
	/* The exec returned.  aux: errno.  Strings: as EXEC. */
	OBS_EXEC_FAIL,
	/*
	 * A child was started.  aux: its pid, 0 where libc does not say
	 * (system, popen).  Strings: as EXEC.
	 */
	OBS_SPAWN,
	/*
	 * Something happens that we shall not see.  aux: enum obs_reason.
	 * Strings: the program or name concerned.
	 */
	OBS_UNSEEN,
	/*
	 * Opened for reading.  value: CLOCK_REALTIME_COARSE in ns just before
	 * fstat.  With stat.  Strings: name.
	 */
	OBS_READ,
	/* Opened for writing.  flags: OBS_CREATES.  Strings: name. */
	OBS_WRITE,
	/* A directory's entries were read.  Strings: name. */
	OBS_LIST,
	/* A name could not be used.  aux: errno, mostly ENOENT. */
	OBS_ABSENT,
	/*
	 * A name was tested and is there.  aux: enum obs_how.  With stat
	 * (mode 0 where unknown).  flags: OBS_ASKS_WRITE, OBS_NO_TIMES.
	 * Strings: name, and the link's target, realpath's answer, or where
	 * a change of the current directory led.
	 */
	OBS_PRESENT,
	/* flags: OBS_IS_SET.  Strings: the variable's name. */
	OBS_GETENV,
	/* Strings: old name, new name. */
	OBS_RENAME,
	/* Strings: old name, new name. */
	OBS_LINK,
	/* Strings: what the link holds (as given), the link's name. */
	OBS_SYMLINK,
	/* A file or directory was removed.  Strings: name. */
	OBS_UNLINK,
	/* Strings: name. */
	OBS_MKDIR,
	/*
	 * A socket was made or a host name looked up.  aux: family.  flags:
	 * OBS_CONNECTS.  Strings: of AF_UNIX that connects, the name; an
	 * abstract one begins with '@'.
	 */
	OBS_SOCKET,
	/*
	 * The wall clock was read.  aux: enum obs_clock, and 16 times how
	 * often it was read that way by then; no more than OBS_CLOCK_MAX of a
	 * way in a process are recorded.
	 */
	OBS_CLOCK,
	/* The area's unused end. */
	OBS_GAP,
	/* Names of the machine or its users, or the number of its CPUs were
	 * asked for.  aux: enum obs_host. */
	OBS_HOST,
	/* A program was told to look at the CPU (-march=native). */
	OBS_NATIVE,
	/* A program was told to look at the times of files (-newer, -nt). */
	OBS_TOLD_TIMES,
	/* An attribute of a file was set to a value that the program chose.
	 * aux: enum obs_attribute.  No strings. */
	OBS_SETS,
	/* Something of a file was asked that its stat does not tell.  aux:
	 * enum obs_ask.  Strings: name. */
	OBS_ASK,
	OBS_TYPES
};

#define OBS_HAS_STAT 0x8000u
/* Code that the program loaded by dlopen had a part in the call, as a macro
 * of rustc's has (guest.h). */
#define OBS_BY_GUEST 0x4000u
/* The name was given as /proc/self/cwd/..., and is here what that means. */
#define OBS_BY_CWD 0x2000u
/* OBS_START: the program's code does not hold the bytes of this instruction.
 * Neither is set where it was not looked at. */
#define OBS_NO_SYSCALL 0x0001u
#define OBS_NO_CPUID 0x0002u
/* OBS_START: system calls that do not come from libc are seen. */
#define OBS_DISPATCHED 0x0004u
/* OBS_WRITE: old content is not looked at (O_TRUNC or O_EXCL). */
#define OBS_CREATES 0x0001u
/* OBS_SOCKET: somebody is called. */
#define OBS_CONNECTS 0x0001u
/* OBS_GETENV: the variable was set. */
#define OBS_IS_SET 0x0001u
/* OBS_PRESENT by access: whether the file may be written. */
#define OBS_ASKS_WRITE 0x0001u
/* OBS_PRESENT by statx: the caller wanted none of the times. */
#define OBS_NO_TIMES 0x0002u

/* How a present name was tested. */
enum obs_how {
	OBS_BY_STAT = 1, /* follows links */
	OBS_BY_LSTAT,
	OBS_BY_READLINK,
	OBS_BY_ACCESS,
	OBS_BY_REALPATH,
	OBS_BY_OPEN /* a directory or O_PATH was opened */
};

/* By which function of libc, or its likes, the wall clock was read. */
enum obs_clock {
	OBS_CLOCK_TIME,
	OBS_CLOCK_OF_DAY, /* gettimeofday */
	OBS_CLOCK_OTHER,  /* clock_gettime, timespec_get, ftime, syscall */
	OBS_CLOCKS
};

#define OBS_CLOCK_MAX 8

enum obs_host {
	OBS_HOST_KERNEL = 1, /* uname */
	OBS_HOST_NAME,
	OBS_HOST_USER, /* users and groups */
	OBS_HOST_CPUS  /* how many CPUs there are, or may be used */
};

enum obs_attribute { OBS_SETS_TIMES = 1, OBS_SETS_MODE, OBS_SETS_OWNER };

enum obs_ask { OBS_ASK_XATTR = 1, OBS_ASK_FILE_SYSTEM };

/* Why something is not seen. */
enum obs_reason {
	OBS_UNREADABLE = 1, /* program could not be read */
	OBS_FOREIGN_CLASS,  /* 32-bit or another CPU */
	OBS_FOREIGN_LIBC,   /* loader is not glibc's */
	OBS_STATIC,
	OBS_SETUID,
	OBS_SANITIZER,
	OBS_RAW_CALL,     /* syscall(), of a kind we do not decode */
	OBS_TREE_WALK,    /* nftw, fts, glob over several directories */
	OBS_NO_DIRECTORY, /* relative name, directory unknown */
	OBS_NO_PROGRAM,   /* neither ELF nor #!; the kernel may know */
	OBS_REASONS
};

struct obs_head {
	uint32_t size; /* of the whole record, head included */
	uint16_t type; /* enum obs_type */
	uint16_t flags;
	uint32_t pid;
	uint32_t aux;   /* see enum obs_type */
	uint64_t value; /* see enum obs_type */
};

struct obs_stat {
	uint64_t dev;
	uint64_t ino;
	uint64_t size;
	int64_t mtime_ns;
	int64_t ctime_ns; /* 0: not known */
	uint32_t mode;    /* type and permissions */
	uint32_t zero;
};

#endif
