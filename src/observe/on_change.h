/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OBSERVE_ON_CHANGE_H
#define OBSERVE_ON_CHANGE_H

/* Records what a call did to one name, or between two names. */
void on_changed(unsigned type, int dirfd, const char *name, int rc);
void on_pair(unsigned type, int fromfd, const char *from, int tofd,
	     const char *to, int rc);

#endif
