/* SPDX-License-Identifier: Apache-2.0 */
#ifndef REMOTE_S3_RETRY_H
#define REMOTE_S3_RETRY_H

#include <stdbool.h>
#include <stdint.h>

/*
 * How often and when a failed request is sent again: full jitter ("Exponential
 * Backoff And Jitter", AWS Architecture Blog), the scales of the AWS SDKs'
 * standard mode.  Somebody waits for a read and can compile instead, so
 * reads are retried for a short time only; writes have time.  Pure.
 */
unsigned s3_retry_attempts(bool get);

/* Nanoseconds before the next attempt, after FAILED ones (from 1).  RANDOM:
 * any number from 0 to RAND_MAX. */
int64_t s3_retry_pause(bool get, bool throttled, unsigned failed,
		       unsigned random);

/*
 * Nanoseconds that an answer's Retry-After TEXT asks for ("Retry-After", RFC
 * 9110), 0 if it asks for none: TEXT is a number of seconds, or the time AT
 * (-1: it is none), where it is NOW, both in seconds since 1970.  More than a
 * minute counts as a minute.
 */
int64_t s3_retry_after(const char *text, int64_t at, int64_t now);

/* An attempt's last error (xfer_job.result) as remote_result. */
int s3_retry_result(int result);

#endif
