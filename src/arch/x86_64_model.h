/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ARCH_X86_64_MODEL_H
#define ARCH_X86_64_MODEL_H

#include <cpuid.h>
#include <stddef.h>
#include <string.h>

/* The leaves of CPUID (Intel SDM 2A; AMD APM 3) that tell models apart; ADD is
 * called with each one's bytes, always in the same order. */
static inline void
arch_model(void (*add)(void *ctx, const void *p, size_t n), void *ctx)
{
	static const unsigned leaves[] = { 0,          1,         7,    0xd,
					   0x14,       0x19,      0x1e, 0x24,
					   0x80000001, 0x80000008 };
	unsigned r[4];

	for (size_t i = 0; i < sizeof(leaves) / sizeof(leaves[0]); i++) {
		memset(r, 0, sizeof(r));
		if (!__get_cpuid_count(leaves[i], 0, &r[0], &r[1], &r[2],
				       &r[3]))
			continue;
		/* The APIC id in leaf 1 is the core we happen to run on. */
		if (leaves[i] == 1)
			r[1] = 0;
		/* Sizes of the enabled state, and the thread count. */
		if (leaves[i] == 0xd || leaves[i] == 0x80000008)
			r[2] = 0;
		add(ctx, r, sizeof(r));
	}
}

#endif
