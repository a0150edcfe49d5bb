/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SHIM_MISS_H
#define SHIM_MISS_H

struct job;

/*
 * A unit the store does not have: takes the compile lock, looks again, runs
 * the compiler under the observer and stores the result.  Ends the process
 * as the compiler ended.
 */
void miss_run(struct job *j) __attribute__((noreturn));

#endif
