/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KEY_RUN_KEY_H
#define KEY_RUN_KEY_H

#include <stdbool.h>
#include <stdint.h>

struct buf;
struct digest;

/*
 * The K0 of a build script's run: another program, toolchain or user is
 * another run.  All else that a script asks for is in its input list.  Pure.
 * Threads: any.
 */
struct run_in {
	const struct digest *program;
	const struct digest *toolchain;
	bool root;            /* permissions do not concern it */
	const char *called;   /* what the program is called; NULL: as cargo
			       * calls all of them */
	const char *declared; /* [inputs] allow's paths, or NULL */
	/* NULL, or three numbers of the project that declares them: another
	 * one, or a copy of it, may lie in what cannot be observed. */
	const uint64_t *project;
};

/* 0 or -ENOMEM.  LIST, if not NULL, gets the list of its parts
 * (key/key_parts). */
int run_key(const struct run_in *in, struct digest *k0, struct buf *list);

#endif
