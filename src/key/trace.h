/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KEY_TRACE_H
#define KEY_TRACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "observe/obs.h" /* allow: value */

/*
 * What an observed compile did, read from its observation file (format:
 * src/observe/obs.h).  The shim calls trace_create, runs the compiler with the
 * variables of trace_environment, waits, and calls trace_read and trace_alive.
 *
 * Anything that ran below the compiler may have written the file, so it is not
 * trusted: at most TRACE_BYTES_MAX bytes and TRACE_RECORDS_MAX records are
 * read, and every length is checked.  Strings stay valid until trace_free.
 * Threads: any, one trace per thread.
 */

#define TRACE_BYTES_MAX ((size_t)256 << 20)
#define TRACE_RECORDS_MAX ((size_t)1 << 22)

/* A file as fstat or stat saw it when it was opened or tested. */
struct trace_stat {
	uint64_t dev;
	uint64_t ino;
	uint64_t size;
	int64_t mtime_ns;
	int64_t ctime_ns; /* 0: not known */
	int64_t seen_ns;  /* TRACE_READ: coarse wall clock then */
	uint32_t mode;    /* type and permissions; 0: not known */
};

enum trace_kind {
	TRACE_OTHER,      /* of use to trace_parse alone */
	TRACE_READ,       /* name, st */
	TRACE_WRITE,      /* name; creates */
	TRACE_LIST,       /* name of a directory */
	TRACE_ABSENT,     /* name; number is the errno */
	TRACE_PRESENT,    /* name, other = link target, st; how */
	TRACE_GETENV,     /* name; set */
	TRACE_EXEC,       /* name as executed, other = file found */
	TRACE_EXEC_FAIL,  /* the same; number is the errno */
	TRACE_OBJECT,     /* name of an object loaded after start */
	TRACE_DLOPEN,     /* name as dlopen got it */
	TRACE_RENAME,     /* name, other = new name */
	TRACE_LINK,       /* name, other = new name */
	TRACE_SYMLINK,    /* name = what it holds, other = new name */
	TRACE_UNLINK,     /* name */
	TRACE_MKDIR,      /* name */
	TRACE_SOCKET,     /* number is the family, 0: name lookup; name: of
			  * the local peer, or "" */
	TRACE_CLOCK,      /* wall clock read; number: way and times */
	TRACE_HOST,       /* number: enum obs_host */
	TRACE_NATIVE,     /* a program was told to look at the CPU */
	TRACE_TOLD_TIMES, /* the same, at the times of files */
	TRACE_SETS,       /* number: enum obs_attribute of some file */
	TRACE_ASK,        /* name; number: enum obs_ask */
	TRACE_KINDS
};

/* Of a TRACE_CLOCK's number: enum obs_clock, and how often by then. */
#define TRACE_CLOCK_WAY(number) ((number)&15u)
#define TRACE_CLOCK_TIMES(number) ((number) >> 4)

struct trace_event {
	enum trace_kind kind;
	/* Of TRACE_PRESENT.  `other` is what a link holds, realpath's answer,
	 * or where a change of directory led. */
	enum obs_how how;
	uint32_t process; /* index into processes */
	uint32_t number;
	unsigned creates:1; /* TRACE_WRITE: truncates or creates anew */
	unsigned set:1;     /* TRACE_GETENV: the variable was set */
	unsigned by_cwd:1;  /* a name was given as /proc/self/cwd/... */
	unsigned guest:1;   /* code loaded by dlopen had a part in it: of a
			     * compiler, a macro */
	unsigned write:1;   /* TRACE_PRESENT: asked whether it may be written */
	unsigned no_times:1; /* TRACE_PRESENT: nobody wanted its times */
	const char *name;    /* never NULL; absolute where it is a path */
	const char *other;   /* never NULL; "" if there is none */
	struct trace_stat st;
};

/* One program run: a process has one for each exec. */
struct trace_process {
	uint32_t pid;
	uint32_t parent;     /* pid */
	uint64_t start_ns;   /* CLOCK_BOOTTIME at its start record */
	const char *exe;     /* "" for a forked child that never execs */
	const char *objects; /* nobjects strings, one after the other */
	uint32_t nobjects;
	unsigned started:1; /* left a start record */
	unsigned ended:1;   /* left an end record, or executed another */
	/* Its own code was looked at and holds no such instruction. */
	unsigned no_syscall:1;
	unsigned no_cpuid:1;
	unsigned dispatched:1; /* its own system calls are seen */
	unsigned known:1;      /* by trace_drop_habits: its name counts */
};

/* Why a trace proves nothing; TRACE_WHOLE: it does. */
enum trace_gap {
	TRACE_WHOLE,
	TRACE_NO_RECORDS, /* the first program left no start record */
	TRACE_LOST,       /* records were lost */
	TRACE_BROKEN,     /* undecodable, truncated or too large */
	TRACE_NO_START,   /* a program was started but not seen */
	TRACE_UNSEEN,     /* declared unseen; gap_reason says why */
	TRACE_GAPS
};

struct trace {
	/* In order of writing; what a program did before is left out. */
	struct trace_event *events;
	size_t nevents;
	struct trace_process *processes;
	size_t nprocesses;
	uint32_t lost;
	enum trace_gap gap;      /* the first one found */
	const char *gap_reason;  /* a word such as "static"; or "" */
	const char *gap_name;    /* program or file concerned; or "" */
	size_t bytes;            /* of its records */
	unsigned uses_network:1; /* any TRACE_SOCKET but AF_UNIX that calls
				  * nobody, or whom libc calls by itself */
	unsigned native:1;       /* any TRACE_NATIVE */
	unsigned told_times:1;   /* any TRACE_TOLD_TIMES */
	char *owned;             /* private */
};

/*
 * Creates the observation file `path`, which must not exist, with mode 0600.
 * strict: programs with system calls of their own shall be seen.
 * 0 or -errno; on failure nothing is left behind.
 */
int trace_create(const char *path, int strict);

/*
 * Reads and decodes the file `path`.  0: *t is filled (look at t->gap before
 * anything else; what could be decoded is there even if it is not
 * TRACE_WHOLE) and the caller owes trace_free.  -errno: *t is untouched.
 */
int trace_read(const char *path, struct trace *t);

/*
 * The same from memory.  The trace borrows `data`, which must stay unchanged
 * until trace_free.
 */
int trace_parse(const void *data, size_t size, struct trace *t);

/*
 * Drops events of the clock and the machine that a program causes each time it
 * runs (key/clock_readers), if KNOWS says that the program is what its name
 * says; NULL: all are.
 */
void trace_drop_habits(struct trace *t,
		       bool (*knows)(void *ctx, const char *exe), void *ctx);

/* Frees what the trace holds and clears it; a zeroed trace is fine. */
void trace_free(struct trace *t);

/*
 * The pid of a process of the trace that is still alive, or 0.  Notices when a
 * pid belongs to another process by now.  Does not know children of a bare
 * clone: for those make yourself a child subreaper and call waitpid.
 */
uint32_t trace_alive(const struct trace *t);

/* Why a trace with a gap proves nothing, as the log has it. */
void trace_say_gap(const struct trace *t, char *to, size_t room);

/* A word for a gap, for logs: "lost", "unseen", ... */
const char *trace_gap_word(enum trace_gap gap);

/* A word for a kind of event: "read", "absent", ... */
const char *trace_kind_word(enum trace_kind kind);

/*
 * Calls USE for every file whose code ran, in no order and perhaps repeatedly:
 * programs, the objects they were started with, and those loaded later.  Stops
 * at the first nonzero answer and returns it; otherwise 0.
 */
int trace_each_object(const struct trace *t,
		      int (*use)(void *ctx, const char *path), void *ctx);

/*
 * Writes the environment of an observed child into out[0] and out[1]:
 * "KACHE_OBSERVE=<file>" and "LD_PRELOAD=<library>[:<preload>]", where
 * `preload` is the user's own LD_PRELOAD or NULL.  The caller frees both.
 * 0, -ENOMEM, or -EINVAL if the library's path holds a blank or a colon,
 * which the loader takes for separators.
 */
int trace_environment(const char *file, const char *library,
		      const char *preload, char *out[2]);

#endif
