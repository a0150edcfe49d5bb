/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OBSERVE_RECORD_H
#define OBSERVE_RECORD_H

#include <stdint.h>

/*
 * What the preloaded observer writes and src/key/trace reads.
 *
 * An observation file starts with a page of RECORD_PAGE bytes, which whoever
 * starts the compiler writes before (trace_create): a struct record_page and
 * zeros.  Observed processes map it shared and add to `lost` whenever
 * something happened that they could not write down; a file with lost > 0
 * proves nothing.  Behind the page stand records, each appended by a single
 * write with O_APPEND, so records of many processes never mix:
 *
 *	struct record_head
 *	struct record_stat, if flags has RECORD_HAS_STAT
 *	strings, each with its terminating zero, up to head.size
 *
 * Records are not aligned.  Numbers are little endian, as the CPU has them.
 * A process writes a record once: a second equal one is left out, as long as
 * its table of remembered hashes has room.  A forked child inherits what its
 * parent remembers, hence records belong to programs more than to processes.
 *
 * Names are absolute: a relative name has the current directory, or the
 * directory of its descriptor, put in front with a slash.  Nothing else is
 * done to them: `.`, `..`, symbolic links and double slashes stay.
 */

#define RECORD_PAGE 4096
#define RECORD_MAGIC "kchobs01"
/* No record is longer; one that would be is counted as lost. */
#define RECORD_SIZE_MAX 65536

struct record_page {
	char magic[8];
	uint32_t lost;		/* things that could not be recorded */
	uint32_t writers;	/* processes that mapped the page */
};

enum record_type {
	/*
	 * A program begins, before its main.  aux: parent's pid; value:
	 * CLOCK_BOOTTIME in ns.  Strings: /proc/self/exe, then the objects
	 * the loader had mapped, without the program, the vdso and ourselves.
	 */
	RECORD_START = 1,
	/* Strings: an object loaded later, or one START had no room for. */
	RECORD_OBJECT,
	/* dlopen was called.  Strings: the file, or the bare name. */
	RECORD_DLOPEN,
	/* The process ends in an orderly way.  No strings. */
	RECORD_END,
	/* fork returned.  aux: the child's pid. */
	RECORD_FORK,
	/*
	 * About to execute; a START of the same pid must follow unless an
	 * EXEC_FAIL does.  Strings: name as given (bare names stay bare),
	 * file it was found as.
	 */
	RECORD_EXEC,
	/* The exec returned.  aux: errno.  Strings: as EXEC. */
	RECORD_EXEC_FAIL,
	/*
	 * A child was started.  aux: its pid, 0 where libc does not say
	 * (system, popen).  Strings: as EXEC.
	 */
	RECORD_SPAWN,
	/*
	 * Something happens that we shall not see.  aux: enum record_reason.
	 * Strings: the program or name concerned.
	 */
	RECORD_UNSEEN,
	/*
	 * Opened for reading.  value: CLOCK_REALTIME_COARSE in ns just before
	 * fstat.  With stat.  Strings: name.
	 */
	RECORD_READ,
	/* Opened for writing.  flags: RECORD_CREATES.  Strings: name. */
	RECORD_WRITE,
	/* A directory's entries were read.  Strings: name. */
	RECORD_LIST,
	/* A name could not be used.  aux: errno, mostly ENOENT. */
	RECORD_ABSENT,
	/*
	 * A name was tested and is there.  aux: enum record_how.  With stat
	 * (mode 0 where unknown).  Strings: name, and the link's target or
	 * realpath's answer.
	 */
	RECORD_PRESENT,
	/* flags: RECORD_IS_SET.  Strings: the variable's name. */
	RECORD_GETENV,
	/* Strings: old name, new name. */
	RECORD_RENAME,
	/* Strings: old name, new name. */
	RECORD_LINK,
	/* Strings: what the link holds (as given), the link's name. */
	RECORD_SYMLINK,
	/* A file or directory was removed.  Strings: name. */
	RECORD_UNLINK,
	/* Strings: name. */
	RECORD_MKDIR,
	/* A socket was made or a host name looked up.  aux: family. */
	RECORD_SOCKET,
	/* The wall clock was read; once for each process. */
	RECORD_CLOCK,
	RECORD_TYPES
};

#define RECORD_HAS_STAT 0x8000u
/* RECORD_WRITE: old content is not looked at (O_TRUNC or O_EXCL). */
#define RECORD_CREATES 0x0001u
/* RECORD_GETENV: the variable was set. */
#define RECORD_IS_SET 0x0001u

/* How a present name was tested. */
enum record_how {
	RECORD_BY_STAT = 1,	/* follows links */
	RECORD_BY_LSTAT,
	RECORD_BY_READLINK,
	RECORD_BY_ACCESS,
	RECORD_BY_REALPATH,
	RECORD_BY_OPEN		/* a directory or O_PATH was opened */
};

/* Why something is not seen. */
enum record_reason {
	RECORD_UNREADABLE = 1,	/* program could not be read */
	RECORD_FOREIGN_CLASS,	/* 32-bit or another CPU */
	RECORD_FOREIGN_LIBC,	/* loader is not glibc's */
	RECORD_STATIC,
	RECORD_SETUID,
	RECORD_SANITIZER,
	RECORD_RAW_CALL,	/* syscall(), of a kind we do not decode */
	RECORD_TREE_WALK,	/* nftw, fts, glob over several directories */
	RECORD_NO_DIRECTORY,	/* relative name, directory unknown */
	RECORD_REASONS
};

struct record_head {
	uint32_t size;		/* of the whole record, head included */
	uint16_t type;		/* enum record_type */
	uint16_t flags;
	uint32_t pid;
	uint32_t aux;		/* see enum record_type */
	uint64_t value;		/* see enum record_type */
};

struct record_stat {
	uint64_t dev;
	uint64_t ino;
	uint64_t size;
	int64_t mtime_ns;
	uint32_t mode;		/* type and permissions */
	uint32_t zero;
};

#endif
