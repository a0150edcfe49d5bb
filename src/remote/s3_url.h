/* SPDX-License-Identifier: Apache-2.0 */
#ifndef REMOTE_S3_URL_H
#define REMOTE_S3_URL_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h" /* allow: value */

/*
 * Where a bucket is and what an object's address looks like.  Pure.
 */
enum {
	S3_URL_BUCKET = 128,
	S3_URL_PREFIX = 512,
	S3_URL_HOST = 256,
	S3_URL_REGION = 64
};

struct s3_url {
	char bucket[S3_URL_BUCKET];
	char prefix[S3_URL_PREFIX]; /* "" or "a/b/" */
	char region[S3_URL_REGION];
	char endpoint[S3_URL_HOST]; /* host and port; "": Amazon's own */
	bool tls;
	bool path_style;
};

enum s3_url_style { S3_URL_AUTO, S3_URL_PATH, S3_URL_VIRTUAL };

/*
 * URL is "s3://bucket[/prefix]"; ENDPOINT "[http[s]://]host[:port][/]" or
 * empty; REGION may be empty.  0 or -EINVAL, WHY (ROOM bytes) says what
 * is wrong.  AUTO takes the path style for addresses, localhost, and bucket
 * names that are no host names.
 */
int s3_url_parse(const char *url, const char *endpoint, const char *region,
		 enum s3_url_style style, struct s3_url *out, char *why,
		 size_t room);

/* False: TEXT is no name of a region. */
bool s3_url_set_region(struct s3_url *u, const char *text);

/* The Host header: with the port if it is unusual, with the bucket in
 * virtual-host style.  OUT holds S3_URL_HOST + S3_URL_BUCKET. */
void s3_url_host(const struct s3_url *u, char *out, size_t room);

/* Appends the raw path of object NAME, with its leading '/'. */
void s3_url_path(const struct s3_url *u, const char *name, struct buf *out);

#endif
