/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLI_SERVICE_H
#define CLI_SERVICE_H

struct buf;
struct daemon_client;

/*
 * The daemon as a service of systemd's user manager (systemd.service(5),
 * systemd.socket(5)): two unit files below $XDG_CONFIG_HOME/systemd/user.
 * Threads: owner.
 */

/* Writes both files and enables the socket; says what it did and what is left
 * to do by hand.  Returns an enum cmd_status. */
int service_install(const struct daemon_client *t);
int service_uninstall(const struct daemon_client *t);

/* Prints one line: whether it is installed and active. */
void service_print(void);

/* The texts of the files.  PROGRAM is the path of kached, ENV a list of
 * NAME=value of which those of ours are kept. */
void service_unit(const char *program, char *const *env, struct buf *out);
void service_socket(const char *path, struct buf *out);

#endif
