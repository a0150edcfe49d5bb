/* SPDX-License-Identifier: Apache-2.0 */
#ifndef REMOTE_SIGV4_H
#define REMOTE_SIGV4_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h" /* allow: value */

/*
 * AWS Signature Version 4 in the Authorization header, by hand: libcurl's own
 * signer differs from version to version.  Pure: the time is a parameter.
 * Threads: any.
 */
enum { SIGV4_PAIRS_MAX = 32, SIGV4_KEY_LEN = 32 };

#define SIGV4_EMPTY \
	"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
#define SIGV4_UNSIGNED "UNSIGNED-PAYLOAD"

struct sigv4_pair {
	const char *name;
	const char *value; /* NULL: the same as "" */
};

/* Everything is borrowed. */
struct sigv4_request {
	const char *method;
	const char *host; /* as the Host header has it, with an unusual port */
	/* S3: the key with its leading '/', raw; it is encoded once and never
	 * normalised.  Else: as it stands in the request line; it is
	 * normalised and encoded for the signature only. */
	const char *path;
	const struct sigv4_pair *query; /* raw, in any order */
	size_t nquery;
	/* Headers to send and sign besides those made here: Host, X-Amz-Date,
	 * X-Amz-Security-Token and, for S3, X-Amz-Content-Sha256.  Values of
	 * equal names count in the given order. */
	const struct sigv4_pair *headers;
	size_t nheaders;
	const char *payload; /* hex SHA-256 of the body, or SIGV4_UNSIGNED */
	const char *region;
	const char *service;
	int64_t time; /* seconds since 1970 */
	bool s3;
};

struct sigv4_creds {
	const char *key;
	const char *secret;
	const char *token; /* NULL: none */
};

/* What to send: the request target ("/path?query"), and header lines
 * "Name: value", each with its NUL.  Zero-initialised is empty. */
struct sigv4_signed {
	struct buf target;
	struct buf headers;
	size_t nheaders;
};

/*
 * Fills OUT, which the caller owns then.  0, -EINVAL (a part that does not
 * belong into a request: a control byte, a wrong method, name, host, payload
 * or scope, a time outside the years 1970 to 9999), ERR_TOOBIG (too many
 * pairs) or -ENOMEM.
 */
int sigv4_sign(const struct sigv4_request *rq, const struct sigv4_creds *c,
	       struct sigv4_signed *out);
void sigv4_release(struct sigv4_signed *s);

/* Appends the canonical request: for tests, and for debugging with a server
 * that tells what it expected.  Results as sigv4_sign. */
int sigv4_canonical(const struct sigv4_request *rq, const struct sigv4_creds *c,
		    struct buf *out);

/* Appends N bytes with all but unreserved characters as %XX; '/' too, unless
 * SLASH. */
void sigv4_encode(struct buf *out, const char *p, size_t n, bool slash);

/* The signing key of a day, DATE = "YYYYMMDD".  0 or -ENOMEM. */
int sigv4_key(const char *secret, const char *date, const char *region,
	      const char *service, uint8_t key[SIGV4_KEY_LEN]);

#endif
