/* SPDX-License-Identifier: Apache-2.0 */
#ifndef REMOTE_S3_ERROR_H
#define REMOTE_S3_ERROR_H

#include <stdbool.h>
#include <stddef.h>

/*
 * What an S3 server's answer means, and what to tell people about it.  Codes
 * and their status numbers: "Error responses" of the Amazon S3 API Reference,
 * and what Ceph, R2, Garage and others do differently.  Pure.
 */
enum s3_verdict {
	S3_OK,
	S3_MISS,         /* no such object */
	S3_EXISTED,      /* the condition of a PUT is not met */
	S3_RETRY,        /* the server's trouble; the same again later */
	S3_THROTTLED,    /* it asks for less */
	S3_REGION,       /* sign for another region, which it may name */
	S3_CLOCK,        /* our clock is wrong, its Date says by how much */
	S3_CREDS,        /* the credentials are no longer good */
	S3_DENIED,       /* may not; for a key perhaps only a miss */
	S3_NO_CONDITION, /* it does not know If-None-Match */
	S3_REFUSED       /* configuration: only people can help */
};

enum { S3_ERROR_TEXT = 200 };

/* Empty strings where the answer does not say. */
struct s3_error {
	char code[64];
	char message[S3_ERROR_TEXT];
	char region[64];
};

/* From N bytes of an error document.  Control bytes become spaces. */
void s3_error_parse(const char *xml, size_t n, struct s3_error *e);

/* CONDITIONAL: the request was a PUT with If-None-Match. */
enum s3_verdict s3_error_judge(int status, const struct s3_error *e,
			       bool conditional);

/* One line for people: what is wrong and what to do.  BUCKET is its name. */
void s3_error_explain(int status, const struct s3_error *e, const char *bucket,
		      char *out, size_t room);

#endif
