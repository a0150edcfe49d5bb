/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OBSERVE_SELFSCAN_H
#define OBSERVE_SELFSCAN_H

#include <stdint.h>

/* What the program's own code contains, as flags of OBS_START. Configure
 * scripts make, run and remove programs, which cannot be examined afterwards.
 * Large programs and those of the system, which stay, are not scanned. */
uint16_t selfscan_flags(const char *exe);

/* 1 if it is none of the system's or of a Rust toolchain's. */
int selfscan_is_strange(const char *exe);

#endif
