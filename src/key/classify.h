/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KEY_CLASSIFY_H
#define KEY_CLASSIFY_H

#include <stddef.h>

/*
 * Whether what a program or a shared object does can be seen by the observer.
 * It cannot where libc is bypassed: in static programs, Go, another libc, and
 * wherever a system call instruction stands in the code.  A table names tools
 * whose own system calls are known not to touch files.
 *
 * Shared objects outside the system's directories are also asked whether they
 * iterate over the environment, as macros may; of programs that is not asked,
 * for shells and the like do so all the time.
 *
 * classify_file is quick and starts nothing.  Where it finds bytes that may
 * be a system call it answers CLASSIFY_ASK: then the helper `kache-classify`
 * decides, which has a disassembler.  Answers depend on the file's content
 * and path alone; remembering them by stat is the caller's business.
 */

enum classify_class {
	CLASSIFY_OBSERVABLE,
	CLASSIFY_KNOWN,    /* from the table of known tools */
	CLASSIFY_ASK,      /* only the helper can say */
	CLASSIFY_ITERATES, /* observable, but reads all of environ */
	CLASSIFY_SCRIPT,   /* no ELF file: its interpreter counts */
	CLASSIFY_RAW_SYSCALL,
	CLASSIFY_STRIPPED, /* uses environ, no symbols to say how */
	CLASSIFY_STATIC,
	CLASSIFY_FOREIGN, /* another CPU, class or libc */
	CLASSIFY_SETUID,
	CLASSIFY_GO,
	CLASSIFY_SANITIZER,
	CLASSIFY_UNREADABLE,
	CLASSIFY_CLASSES
};

/*
 * The class of the file `path`.  `sysroot` is the toolchain's directory, in
 * which known tools count as in the system's own directories, or NULL.
 */
enum classify_class classify_file(const char *path, const char *sysroot);

/*
 * For the helper: 1 if it matters whether the shared object `path` iterates
 * over the environment, which it does outside trusted directories.
 */
int classify_minds_environment(const char *path, const char *sysroot);

/*
 * Asks the helper program about n files, for which classify_file answered
 * CLASSIFY_ASK.  0: out[0..n-1] is filled.  -errno: the helper cannot be run
 * or answered nonsense; out untouched.
 */
int classify_ask(const char *helper, const char *const *paths, size_t n,
		 enum classify_class *out);

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

#endif
