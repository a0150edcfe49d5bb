/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLASSIFY_ENVSCAN_H
#define CLASSIFY_ENVSCAN_H

struct elfimage;

/*
 * Whether a shared object or program reads the environment as a whole.  All
 * Rust code with std holds what does, for Command hands it on to children; so
 * what counts is who calls it.  A program's main gets the environment as an
 * argument, which only Rust's own is known not to look at.
 */
enum envscan_answer {
	ENVSCAN_NO,
	ENVSCAN_CC, /* none but the crate cc, which looks for its own names */
	ENVSCAN_YES,
	ENVSCAN_UNKNOWN, /* no symbols to tell by, or a main of its own */
	ENVSCAN_FAILED   /* out of memory */
};

/* *who: the function that does, valid as long as the image; or "". */
enum envscan_answer envscan_run(const struct elfimage *im, int is_program,
				const char **who);

/* 1 if the program starts as Rust's do, by std; 0 also if nothing tells. */
int envscan_is_rust(const struct elfimage *im);

/* 1 if Rust code other than std's calls one of libc's stat functions. */
int envscan_calls_stat(const struct elfimage *im);

#endif
