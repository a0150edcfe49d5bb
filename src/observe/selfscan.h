/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OBSERVE_SELFSCAN_H
#define OBSERVE_SELFSCAN_H

#include <stdint.h>

/*
 * What the program's own code holds, as flags of OBS_START: programs that
 * configure scripts make, run and remove cannot be looked at afterwards.
 * Large programs, and those of the system, which stay, are not looked at.
 */
uint16_t selfscan_flags(const char *exe);

/* 1 if it is none of the system's or of a Rust toolchain's. */
int selfscan_is_strange(const char *exe);

#endif
