/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OBSERVE_ENVSCAN_H
#define OBSERVE_ENVSCAN_H

struct elfimage;

/*
 * Whether a shared object reads the environment as a whole.  Every Rust
 * library with std holds code that does, for Command hands it on to children;
 * so what counts is who calls it.
 */
enum envscan_answer {
	ENVSCAN_NO,
	ENVSCAN_YES,
	ENVSCAN_UNKNOWN, /* no symbols to tell by */
	ENVSCAN_FAILED   /* out of memory */
};

/* *who: the function that does, valid as long as the image; or "". */
enum envscan_answer envscan_run(const struct elfimage *im, const char **who);

#endif
