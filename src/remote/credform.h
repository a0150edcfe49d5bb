/* SPDX-License-Identifier: Apache-2.0 */
#ifndef REMOTE_CREDFORM_H
#define REMOTE_CREDFORM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct creds_value;

/*
 * The forms in which credentials arrive: JSON ("Sourcing credentials with an
 * external process" of the AWS SDKs and Tools Reference Guide, container and
 * instance metadata alike but for the token's name) and the XML of STS
 * ("AssumeRoleWithWebIdentity", AWS STS API Reference).  What is said of a
 * bad one never quotes it.  Pure.
 */
enum {
	CREDFORM_MAX = 64 << 10, /* bytes of a document */
	CREDFORM_KEY = 128,      /* of an access key id */
	CREDFORM_SECRET = 1024,
	CREDFORM_TOKEN = 16 << 10
};

/* ISO 8601, as AWS writes it: seconds since 1970, or -1. */
int64_t credform_time(const char *text);

/* Printable, without blanks, not too long: may stand in a header. */
bool credform_sound(const struct creds_value *v);

/* TOKEN: the session token's name.  0 or ERR_REFUSED with WHY. */
int credform_json(const char *text, size_t n, const char *token,
		  struct creds_value *out, char *why, size_t room);
int credform_sts(const char *xml, size_t n, struct creds_value *out, char *why,
		 size_t room);

/* The error code in N bytes of STS' XML, "" if there is none. */
void credform_code(const char *xml, size_t n, char *out, size_t room);

#endif
