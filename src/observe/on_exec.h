/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OBSERVE_ON_EXEC_H
#define OBSERVE_ON_EXEC_H

/* What execve and execveat do here, for calls through syscall(). */
int on_execve(const char *name, char *const argv[], char *const envp[]);
int on_execveat(int dirfd, const char *name, char *const argv[],
		char *const envp[], int flags);

/* "/proc/self/fd/N" into name. */
void on_exec_fd_name(int fd, char name[64]);

#endif
