/* SPDX-License-Identifier: Apache-2.0 */
#include "remote/s3_retry.h"

#include "base/err.h"

#include <errno.h>
#include <stdlib.h>

#define MS 1000000LL

enum { CEILING_MS = 20000 };

unsigned
s3_retry_attempts(bool get)
{
	return get ? 2 : 5;
}

int64_t
s3_retry_pause(bool get, bool throttled, unsigned failed, unsigned random)
{
	int64_t ms = throttled ? 1000 : get ? 50 : 200;

	while (failed > 1 && ms < CEILING_MS) {
		ms *= 2;
		failed--;
	}
	if (ms > CEILING_MS)
		ms = CEILING_MS;
	return (int64_t)((double)(ms * MS) * random / RAND_MAX);
}

int
s3_retry_result(int result)
{
	switch (result) {
	case ERR_TIMEOUT:
	case ERR_CORRUPT:
	case ERR_TOOBIG:
	case -ECANCELED:
	case -ENOMEM:
		return result;
	default:
		return -EIO;
	}
}
