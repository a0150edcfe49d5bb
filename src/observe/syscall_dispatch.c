/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "syscall_dispatch.h"

#include <link.h>
#include <pthread.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>
#include <threads.h>
#include <ucontext.h>

#include "emit.h"
#include "obs.h"
#include "on.h"
#include "on_syscall.h"
#include "rawsys.h"
#include "realsym.h"

#define SET_DISPATCH 59
#define SYSCALL_DISPATCH_ON 1
#define LIBC "libc.so."
#define LOADER "ld-linux-x86-64.so.2"

extern __typeof__(dl_iterate_phdr) dl_iterate_phdr __attribute__((weak));

enum { ALLOW, BLOCK };

struct range {
	uintptr_t start;
	size_t size;
};

static struct range libc_code;
static struct range quiet[2]; /* our own code and the loader's */
static int begun;

/* What the kernel looks at before it hands a call over. */
static __thread volatile char selector
	__attribute__((tls_model("initial-exec")));

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
	else if (info->dlpi_name && is_called(info->dlpi_name, LOADER))
		quiet[1] = r;
	return 0;
}

static int
syscall_dispatch_thread(void)
{
	selector = BLOCK;
	return rawsys6(SYS_prctl, SET_DISPATCH, SYSCALL_DISPATCH_ON,
		       (long)libc_code.start, (long)libc_code.size,
		       (long)&selector, 0) == 0;
}

static int
makes_task(long number)
{
	return number == SYS_clone || number == SYS_clone3 ||
	       number == SYS_fork || number == SYS_vfork;
}

static long
make_call(const greg_t *r)
{
	long number = r[REG_RAX];

	if (number == SYS_exit_group)
		on_call_end();
	if (on_syscall_knows(number, r[REG_RDI]))
		return on_syscall_kernel(number, r[REG_RDI], r[REG_RSI],
					 r[REG_RDX], r[REG_R10], r[REG_R8],
					 r[REG_R9]);
	return rawsys6(number, r[REG_RDI], r[REG_RSI], r[REG_RDX], r[REG_R10],
		       r[REG_R8], r[REG_R9]);
}

/*
 * Returns through libc's code, from where calls are free.  What makes a task
 * cannot be made from here: it is made again where it stands, and what comes
 * of it is not seen.
 */
static void
on_sigsys(int signal, siginfo_t *info, void *context)
{
	greg_t *r = ((ucontext_t *)context)->uc_mcontext.gregs;
	uintptr_t at = (uintptr_t)info->si_call_addr;

	(void)signal;
	selector = ALLOW;
	if (within(&quiet[0], at) || within(&quiet[1], at)) {
		r[REG_RAX] =
			rawsys6(r[REG_RAX], r[REG_RDI], r[REG_RSI], r[REG_RDX],
				r[REG_R10], r[REG_R8], r[REG_R9]);
	} else if (makes_task(r[REG_RAX])) {
		emit_path(OBS_UNSEEN, OBS_RAW_CALL, EMIT_PLAIN, "clone");
		r[REG_RIP] -= 2;
		return;
	} else {
		r[REG_RAX] = make_call(r);
	}
	selector = BLOCK;
}

int
syscall_dispatch_begin(void)
{
	struct sigaction sa = { .sa_sigaction = on_sigsys,
				.sa_flags = SA_SIGINFO | SA_NODEFER };

	if (!dl_iterate_phdr)
		return 0;
	dl_iterate_phdr(look, NULL);
	if (libc_code.size == 0 || quiet[0].size == 0 ||
	    REAL(sigaction)(SIGSYS, &sa, NULL) != 0)
		return 0;
	begun = syscall_dispatch_thread();
	return begun;
}

int
syscall_dispatch_on(void)
{
	return begun;
}

void
syscall_dispatch_again(void)
{
	if (begun)
		syscall_dispatch_thread();
}

/* A thread's own function, behind one that begins its dispatch. */
struct birth {
	union {
		void *(*posix)(void *);
		int (*c11)(void *);
	} fn;
	void *arg;
};

static struct birth *
make_birth(void *arg)
{
	long at = rawsys6(SYS_mmap, 0, sizeof(struct birth),
			  PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
			  -1, 0);
	struct birth *b = at < 0 && at > -4096 ? NULL : (struct birth *)at;

	if (b)
		b->arg = arg;
	return b;
}

static struct birth
take_birth(void *from)
{
	struct birth b = *(struct birth *)from;

	rawsys2(SYS_munmap, (long)from, sizeof b);
	syscall_dispatch_thread();
	return b;
}

static void *
begin_posix(void *from)
{
	struct birth b = take_birth(from);

	return b.fn.posix(b.arg);
}

static int
begin_c11(void *from)
{
	struct birth b = take_birth(from);

	return b.fn.c11(b.arg);
}

EXPORT int
pthread_create(pthread_t *restrict thread, const pthread_attr_t *restrict attr,
	       void *(*fn)(void *), void *restrict arg)
{
	struct birth *b = begun ? make_birth(arg) : NULL;
	int rc;

	if (!b)
		return REAL(pthread_create)(thread, attr, fn, arg);
	b->fn.posix = fn;
	rc = REAL(pthread_create)(thread, attr, begin_posix, b);
	if (rc != 0)
		rawsys2(SYS_munmap, (long)b, sizeof *b);
	return rc;
}

EXPORT int
thrd_create(thrd_t *thread, thrd_start_t fn, void *arg)
{
	struct birth *b = begun ? make_birth(arg) : NULL;
	int rc;

	if (!b)
		return REAL(thrd_create)(thread, fn, arg);
	b->fn.c11 = fn;
	rc = REAL(thrd_create)(thread, begin_c11, b);
	if (rc != thrd_success)
		rawsys2(SYS_munmap, (long)b, sizeof *b);
	return rc;
}

/* SIGSYS is ours, and must be let through: a blocked one ends the process. */
static sigset_t
without_ours(const sigset_t *set)
{
	sigset_t s = *set;
	unsigned long *bits = (unsigned long *)(void *)&s;

	bits[0] &= ~(1ul << (SIGSYS - 1));
	return s;
}

#define ON_MASK(fn) \
	EXPORT int fn(int how, const sigset_t *restrict set, \
		      sigset_t *restrict old) \
	{ \
		sigset_t s; \
		if (set && begun && how != SIG_UNBLOCK) { \
			s = without_ours(set); \
			set = &s; \
		} \
		return REAL(fn)(how, set, old); \
	}

ON_MASK(sigprocmask)
ON_MASK(pthread_sigmask)

EXPORT int
sigaction(int signal, const struct sigaction *restrict act,
	  struct sigaction *restrict old)
{
	struct sigaction sa;

	if (!act || !begun)
		return REAL(sigaction)(signal, act, old);
	if (signal == SIGSYS)
		return REAL(sigaction)(signal, NULL, old);
	sa = *act;
	sa.sa_mask = without_ours(&act->sa_mask);
	return REAL(sigaction)(signal, &sa, old);
}
