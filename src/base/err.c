/* SPDX-License-Identifier: Apache-2.0 */
#include "base/err.h"

#include <string.h>

static const char *const text[] = {
	"not found",
	"corrupt",
	"too big",
	"refused",
	"timed out",
	"newer version",
	"input changed meanwhile",
	"busy",
	"holds files that are not of a store",
};

const char *
err_text(int code)
{
	if (code == 0)
		return "success";
	if (code <= ERR_MISS && code >= ERR_FOREIGN)
		return text[ERR_MISS - code];
	return strerror(-code);
}
