/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "observe/caller_scan.h"

#include <errno.h>
#include <link.h>
#include <stdint.h>

#include "observe/rawsys.h"

#define RANGES_MAX 512
/* Between a guest and us are only functions of std and libc, some with a
 * buffer or two of PATH_MAX. */
#define STACK_BYTES ((size_t)128 * 1024)
#define PAGE ((uintptr_t)4096)

extern __typeof__(dl_iterate_phdr) dl_iterate_phdr __attribute__((weak));

struct range {
	uintptr_t from, to;
};

static struct range ranges[RANGES_MAX];
static unsigned nranges;
static unsigned known; /* objects that were there before any guest */
static int announced;  /* the loader may have added some */
static int overflow;   /* too many: everybody counts as one */
static uintptr_t lowest = UINTPTR_MAX, highest;

struct walk {
	unsigned index;
	unsigned n; /* ranges found */
};

static int
count(struct dl_phdr_info *info, size_t size, void *ctx)
{
	(void)info;
	(void)size;
	++*(unsigned *)ctx;
	return 0;
}

static void
add_range(struct walk *w, uintptr_t from, size_t n)
{
	if (w->n == RANGES_MAX) {
		overflow = 1;
		return;
	}
	ranges[w->n++] = (struct range){ from, from + n };
	if (from < lowest)
		lowest = from;
	if (from + n > highest)
		highest = from + n;
}

/* rustc loads its own back ends in the same way. */
static int
is_own_part(const char *name)
{
	for (; name && *name != '\0'; name++)
		if (rawsys_starts(name, "/codegen-backends/"))
			return 1;
	return 0;
}

static int
add_object(struct dl_phdr_info *info, size_t size, void *ctx)
{
	struct walk *w = ctx;
	int i;

	(void)size;
	if (w->index++ < known || is_own_part(info->dlpi_name))
		return 0;
	for (i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *p = &info->dlpi_phdr[i];

		if (p->p_type == PT_LOAD && p->p_flags & PF_X)
			add_range(w, info->dlpi_addr + p->p_vaddr, p->p_memsz);
	}
	return 0;
}

void
caller_scan_announce(void)
{
	if (dl_iterate_phdr && known == 0)
		dl_iterate_phdr(count, &known);
	__atomic_store_n(&announced, 1, __ATOMIC_RELEASE);
}

/* Objects are in the order of their loading, and compilers close none. */
static void
learn_ranges(void)
{
	struct walk w = { 0, 0 };

	if (!__atomic_exchange_n(&announced, 0, __ATOMIC_ACQ_REL))
		return;
	if (dl_iterate_phdr)
		dl_iterate_phdr(add_object, &w);
	__atomic_store_n(&nranges, w.n, __ATOMIC_RELEASE);
}

/* The kernel looks at the set before it refuses what is to be done with it. */
static int
is_readable(uintptr_t page)
{
	return rawsys4(SYS_rt_sigprocmask, -1, (long)page, 0, 8) != -EFAULT;
}

/* Behind a call: of a distance, or through a register or memory. */
static int
is_return(const unsigned char *at)
{
	unsigned n;

	if (at[-5] == 0xe8)
		return 1;
	for (n = 2; n <= 7; n++)
		if (at[-(int)n] == 0xff && (at[1 - (int)n] & 0x38) == 0x10)
			return 1;
	return 0;
}

static int
is_guest(uintptr_t address)
{
	unsigned n = __atomic_load_n(&nranges, __ATOMIC_ACQUIRE), i;

	if (address < lowest || address >= highest)
		return 0;
	for (i = 0; i < n; i++)
		if (address - ranges[i].from >= 8 && address < ranges[i].to &&
		    address > ranges[i].from)
			return is_return((const unsigned char *)address);
	return 0;
}

__attribute__((noinline)) static int
scan(uintptr_t from)
{
	uintptr_t at, end = from + STACK_BYTES;

	for (at = from & ~(uintptr_t)7; at < end; at += sizeof(at)) {
		if (at % PAGE == 0 && !is_readable(at))
			return 0;
		if (is_guest(*(const uintptr_t *)at))
			return 1;
	}
	return 0;
}

int
caller_scan_calls(void)
{
	learn_ranges();
	if (overflow)
		return 1;
	if (__atomic_load_n(&nranges, __ATOMIC_ACQUIRE) == 0)
		return 0;
	return scan((uintptr_t)__builtin_frame_address(0));
}
