/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "observe/selfscan.h"

#include <link.h>
#include <stddef.h>

#include "observe/obs.h"
#include "observe/rawsys.h"

#define SCAN_MAX ((size_t)1 << 20)

extern __typeof__(dl_iterate_phdr) dl_iterate_phdr __attribute__((weak));

/* "/rustlib/HOST/bin/..." or "/toolchains/NAME/bin/...". */
static int
is_in_bin(const char *s)
{
	int slashes = 0;

	for (; *s != '\0'; s++)
		if (*s == '/' && ++slashes == 3)
			return rawsys_starts(s, "/bin/");
	return 0;
}

int
selfscan_is_strange(const char *exe)
{
	/* Where nobody builds: of others it costs little to look. */
	static const char *const places[] = { "/usr/bin/",     "/usr/sbin/",
					      "/usr/lib/gcc/", "/bin/",
					      "/usr/libexec/", "/usr/lib/llvm-",
					      "/sbin/",        "/nix/store/",
					      "/gnu/store/" };
	size_t i;

	for (i = 0; i < sizeof(places) / sizeof(*places); i++)
		if (rawsys_starts(exe, places[i]))
			return 0;
	/* A compiler's own, wherever it lies: known tools (key/classify). */
	for (; *exe != '\0'; exe++)
		if ((rawsys_starts(exe, "/rustlib/") ||
		     rawsys_starts(exe, "/toolchains/")) &&
		    is_in_bin(exe))
			return 0;
	return 1;
}

static uint16_t
scan(const unsigned char *code, size_t n)
{
	unsigned found = arch_scan(code, n);
	uint16_t flags = 0;

	if (!(found & ARCH_HAS_SYSCALL))
		flags |= OBS_NO_SYSCALL;
	if (!(found & ARCH_HAS_CPUID))
		flags |= OBS_NO_CPUID;
	return flags;
}

/* The first object is the program. */
static int
look(struct dl_phdr_info *info, size_t size, void *ctx)
{
	uint16_t *flags = ctx, all = OBS_NO_SYSCALL | OBS_NO_CPUID;
	int i;

	(void)size;
	for (i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *p = &info->dlpi_phdr[i];

		if (p->p_type != PT_LOAD || !(p->p_flags & PF_X))
			continue;
		/* What may not be read, and what changes while it runs. */
		if (p->p_memsz > SCAN_MAX || !(p->p_flags & PF_R) ||
		    p->p_flags & PF_W)
			return 1;
		all &= scan(
			(const unsigned char *)(info->dlpi_addr + p->p_vaddr),
			p->p_memsz);
	}
	*flags = all;
	return 1;
}

uint16_t
selfscan_flags(const char *exe)
{
	uint16_t flags = 0;

	if (dl_iterate_phdr && selfscan_is_strange(exe))
		dl_iterate_phdr(look, &flags);
	return flags;
}
