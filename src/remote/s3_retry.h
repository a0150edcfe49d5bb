/* SPDX-License-Identifier: Apache-2.0 */
#ifndef REMOTE_S3_RETRY_H
#define REMOTE_S3_RETRY_H

#include <stdbool.h>
#include <stdint.h>

/*
 * How often and when a failed request is sent again: full jitter ("Exponential
 * Backoff And Jitter", AWS Architecture Blog), the scales of the AWS SDKs'
 * standard mode.  Reads have somebody waiting, and compiling is an answer
 * too; writes have time.  Pure.
 */
unsigned s3_retry_attempts(bool get);

/* Nanoseconds before the next attempt, after FAILED ones (from 1).  RANDOM:
 * any number from 0 to RAND_MAX. */
int64_t s3_retry_pause(bool get, bool throttled, unsigned failed,
		       unsigned random);

/* An attempt's last error (xfer_job.result) as remote_result. */
int s3_retry_result(int result);

#endif
