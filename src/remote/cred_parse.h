/* SPDX-License-Identifier: Apache-2.0 */
#ifndef REMOTE_CRED_PARSE_H
#define REMOTE_CRED_PARSE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct cred_value;

/*
 * The forms in which credentials arrive: JSON ("Sourcing credentials with an
 * external process" of the AWS SDKs and Tools Reference Guide, container and
 * instance metadata alike but for the token's name) and the XML of STS
 * ("AssumeRoleWithWebIdentity", AWS STS API Reference).  What is said of a
 * bad one never quotes it.  Pure.
 */
enum {
	CRED_PARSE_MAX = 64 << 10, /* bytes of a document */
	CRED_PARSE_KEY = 128,      /* of an access key id */
	CRED_PARSE_SECRET = 1024,
	CRED_PARSE_TOKEN = 16 << 10
};

/* ISO 8601, as AWS writes it: seconds since 1970, or -1. */
int64_t cred_parse_time(const char *text);

/* Printable, without blanks, not too long: may stand in a header. */
bool cred_parse_sound(const struct cred_value *v);

/* TOKEN: the session token's name.  0 or ERR_REFUSED with WHY. */
int cred_parse_json(const char *text, size_t n, const char *token,
		    struct cred_value *out, char *why, size_t room);
int cred_parse_sts(const char *xml, size_t n, struct cred_value *out, char *why,
		   size_t room);

/* The error code in N bytes of STS' XML, "" if there is none. */
void cred_parse_code(const char *xml, size_t n, char *out, size_t room);

#endif
