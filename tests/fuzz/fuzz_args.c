/* SPDX-License-Identifier: Apache-2.0 */
/* Lines of any bytes as words of a command line. */
#include "rustc/args.h"

#include "base/err.h"

#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { WORDS = 256 };

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *argv[WORDS];
	char *text = malloc(size + 1);
	char *rest = text;
	struct args a;
	int argc = 0;
	int r;

	memcpy(text, data, size);
	text[size] = '\0';
	while (rest && argc < WORDS) {
		char *nl = strchr(rest, '\n');

		argv[argc++] = rest;
		if (nl)
			*nl = '\0';
		rest = nl ? nl + 1 : NULL;
	}
	r = args_read(&a, argc, argv);
	assert(r == 0 || r == ERR_REFUSED);
	if (r == 0) {
		assert(a.crate_name && a.source && a.out_dir);
		assert(a.nitems <= (size_t)argc);
	} else {
		assert(a.reason[0] && strlen(a.reason) < sizeof(a.reason));
	}
	args_release(&a);
	free(text);
	return 0;
}
