/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KEY_PROGRAMS_H
#define KEY_PROGRAMS_H

#include <stdbool.h>

/*
 * What is known of programs and libraries by their names (key/programs.def).
 * It holds only for files of the system or the toolchain (key/provenance):
 * elsewhere anything may bear such a name.  Pure.  Threads: any.
 */
enum program_flags {
	/* Its own system calls are harmless: no libc sees them. */
	PROGRAM_RAW = 1,
	/* It asks for variables by name, each of which the observer sees, and
	 * hands the rest on to children at most.  All other programs may take
	 * the environment as a whole: shells, make and awk make variables of
	 * it, cmake, perl and python tables, cargo keeps a copy. */
	PROGRAM_BY_NAME = 2,
	/* It prints what the CPU says about itself. */
	PROGRAM_CPU = 4,
	/* It looks for programs along PATH, and for nothing else in PATH. */
	PROGRAM_SEARCHES = 8,
	/* It asks for variables that key/unit calls noise, without effect. */
	PROGRAM_ASKS = 16,
	/* It believes PWD only if it is the current directory. */
	PROGRAM_PWD = 32,
	/* It seeds its hashes from /dev/urandom. */
	PROGRAM_SEED = 64,
	/* It lists /proc for its own children. */
	PROGRAM_PROC = 128,
	/* It may look at the clock: no result depends on it. */
	PROGRAM_CLOCK = 256,
	/* It compiles or links: where names lead and what it may write does
	 * not get into what it makes. */
	PROGRAM_COMPILES = 512,
	/* It prints whatever it asks for. */
	PROGRAM_PRINTS = 1024,
	/* Its versions follow its name at once: python3. */
	PROGRAM_DIGITS = 2048
};

/* Which attributes of files it makes use of (key/attributes). */
enum program_uses {
	USES_EVERYTHING, /* of names that it tests; so do unknown programs */
	USES_OPENED,     /* the same, and of files that it opens */
	USES_MODE,
	USES_NOTHING,
	USES_IF_TOLD, /* everything, if a command line or a script that it read
		       * speaks of the times of files */
	USES_IF_SAID  /* the same of a script alone, in words of its own */
};

enum { PROGRAM_READS_ANY = 255 };

struct program {
	const char *name;
	unsigned flags;
	enum program_uses uses;
	/* How often it reads the clock whatever it is told, by time(), by
	 * gettimeofday() and by other functions. */
	unsigned char reads[3];
	unsigned host; /* bits of enum obs_host that it asks in any case */
};

/*
 * The program at PATH.  The prefix of a target (x86_64-linux-gnu-gcc) and a
 * version (gcc-12, python3.11) do not matter.  One that is not known has no
 * flags and USES_EVERYTHING; never NULL.
 */
const struct program *programs_find(const char *path);

/* True for the name of a library whose own system calls are harmless. */
bool programs_has_library(const char *path);

#endif
