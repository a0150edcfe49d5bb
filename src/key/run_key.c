/* SPDX-License-Identifier: Apache-2.0 */
#include "key/run_key.h"

#include "key/key_parts.h"

#include <inttypes.h>
#include <stdio.h>

int
run_key(const struct run_in *in, struct digest *k0, struct buf *list)
{
	struct key_parts p;
	char project[64];

	key_parts_begin(&p, "kache-r0-3", list);
	key_parts_add(&p, KEY_PROGRAM, "", in->program, DIGEST_LEN);
	key_parts_add(&p, KEY_TOOLCHAIN, "", in->toolchain, DIGEST_LEN);
	key_parts_str(&p, KEY_USER, "", in->root ? "root" : "");
	if (in->called)
		key_parts_str(&p, KEY_CALLED, "", in->called);
	/* What the user answers for is kept apart from what was proven. */
	if (in->declared)
		key_parts_str(&p, KEY_DECLARED, "allow", in->declared);
	if (in->project) {
		snprintf(project, sizeof(project),
			 "%" PRIx64 " %" PRIx64 " %" PRIx64, in->project[0],
			 in->project[1], in->project[2]);
		key_parts_str(&p, KEY_DECLARED, "project", project);
	}
	return key_parts_end(&p, k0);
}
