/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KEY_CLASSIFY_H
#define KEY_CLASSIFY_H

#include <stddef.h>

#include "key/provenance.h" /* allow: value */

/*
 * Whether what a program or a shared object does can be seen by the observer.
 * It cannot where libc is bypassed: in static programs, Go, another libc, and
 * wherever a system call instruction stands in the code.  A table names tools
 * whose own system calls are known not to touch files.
 *
 * Traits tell what a file takes in that no call of libc shows: all of the
 * environment at once, and what the CPU says about itself.
 *
 * classify_file is quick and starts nothing.  Where the code must be read it
 * answers CLASSIFY_ASK: then the helper `kache-classify` decides, which has a
 * disassembler.  Answers depend on the file's content, its path and whose it
 * is (key/provenance); remembering them by stat is the caller's business.
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
	/* May read the environment as a whole: what cannot be excluded. */
	CLASSIFY_ENVIRONMENT = 4,
	/* Asks the CPU for its kind (cpuid), and is not the system's. */
	CLASSIFY_CPU = 8,
	/* The crate cc in it copies the environment, to look for its own
	 * names there (key/ambient). */
	CLASSIFY_CC = 16,
	/* Not of the system; refers to functions of std that tell of a file
	 * its permissions, when it was written, its other times, its owner or
	 * the number of its links. */
	CLASSIFY_MODE = 32,
	CLASSIFY_TIMES = 64,
	CLASSIFY_CLOCKS = 128,
	CLASSIFY_OWNER = 256,
	/* A program of which the code does not tell that. */
	CLASSIFY_OPAQUE = 512
};

struct classified {
	enum classify_class class;
	unsigned traits; /* enum classify_trait; with ASK not all */
};

/* Classifies the file `path`, which is there.  What tables know of its name
 * counts for files of the system and of the toolchain. */
struct classified classify_file(const char *path, enum provenance_place place);

/*
 * Asks the helper program about n files of one place, for which classify_file
 * answered CLASSIFY_ASK.  0: out[0..n-1] is filled.  -errno: the helper cannot
 * be run or answered nonsense; out untouched.
 */
int classify_ask(const char *helper, enum provenance_place place,
		 const char *const *paths, size_t n, struct classified *out);

/* A word for a place, as the helper takes it; the place of a word, or -1. */
const char *classify_place_word(enum provenance_place place);
int classify_place_from(const char *word);

/*
 * 1 if a result may be stored that such a file had a part in: whatever it
 * reads is seen.  CLASSIFY_ASK is not an answer, hence 0; CLASSIFY_SCRIPT is
 * 1, as its interpreter is in the trace too.
 */
int classify_is_seen(enum classify_class c);

/* "observable", "raw-syscall", ...: the helper's and the log's word. */
const char *classify_word(enum classify_class c);

/* The class with that word, or CLASSIFY_CLASSES. */
enum classify_class classify_from_word(const char *word);

enum { CLASSIFY_TRAITS = 11 };

/* One letter for each trait that is set, or "-": the helper's. */
void classify_spell_traits(unsigned traits, char out[CLASSIFY_TRAITS]);

/* 0 and *out, or -EBADMSG. */
int classify_read_traits(const char *letters, unsigned *out);

#endif
