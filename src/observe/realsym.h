/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OBSERVE_REALSYM_H
#define OBSERVE_REALSYM_H

/*
 * The function `name` that the program would have called without us: the
 * first one in the loader's order after this library, so that libraries the
 * user preloads keep their place in the chain.  Remembered in *slot.  Never
 * NULL: where there is none, a function that fails with ENOSYS.  Takes no
 * lock and allocates nothing; threads may race to the same answer.
 */
void *realsym_get(void **slot, const char *name);

/* REAL(open)(path, flags) calls the real open. */
#define REAL(fn) \
	(__extension__({ \
		static void *slot; \
		(__typeof__(&fn))realsym_get(&slot, #fn); \
	}))

#endif
