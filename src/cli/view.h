/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLI_VIEW_H
#define CLI_VIEW_H

#include <stdbool.h>

struct local_status;
struct daemon_client;
struct daemon_client_report;

/* The daemon for people: aligned lines on stdout.  Threads: owner. */

/* What it reports, by one table; names that the table does not have come as
 * they are.  BRIEF: only what moves. */
void view_report(const struct daemon_client_report *r, bool brief);

/* What there is to say without one. */
void view_offline(const struct daemon_client *t);

/* Uploads that wait, and the dead with their reasons. */
void view_local(const struct local_status *l);

#endif
