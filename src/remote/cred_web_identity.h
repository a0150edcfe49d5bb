/* SPDX-License-Identifier: Apache-2.0 */
#ifndef REMOTE_CRED_WEB_IDENTITY_H
#define REMOTE_CRED_WEB_IDENTITY_H

#include <stdbool.h>
#include <stddef.h>

struct cred_opts;
struct cred_value;
struct buf;

/*
 * A role for a token that somebody else signed ("AssumeRoleWithWebIdentity",
 * AWS STS API Reference): AWS_WEB_IDENTITY_TOKEN_FILE and AWS_ROLE_ARN, or a
 * profile's web_identity_token_file and role_arn.  Threads: any.
 */
enum { CRED_WEB_IDENTITY_TOKEN = 64 << 10 }; /* bytes of the file */

/* Appends STS' address: AWS_ENDPOINT_URL_STS, AWS_ENDPOINT_URL, or Amazon's
 * in REGION ("": the global one).  False: not an address. */
bool cred_web_identity_url(const struct cred_opts *o, const char *region,
			   struct buf *out);

/* A source (struct cred_source). */
int cred_web_identity_load(const struct cred_opts *o, struct cred_value *out,
			   char *why, size_t room);

#endif
