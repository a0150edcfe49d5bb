/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any bytes as Rust source.  A value that was found stays found whatever
 * follows, and what cannot begin a comment or a literal hides nothing.
 */
#include "key/env_macro.h"

#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static enum env_macro_use
scan_with(const uint8_t *data, size_t size, const char *tail)
{
	size_t n = strlen(tail);
	char *text = malloc(size + n + 1);
	enum env_macro_use use;

	if (!text)
		abort();
	memcpy(text, data, size);
	memcpy(text + size, tail, n);
	use = env_macro_judge(env_macro_look(text, size + n, "OUT_DIR"));
	free(text);
	return use;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	enum env_macro_use use = scan_with(data, size, "");
	enum env_macro_use more = scan_with(data, size, "\nfn OUT_DIR() {}\n");

	assert(use <= ENV_MACRO_VALUE);
	if (use == ENV_MACRO_VALUE)
		assert(more == ENV_MACRO_VALUE);
	for (size_t i = 0; i < size; i++)
		if (data[i] == '"' || data[i] == '\'' || data[i] == '/')
			return 0;
	assert(more == ENV_MACRO_VALUE);
	return 0;
}
