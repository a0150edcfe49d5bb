/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as what a source of credentials says, or as a profile's command:
 * what is taken is whole, what is refused leaves nothing. */
#include "base/buf.h"
#include "remote/cred_parse.h"
#include "remote/cred_process.h"
#include "remote/cred_source.h"

#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
judge(int rc, struct cred_value *v, const char *why)
{
	if (rc != 0) {
		assert(!v->key && !v->secret && *why);
		return;
	}
	assert(v->key && v->secret && v->expires >= INT64_MIN / 2);
	if (cred_parse_sound(v))
		assert(!strpbrk(v->key, "\r\n ") && *v->secret);
	cred_value_release(v);
}

static void
split(const uint8_t *data, size_t size)
{
	char *text = strndup((const char *)data, size);
	struct buf out = { 0 };
	size_t words = 0;
	size_t i, n;

	assert(text);
	if (cred_process_split(text, &out, &n)) {
		for (i = 0; i < out.len; i++)
			words += out.p[i] == '\0';
		assert(words == n && n <= CRED_PROCESS_WORDS);
	}
	buf_free(&out);
	free(text);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *text = (const char *)data;
	struct cred_value v = { 0 };
	char why[200] = "";
	char code[16];

	judge(cred_parse_json(text, size, "Token", &v, why, sizeof(why)), &v,
	      why);
	why[0] = '\0';
	judge(cred_parse_sts(text, size, &v, why, sizeof(why)), &v, why);
	cred_parse_code(text, size, code, sizeof(code));
	assert(strlen(code) < sizeof(code));
	split(data, size);
	return 0;
}
