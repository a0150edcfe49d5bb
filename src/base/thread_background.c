/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "base/thread_background.h"

#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Linux has both priorities for each thread. */
void
thread_background(void)
{
	enum { WHO_PROCESS = 1, CLASS_IDLE = 3 << 13 };
	pid_t tid = (pid_t)syscall(SYS_gettid);

	setpriority(PRIO_PROCESS, (id_t)tid, 19);
	syscall(SYS_ioprio_set, WHO_PROCESS, tid, CLASS_IDLE);
}
