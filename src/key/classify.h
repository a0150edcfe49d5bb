/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KEY_CLASSIFY_H
#define KEY_CLASSIFY_H

#include <stddef.h>

#include "key/provenance.h" /* allow: value */

/*
 * Whether the observer sees everything that a program or shared object does.
 * It does not if libc is bypassed: by static programs, Go, another libc, or
 * system call instructions in the code.  The system calls of tools and
 * libraries that key/programs lists are known not to touch files.
 *
 * Traits are inputs that no call of libc shows: the environment as a whole,
 * what the CPU says about itself.
 *
 * classify_file is quick and starts nothing.  Where the code must be read it
 * answers CLASSIFY_ASK; the helper `kache-classify`, which has a disassembler,
 * then decides.  Answers depend on the file's content, its path and whose it
 * is (key/provenance).  The caller may remember them by stat.  Threads: any.
 */

enum classify_class {
	CLASSIFY_OBSERVABLE,
	CLASSIFY_KNOWN,  /* from the table of known tools */
	CLASSIFY_ASK,    /* only the helper can say */
	CLASSIFY_SCRIPT, /* no ELF file: its interpreter counts */
	CLASSIFY_RAW_SYSCALL,
	CLASSIFY_STATIC,
	CLASSIFY_FOREIGN, /* another CPU, class or libc */
	CLASSIFY_SETUID,
	CLASSIFY_GO,
	CLASSIFY_SANITIZER,
	CLASSIFY_UNREADABLE,
	CLASSIFY_CLASSES
};

enum classify_trait {
	/* The system's or the toolchain's. */
	CLASSIFY_SYSTEM = 1,
	/* A tool of the system known to ask for variables by their names. */
	CLASSIFY_TOOL = 2,
	/* It cannot be excluded that it reads the environment as a whole. */
	CLASSIFY_ENVIRONMENT = 4,
	/* Asks the CPU for its kind (cpuid), and is not the system's. */
	CLASSIFY_CPU = 8,
	/* It contains the crate cc, which copies the environment and looks
	 * for its own names there (key/ambient). */
	CLASSIFY_CC = 16,
	/* Not the system's, and refers to functions of std that return a
	 * file's permissions, its mtime, its other times, or its owner and
	 * number of links. */
	CLASSIFY_MODE = 32,
	CLASSIFY_TIMES = 64,
	CLASSIFY_CLOCKS = 128,
	CLASSIFY_OWNER = 256,
	/* A program whose code does not show whether it does. */
	CLASSIFY_OPAQUE = 512
};

struct classified {
	enum classify_class class;
	unsigned traits; /* enum classify_trait; with ASK not all */
};

/* Classifies the file PATH, which exists.  What is known of its name counts
 * only if it is the system's or the toolchain's. */
struct classified classify_file(const char *path, enum provenance_place place);

/*
 * Asks the helper about N files of one place for which classify_file answered
 * CLASSIFY_ASK.  0: out[0..n-1] is filled.  -errno: the helper cannot be run or
 * its answer makes no sense; OUT is untouched.
 */
int classify_ask(const char *helper, enum provenance_place place,
		 const char *const *paths, size_t n, struct classified *out);

/* The helper's word for a place, and back: -1 if there is no such word. */
const char *classify_place_word(enum provenance_place place);
int classify_place_from(const char *word);

/*
 * 1 if the observer sees whatever such a file reads, so that results it had a
 * part in may be stored.  0 for CLASSIFY_ASK, which is no answer; 1 for
 * CLASSIFY_SCRIPT, because its interpreter is in the trace, too.
 */
int classify_is_seen(enum classify_class c);

/* "observable", "raw-syscall", ...: the helper's and the log's word. */
const char *classify_word(enum classify_class c);

/* The class with that word, or CLASSIFY_CLASSES. */
enum classify_class classify_from_word(const char *word);

enum { CLASSIFY_TRAITS = 11 };

/* The helper's spelling: one letter for each trait that is set, or "-". */
void classify_spell_traits(unsigned traits, char out[CLASSIFY_TRAITS]);

/* 0 and *out, or -EBADMSG. */
int classify_read_traits(const char *letters, unsigned *out);

#endif
