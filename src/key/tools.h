/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KEY_TOOLS_H
#define KEY_TOOLS_H

/*
 * What is known of well-known programs by their names, which must be the
 * system's or the toolchain's own (key/provenance).  Pure.  Threads: any.
 */
enum {
	TOOLS_ASK = 1,   /* asks for variables by name, and for those that
			 * key/unit calls noise without consequence */
	TOOLS_PWD = 4,   /* believes PWD only if it is the current directory */
	TOOLS_SEED = 16, /* seeds its hashes from /dev/urandom */
	TOOLS_PROC = 8,  /* lists /proc for its own children */
	TOOLS_CLOCK = 2  /* may look at the clock: no result depends on it.
			 * What others do by habit is not in a trace */
};

/* The flags of the program at PATH; 0 for an unknown one.  A target's prefix
 * (x86_64-linux-gnu-gcc) and a version (gcc-12, ld.bfd) do not matter. */
unsigned tools_look(const char *path);

#endif
