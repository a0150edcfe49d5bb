/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OBSERVE_ON_STAT_H
#define OBSERVE_ON_STAT_H

struct stat;
struct statx;

/*
 * Records that a name was tested, how (enum obs_how) and with what result;
 * st may be NULL.  An empty name tests a descriptor and is not recorded.
 */
void on_tested(int how, int dirfd, const char *name, int rc,
	       const struct stat *st);
void on_statx(int dirfd, const char *name, int flags, unsigned mask, int rc,
	      const struct statx *x);
void on_access(int dirfd, const char *name, int mode, int rc);
void on_readlink(int dirfd, const char *name, long n);

/*
 * The current directory of this process or of a child is about to become this
 * one. Call it before the change, while relative names still mean the old one.
 */
void on_moving(int dirfd, const char *name);

#endif
