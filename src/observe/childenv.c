/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "observe/childenv.h"

#include <sys/mman.h>

#include "observe/rawsys.h"
#include "observe/recorder.h"

#define PRELOAD "LD_PRELOAD="
#define PRELOAD_LEN (sizeof(PRELOAD) - 1)

/* What an environment holds that matters here. */
struct survey {
	size_t n;
	const char *preload; /* the value, or NULL */
	int observed;
};

static void
look(struct survey *s, char *const *envp)
{
	*s = (struct survey){ .n = 0 };
	for (; envp && envp[s->n]; s->n++) {
		if (rawsys_starts(envp[s->n], "KACHE_OBSERVE="))
			s->observed = 1;
		if (rawsys_starts(envp[s->n], PRELOAD))
			s->preload = envp[s->n] + PRELOAD_LEN;
	}
}

/* Room for n pointers and `bytes` of text: own slots, or a mapping. */
static char **
room(struct childenv *c, size_t n, size_t bytes)
{
	size_t size = n * sizeof(char *) + bytes;
	long at;

	if (size <= sizeof(c->slots))
		return c->slots;
	at = rawsys6(SYS_mmap, 0, (long)size, PROT_READ | PROT_WRITE,
		     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (at < 0 && at > -4096)
		return NULL;
	c->map = (void *)at;
	c->map_size = size;
	return c->map;
}

int
childenv_make(struct childenv *c, char *const *envp)
{
	const char *library = recorder_library();
	size_t len = rawsys_strlen(library), bytes, i, to = 0;
	struct survey s;
	char *text, *p;

	c->map = NULL;
	c->env = (char **)envp;
	look(&s, envp);
	if (s.observed)
		return 0;
	bytes = PRELOAD_LEN + len + 2;
	if (s.preload)
		bytes += rawsys_strlen(s.preload);
	c->env = room(c, s.n + 3, bytes);
	if (!c->env)
		return -1;
	text = (char *)(c->env + s.n + 3);
	p = rawsys_put(text, PRELOAD, PRELOAD_LEN);
	p = rawsys_put(p, library, len);
	if (s.preload && *s.preload) {
		if (len > 0)
			*p++ = ':';
		p = rawsys_put(p, s.preload, rawsys_strlen(s.preload));
	}
	*p = '\0';
	for (i = 0; i < s.n; i++)
		if (!rawsys_starts(envp[i], PRELOAD) || len == 0)
			c->env[to++] = envp[i];
	if (len > 0)
		c->env[to++] = text;
	c->env[to++] = recorder_variable();
	c->env[to] = NULL;
	return 0;
}

void
childenv_drop(struct childenv *c)
{
	if (c->map)
		rawsys2(SYS_munmap, (long)c->map, (long)c->map_size);
	c->map = NULL;
}
