/* SPDX-License-Identifier: Apache-2.0 */
#include "base/vec.h"

#include <stdint.h>
#include <stdlib.h>

enum { ROOM_MIN = 16 };

static size_t
room_for(size_t n)
{
	size_t room = ROOM_MIN;

	while (room < n)
		room *= 2;
	return n ? room : 0;
}

void *
vec_grow(void *p, size_t n, size_t more, size_t size)
{
	size_t room;

	if (more > SIZE_MAX / 4 / size || n > SIZE_MAX / 4 / size)
		return NULL;
	room = room_for(n + more ? n + more : 1);
	return p && room == room_for(n) ? p : realloc(p, room * size);
}
