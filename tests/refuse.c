/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Runs a command to which the kernel refuses a system call, as a sandbox or
 * an exhausted machine may:
 *
 *     refuse NUMBER ERRNO COMMAND...
 */
#define _GNU_SOURCE
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <unistd.h>

int
main(int argc, char **argv)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
			 offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog f = { sizeof(code) / sizeof(code[0]), code };

	if (argc < 4) {
		fputs("usage: refuse NUMBER ERRNO COMMAND...\n", stderr);
		return 2;
	}
	code[1].k = (unsigned)atoi(argv[1]);
	code[2].k |= (unsigned)atoi(argv[2]);
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
	    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &f, 0, 0) < 0) {
		perror("refuse");
		return 125;
	}
	execvp(argv[3], argv + 3);
	perror(argv[3]);
	return 127;
}
