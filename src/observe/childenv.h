/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OBSERVE_CHILDENV_H
#define OBSERVE_CHILDENV_H

#include <stddef.h>

#define CHILDENV_SLOTS 384

/* The environment of a child that is to be observed: the given one with our two
 * variables put back. It lives on the caller's stack, or in a mapping of its
 * own if it is too large for that. */
struct childenv {
	char *slots[CHILDENV_SLOTS];
	char **env; /* what to pass on */
	void *map;
	size_t map_size;
};

/* Fills c from envp (NULL: empty). An envp that already names an observation is
 * passed on unchanged. 0, or -errno: the child must run unobserved. */
int childenv_make(struct childenv *c, char *const *envp);

/* After the call that used it. */
void childenv_drop(struct childenv *c);

#endif
