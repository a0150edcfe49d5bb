/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "observe/dispatch_thread.h"

#include <pthread.h>
#include <signal.h>
#include <stddef.h>
#include <sys/mman.h>
#include <threads.h>

#include "observe/on.h"
#include "observe/rawsys.h"
#include "observe/realsym.h"

#define SET_DISPATCH 59
#define SYSCALL_DISPATCH_ON 1

enum { ALLOW, BLOCK };

static uintptr_t free_start;
static size_t free_size;
static int begun;

/* What the kernel looks at before it hands a call over. */
static __thread volatile char selector
	__attribute__((tls_model("initial-exec")));

static int
begin_thread(void)
{
	selector = BLOCK;
	return rawsys6(SYS_prctl, SET_DISPATCH, SYSCALL_DISPATCH_ON,
		       (long)free_start, (long)free_size, (long)&selector,
		       0) == 0;
}

int
dispatch_thread_begin(uintptr_t start, size_t size,
		      void (*handler)(int, siginfo_t *, void *))
{
	struct sigaction sa = { .sa_sigaction = handler,
				.sa_flags = SA_SIGINFO | SA_NODEFER };

	if (REAL(sigaction)(SIGSYS, &sa, NULL) != 0)
		return 0;
	free_start = start;
	free_size = size;
	begun = begin_thread();
	return begun;
}

void
dispatch_thread_pause(void)
{
	selector = ALLOW;
}

void
dispatch_thread_resume(void)
{
	selector = BLOCK;
}

int
dispatch_thread_on(void)
{
	return begun;
}

void
dispatch_thread_again(void)
{
	if (begun)
		begin_thread();
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

	rawsys2(SYS_munmap, (long)from, sizeof(b));
	begin_thread();
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
		rawsys2(SYS_munmap, (long)b, sizeof(*b));
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
		rawsys2(SYS_munmap, (long)b, sizeof(*b));
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
