/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as a path, an encoded path and as diagnostics. */
#include "rustc/roots.h"

#include "base/buf.h"
#include "rustc/args.h"

#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct args none;
	struct roots_in in = {
		.mode = ROOTS_MACHINE,
		.args = &none,
		.cwd = "/w",
		.target = "/w/t",
		.home = "/h",
		.cargo_home = "/h/c",
	};
	struct buf enc = { 0 }, back = { 0 };
	const char *p = (const char *)data;
	char *path = malloc(size + 1);
	struct roots r;

	roots_init(&r, &in);
	memcpy(path, data, size);
	path[size] = '\0';
	if (roots_encode(&r, path, &enc) == 0) {
		assert(roots_decode(&r, enc.p, enc.len, &back) == 0);
		assert(strcmp(back.p, path) == 0);
	}
	buf_reset(&back);
	roots_decode(&r, p, size, &back);
	buf_reset(&back);
	roots_unmap(&r, p, size, &back);
	buf_free(&enc);
	buf_free(&back);
	free(path);
	return 0;
}
