/* SPDX-License-Identifier: Apache-2.0 */
#ifndef REMOTE_CRED_INSTANCE_H
#define REMOTE_CRED_INSTANCE_H

#include <stddef.h>

struct buf;
struct cred_opts;
struct cred_value;

/*
 * Credentials of the place we run in: a container's ("Container credential
 * provider", AWS SDKs and Tools Reference Guide), or the instance's ("IMDS
 * credential provider", there; version 2 only).  Never through a proxy.
 * Threads: any.
 */

/*
 * The container's address, appended to OUT: AWS_CONTAINER_CREDENTIALS_
 * RELATIVE_URI, else _FULL_URI, which must be https, or name this machine or
 * one of the addresses Amazon gives out.  0, ERR_MISS, or ERR_REFUSED with
 * WHY.
 */
int cred_instance_container_url(const struct cred_opts *o, struct buf *out,
				char *why, size_t room);

/* Sources (struct cred_source). */
int cred_instance_container(const struct cred_opts *o, struct cred_value *out,
			    char *why, size_t room);
int cred_instance_instance(const struct cred_opts *o, struct cred_value *out,
			   char *why, size_t room);

#endif
