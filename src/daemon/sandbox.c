/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "daemon/sandbox.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

enum { NONE = -1, X32_BIT = 0x40000000 };

/* Numbers for 64-bit and 32-bit programs (the kernel's tables; headers may be
 * older than it). */
static const struct {
	int wide, narrow;
} refused[] = {
	/* Other processes. */
	{ SYS_ptrace, 26 },
	{ SYS_process_vm_readv, 347 },
	{ SYS_process_vm_writev, 348 },
	{ 438, 438 }, /* pidfd_getfd */
	{ SYS_kcmp, 349 },
	/* The kernel's own code and state. */
	{ SYS_kexec_load, 283 },
	{ 320, NONE }, /* kexec_file_load */
	{ SYS_init_module, 128 },
	{ SYS_finit_module, 350 },
	{ SYS_delete_module, 129 },
	{ SYS_reboot, 88 },
	{ SYS_swapon, 87 },
	{ SYS_swapoff, 115 },
	{ SYS_acct, 51 },
	{ SYS_iopl, 110 },
	{ SYS_ioperm, 101 },
	{ SYS_settimeofday, 79 },
	{ SYS_clock_settime, 264 },
	{ NONE, 404 }, /* clock_settime64 */
	{ SYS_adjtimex, 124 },
	{ SYS_clock_adjtime, 343 },
	{ NONE, 405 }, /* clock_adjtime64 */
	{ NONE, 25 },  /* stime */
	/* Where holes were found most often. */
	{ SYS_bpf, 357 },
	{ SYS_perf_event_open, 336 },
	{ SYS_userfaultfd, 374 },
	{ SYS_add_key, 286 },
	{ SYS_request_key, 287 },
	{ SYS_keyctl, 288 },
	{ 425, 425 }, /* io_uring_setup */
	{ 426, 426 }, /* io_uring_enter */
	{ 427, 427 }, /* io_uring_register */
};

enum {
	REFUSED = sizeof(refused) / sizeof(refused[0]),
	LENGTH = 2 * 2 * REFUSED + 16
};

struct program {
	struct sock_filter code[LENGTH];
	unsigned short n;
};

static void
add(struct program *p, unsigned short code, unsigned char yes, unsigned char no,
    unsigned k)
{
	p->code[p->n++] = (struct sock_filter){ code, yes, no, k };
}

static void
load(struct program *p, size_t offset)
{
	add(p, BPF_LD | BPF_W | BPF_ABS, 0, 0, (unsigned)offset);
}

static void
answer(struct program *p, unsigned what)
{
	add(p, BPF_RET | BPF_K, 0, 0, what);
}

/* Refuses the number NR, which is loaded. */
static void
refuse(struct program *p, int nr)
{
	if (nr == NONE)
		return;
	add(p, BPF_JMP | BPF_JEQ | BPF_K, 0, 1, (unsigned)nr);
	answer(p, SECCOMP_RET_ERRNO | EPERM);
}

static void
write_program(struct program *p)
{
	unsigned short narrow;

	load(p, offsetof(struct seccomp_data, arch));
	/* Patched below: to the part for 32-bit programs. */
	narrow = p->n;
	add(p, BPF_JMP | BPF_JEQ | BPF_K, 1, 0, AUDIT_ARCH_X86_64);
	add(p, BPF_JMP | BPF_JA, 0, 0, 0);
	load(p, offsetof(struct seccomp_data, nr));
	/* The third numbering, which nobody uses. */
	add(p, BPF_JMP | BPF_JGE | BPF_K, 0, 1, X32_BIT);
	answer(p, SECCOMP_RET_ERRNO | ENOSYS);
	for (int i = 0; i < REFUSED; i++)
		refuse(p, refused[i].wide);
	answer(p, SECCOMP_RET_ALLOW);
	p->code[narrow + 1].k = (unsigned)(p->n - narrow - 2);
	load(p, offsetof(struct seccomp_data, nr));
	for (int i = 0; i < REFUSED; i++)
		refuse(p, refused[i].narrow);
	answer(p, SECCOMP_RET_ALLOW);
}

int
sandbox_enter(void)
{
	struct program p = { .n = 0 };
	struct sock_fprog f = { .filter = p.code };

	write_program(&p);
	f.len = p.n;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
	    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &f, 0, 0) < 0)
		return -errno;
	return 0;
}
