/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WIRE_DIAL_H
#define WIRE_DIAL_H

#include <stdint.h>
#include <sys/types.h>

struct sockaddr_un;

/*
 * Connecting to the daemon's socket.  Descriptors made here are close-on-exec
 * and non-blocking.  Times are those of file_monotonic, in nanoseconds.
 * Threads: any.
 */

/*
 * Connects to PATH and checks that the other end has our uid.  Never waits.
 * 0 and *FD is the caller's; ERR_BUSY: its backlog is full; ERR_MISS: nobody
 * listens; ERR_REFUSED: another user's; or -errno.
 */
int dial_connect(const char *path, int *fd);

/* Waits until FD is ready for EVENTS (poll(2)) or DEADLINE has passed.  0,
 * ERR_TIMEOUT or -errno. */
int dial_wait(int fd, short events, int64_t deadline);

/* Whether the peer of FD has UID.  0, ERR_REFUSED or -errno. */
int dial_peer(int fd, uid_t uid);

/*
 * The address of PATH, for both ends.  A path of more than 107 bytes goes
 * through its directory, opened as *DIR (else -1), which the caller closes
 * after bind or connect.  0 or -errno.
 */
int dial_address(const char *path, struct sockaddr_un *sa, int *dir);

#endif
