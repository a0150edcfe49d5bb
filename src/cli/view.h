/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLI_VIEW_H
#define CLI_VIEW_H

#include <stdbool.h>

struct local_status;
struct daemon_client;
struct daemon_client_report;

/* Prints the daemon's state for people: aligned lines on stdout.  Threads:
 * owner. */

/* Prints a report by a table of names; names that are not in the table are
 * printed as they are.  BRIEF: only values that change. */
void view_report(const struct daemon_client_report *r, bool brief);

/* Prints what can be said while no daemon runs. */
void view_offline(const struct daemon_client *t);

/* Prints how many uploads wait, and the dead letters with their reasons. */
void view_local(const struct local_status *l);

#endif
