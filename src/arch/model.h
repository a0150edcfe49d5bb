/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ARCH_MODEL_H
#define ARCH_MODEL_H

/* What a program can ask the CPU about itself, for keys of what was compiled
 * for this CPU: equal on two CPUs means that a compiler told "native" does the
 * same.  Threads: any. */
#if defined(__x86_64__)
#include "arch/x86_64_model.h" /* allow: the CPU's */
#else
#error "no model for this CPU in src/arch"
#endif

#endif
