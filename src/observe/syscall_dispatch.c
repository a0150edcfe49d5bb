/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "observe/syscall_dispatch.h"

#include <link.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>

#include "arch/context.h"
#include "observe/dispatch_thread.h"
#include "observe/emit.h"
#include "observe/note.h"
#include "observe/obs.h"
#include "observe/on_syscall.h"
#include "observe/rawsys.h"

#define LIBC "libc.so."

extern __typeof__(dl_iterate_phdr) dl_iterate_phdr __attribute__((weak));

struct range {
	uintptr_t start;
	size_t size;
};

static struct range libc_code;
static struct range quiet[2]; /* our own code and the loader's */
static int
within(const struct range *r, uintptr_t at)
{
	return at - r->start < r->size;
}

static int
is_called(const char *name, const char *base)
{
	const char *p = name;

	for (; *name != '\0'; name++)
		if (*name == '/')
			p = name + 1;
	return rawsys_starts(p, base);
}

static struct range
code_of(const struct dl_phdr_info *info)
{
	struct range r = { 0, 0 };
	int i;

	for (i = 0; i < info->dlpi_phnum; i++)
		if (info->dlpi_phdr[i].p_type == PT_LOAD &&
		    info->dlpi_phdr[i].p_flags & PF_X) {
			r.start = info->dlpi_addr + info->dlpi_phdr[i].p_vaddr;
			r.size = info->dlpi_phdr[i].p_memsz;
		}
	return r;
}

static int
look(struct dl_phdr_info *info, size_t size, void *ctx)
{
	struct range r = code_of(info);

	(void)size;
	(void)ctx;
	if (within(&r, (uintptr_t)syscall_dispatch_begin))
		quiet[0] = r;
	else if (info->dlpi_name && is_called(info->dlpi_name, LIBC))
		libc_code = r;
	else if (info->dlpi_name && is_called(info->dlpi_name, ARCH_LOADER))
		quiet[1] = r;
	return 0;
}

static int
makes_task(long number)
{
	return number == SYS_clone || number == SYS_clone3 ||
	       number == SYS_fork || number == SYS_vfork;
}

static long
make_call(const struct arch_call *c)
{
	const long *a = c->arg;

	if (c->number == SYS_exit_group)
		note_end();
	if (on_syscall_knows(c->number, a[0]))
		return on_syscall_kernel(c->number, a[0], a[1], a[2], a[3],
					 a[4], a[5]);
	return rawsys6(c->number, a[0], a[1], a[2], a[3], a[4], a[5]);
}

/*
 * Returns through libc's code, from where calls are free.  What makes a task
 * cannot be made from here: it is made again where it stands, and what comes
 * of it is not seen.
 */
static void
on_sigsys(int signal, siginfo_t *info, void *context)
{
	struct arch_call c = arch_call_of(context);
	uintptr_t at = (uintptr_t)info->si_call_addr;

	(void)signal;
	dispatch_thread_pause();
	if (within(&quiet[0], at) || within(&quiet[1], at)) {
		arch_call_return(context,
				 rawsys6(c.number, c.arg[0], c.arg[1], c.arg[2],
					 c.arg[3], c.arg[4], c.arg[5]));
	} else if (makes_task(c.number)) {
		emit_path(OBS_UNSEEN, OBS_RAW_CALL, EMIT_PLAIN, "clone");
		arch_call_again(context);
		return;
	} else {
		arch_call_return(context, make_call(&c));
	}
	dispatch_thread_resume();
}

int
syscall_dispatch_begin(void)
{
	if (!dl_iterate_phdr)
		return 0;
	dl_iterate_phdr(look, NULL);
	if (libc_code.size == 0 || quiet[0].size == 0)
		return 0;
	return dispatch_thread_begin(libc_code.start, libc_code.size,
				     on_sigsys);
}
