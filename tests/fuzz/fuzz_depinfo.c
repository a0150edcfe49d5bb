/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any bytes as a dep-info file: reading is safe, and the neutral form
 * expands to what it was made of.
 */
#include "rustc/depinfo.h"

#include "base/buf.h"
#include "rustc/args.h"
#include "rustc/roots.h"

#include <assert.h>
#include <stdint.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *
get(const char *name)
{
	return *name == 'A' ? "a\\b\nc" : NULL;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct args none;
	struct roots_in in = {
		.mode = ROOTS_CHECKOUT,
		.args = &none,
		.cwd = "/w",
		.target = "/w/t",
	};
	struct buf neutral = { 0 }, back = { 0 }, again = { 0 };
	const char *p = (const char *)data;
	struct depinfo d;
	struct roots r;

	roots_init(&r, &in);
	if (depinfo_read(p, size, &d) == 0) {
		assert(d.nfiles > 0);
		depinfo_release(&d);
	}
	depinfo_expand(p, size, &r, get, &back);
	buf_reset(&back);
	if (depinfo_neutral(p, size, &r, &neutral) == 0 && neutral.len) {
		assert(depinfo_expand(neutral.p, neutral.len, &r, get, &back) ==
		       0);
		assert(depinfo_neutral(back.p ? back.p : "", back.len, &r,
				       &again) == 0);
		assert(again.len == neutral.len);
		assert(memcmp(again.p, neutral.p, again.len) == 0);
	}
	buf_free(&neutral);
	buf_free(&back);
	buf_free(&again);
	return 0;
}
