/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLASSIFY_ENVSCAN_H
#define CLASSIFY_ENVSCAN_H

struct elfimage;

/*
 * Whether a shared object or program reads the environment as a whole.  All
 * Rust code with std contains functions that do, because Command passes the
 * environment on to children; so what counts is which functions call them.  A
 * program's main gets the environment as an argument; only that of Rust
 * programs is known not to use it.  Threads: one.
 */
enum envscan_answer {
	ENVSCAN_NO,
	ENVSCAN_CC, /* only the crate cc does, for its own names */
	ENVSCAN_YES,
	ENVSCAN_UNKNOWN, /* it has no symbols, or a main of its own */
	ENVSCAN_FAILED   /* out of memory */
};

/* *WHO: the function that does, or ""; valid as long as the image. */
enum envscan_answer envscan_run(const struct elfimage *im, int is_program,
				const char **who);

/* 1 if std starts the program, as in Rust; 0 also if one cannot tell. */
int envscan_is_rust(const struct elfimage *im);

/* 1 if Rust code outside of std calls one of libc's stat functions. */
int envscan_calls_stat(const struct elfimage *im);

#endif
