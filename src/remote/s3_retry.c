/* SPDX-License-Identifier: Apache-2.0 */
#include "remote/s3_retry.h"

#include "base/err.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define MS 1000000LL

enum { CEILING_MS = 20000, AFTER_MAX_S = 60 };

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

int64_t
s3_retry_after(const char *text, int64_t at, int64_t now)
{
	size_t digits = strspn(text, "0123456789");
	int64_t s = 0;

	if (digits > 0 && text[digits] == '\0')
		s = digits > 3 ? AFTER_MAX_S : strtol(text, NULL, 10);
	else if (at > now)
		s = at - now;
	return (s < AFTER_MAX_S ? s : AFTER_MAX_S) * 1000 * MS;
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
