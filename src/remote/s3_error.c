/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "remote/s3_error.h"

#include <stdio.h>
#include <string.h>

/* Copies what stands between the first <TAG> and the next '<'. */
static void
element(const char *xml, size_t n, const char *tag, char *out, size_t room)
{
	const char *end = xml + n;
	const char *p = memmem(xml, n, tag, strlen(tag));
	size_t i = 0;

	if (!p)
		return;
	p += strlen(tag);
	if (!memchr(p, '<', (size_t)(end - p)))
		return;
	while (*p != '<' && i < room - 1) {
		out[i] = (unsigned char)*p < ' ' || *p == 0x7f ? ' ' : *p;
		i++;
		p++;
	}
	out[i] = '\0';
}

void
s3_error_parse(const char *xml, size_t n, struct s3_error *e)
{
	memset(e, 0, sizeof(*e));
	element(xml, n, "<Code>", e->code, sizeof(e->code));
	element(xml, n, "<Message>", e->message, sizeof(e->message));
	element(xml, n, "<Region>", e->region, sizeof(e->region));
}

struct known {
	const char *code;
	enum s3_verdict verdict;
	const char *help; /* %s is the bucket; NULL: the server's message */
};

static const struct known table[] = {
	{ "NoSuchKey", S3_MISS, NULL },
	{ "NoSuchBucket", S3_REFUSED,
	  "there is no bucket '%s' at this endpoint; check url, endpoint and "
	  "region" },
	{ "InvalidBucketName", S3_REFUSED,
	  "'%s' is no name of a bucket; check url" },
	{ "AccessDenied", S3_DENIED,
	  "access to bucket '%s' is denied: the keys are wrong, or they (if "
	  "anonymous, everybody) lack the rights s3:GetObject and, to upload, "
	  "s3:PutObject" },
	{ "AllAccessDisabled", S3_REFUSED, "all access to '%s' is disabled" },
	{ "SignatureDoesNotMatch", S3_REFUSED,
	  "the server does not accept our signature: the secret access key "
	  "is wrong, or a proxy changes requests to '%s'" },
	{ "InvalidAccessKeyId", S3_CREDS,
	  "the server does not know the access key id used for '%s'" },
	{ "ExpiredToken", S3_CREDS,
	  "the session token used for '%s' has expired; get new credentials" },
	{ "TokenRefreshRequired", S3_CREDS,
	  "the session token used for '%s' has expired; get new credentials" },
	{ "InvalidToken", S3_CREDS,
	  "the session token used for '%s' is not valid" },
	{ "InvalidClientTokenId", S3_CREDS,
	  "the session token used for '%s' is not valid" },
	{ "RequestTimeTooSkewed", S3_CLOCK,
	  "the clock of this machine or of the server of '%s' is wrong by more "
	  "than 15 minutes" },
	{ "RequestExpired", S3_CLOCK,
	  "the clock of this machine or of the server of '%s' is wrong by more "
	  "than 15 minutes" },
	{ "AuthorizationHeaderMalformed", S3_REGION,
	  "bucket '%s' is in another region; set region" },
	{ "PermanentRedirect", S3_REGION,
	  "bucket '%s' is in another region; set region" },
	{ "TemporaryRedirect", S3_REGION,
	  "bucket '%s' is in another region; set region" },
	{ "IllegalLocationConstraintException", S3_REGION,
	  "bucket '%s' is in another region; set region" },
	{ "PreconditionFailed", S3_EXISTED, NULL },
	{ "ConditionalRequestConflict", S3_RETRY, NULL },
	{ "OperationAborted", S3_RETRY, NULL },
	{ "RequestTimeout", S3_RETRY, NULL },
	{ "InternalError", S3_RETRY, NULL },
	{ "IncompleteBody", S3_RETRY, NULL },
	{ "XAmzContentSHA256Mismatch", S3_RETRY,
	  "bytes were changed on their way to '%s'" },
	{ "SlowDown", S3_THROTTLED, NULL },
	{ "Throttling", S3_THROTTLED, NULL },
	{ "ThrottlingException", S3_THROTTLED, NULL },
	{ "TooManyRequests", S3_THROTTLED, NULL },
	{ "RequestLimitExceeded", S3_THROTTLED, NULL },
	{ "BandwidthLimitExceeded", S3_THROTTLED, NULL },
	{ "ServiceUnavailable", S3_THROTTLED, NULL },
	{ "QuotaExceeded", S3_REFUSED, "the quota of '%s' is used up" },
	{ "InvalidObjectState", S3_MISS, NULL }, /* in an archive class */
};

static const struct known *
find_code(const char *code)
{
	size_t i;

	for (i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		if (strcmp(table[i].code, code) == 0)
			return &table[i];
	}
	return NULL;
}

/* By the number alone: HEAD and proxies send no document. */
static enum s3_verdict
by_status(int status, bool conditional)
{
	switch (status) {
	case 301:
	case 307:
		return S3_REGION;
	case 400:
		return conditional ? S3_NO_CONDITION : S3_REFUSED;
	case 401:
	case 403:
		return S3_DENIED;
	case 404:
		return S3_MISS;
	case 409:
		return S3_RETRY;
	case 412:
		return S3_EXISTED;
	case 429:
		return S3_THROTTLED;
	case 501:
		return conditional ? S3_NO_CONDITION : S3_REFUSED;
	default:
		return status >= 500 || status == 408 ? S3_RETRY : S3_REFUSED;
	}
}

enum s3_verdict
s3_error_judge(int status, const struct s3_error *e, bool conditional)
{
	const struct known *k = find_code(e->code);

	if (status >= 200 && status < 300)
		return S3_OK;
	/* A server error with a code that means something else (a proxy's
	 * page that quotes one) is still the server's trouble. */
	if (k && !(status >= 500 && k->verdict < S3_RETRY))
		return k->verdict;
	return by_status(status, conditional);
}

void
s3_error_explain(int status, const struct s3_error *e, const char *bucket,
		 char *out, size_t room)
{
	const struct known *k = find_code(e->code);
	char help[S3_ERROR_TEXT + 128];

	if (k && k->help)
		snprintf(help, sizeof(help), k->help, bucket);
	else if (status == 400 && !*e->message)
		/* All that RGW says of a session token it cannot read. */
		snprintf(help, sizeof(help),
			 "the server does not accept the request for '%s'; a "
			 "wrong session token is one cause",
			 bucket);
	else
		snprintf(help, sizeof(help), "%s", e->message);
	snprintf(out, room, "%s%sHTTP %d%s%s%s", help, *help ? " (" : "",
		 status, *e->code ? " " : "", e->code, *help ? ")" : "");
}
