/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DAEMON_LISTEN_H
#define DAEMON_LISTEN_H

/*
 * The one daemon of a cache directory and its socket.  Threads: owner, before
 * others start.
 *
 * Lock byte 0 of daemon.lock belongs to the running daemon; the kernel frees
 * it with the process, so nothing that a dead one left can be in the way.  A
 * listening socket may be inherited, from systemd (sd_listen_fds(3)) or from
 * ourselves before an exec; the lock likewise, as the second descriptor.
 */
struct listen {
	int fd;        /* listening, non-blocking */
	int lock;      /* the lock file */
	int activated; /* the socket is systemd's: never unlinked */
};

/* 0; ERR_BUSY: another daemon runs; -EPERM: the directory or what lies in
 * the socket's place is not ours; or -errno. */
int listen_open(struct listen *l, const char *dir, const char *path);

/* Removes the socket, unless it is systemd's, and frees the lock. */
void listen_close(struct listen *l, const char *path);

/* True if DIR is no longer the directory in which L was opened: new clients
 * will not find us. */
int listen_lost(const struct listen *l, const char *dir);

/* Lets both survive an exec of PROGRAM and executes it. Returns only on
 * failure, with -errno and everything unchanged. */
int listen_exec(struct listen *l, const char *program, char *const *argv);

#endif
