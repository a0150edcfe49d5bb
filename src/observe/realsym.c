/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "observe/realsym.h"

#include <dlfcn.h>
#include <elf.h>
#include <errno.h>
#include <link.h>
#include <stddef.h>
#include <stdint.h>

#include "observe/rawsys.h"

/*
 * The loader's own list is read first: dlsym is missing in processes of older
 * glibc without libdl, and takes locks.  Another libc has no such list.
 */
extern __typeof__(_r_debug) _r_debug __attribute__((weak));
extern __typeof__(dlsym) dlsym __attribute__((weak));
extern __typeof__(__errno_location) __errno_location __attribute__((weak));
extern ElfW(Dyn) _DYNAMIC[] __attribute__((visibility("hidden")));

#define HIDDEN_VERSION 0x8000u

/* The tables of one object that a lookup needs. */
struct tables {
	const ElfW(Sym) * symbols;
	const char *strings;
	const uint16_t *versions; /* NULL: none */
	const uint32_t *hash;     /* DT_GNU_HASH */
};

/* glibc relocates these in place, but for objects it does not write to. */
static const void *
address(const struct link_map *l, ElfW(Addr) value)
{
	return (const void *)(value < l->l_addr ? value + l->l_addr : value);
}

static int
tables_of(const struct link_map *l, struct tables *t)
{
	const ElfW(Dyn) * d;

	*t = (struct tables){ .symbols = NULL };
	for (d = l->l_ld; d->d_tag != DT_NULL; d++) {
		switch (d->d_tag) {
		case DT_SYMTAB:
			t->symbols = address(l, d->d_un.d_ptr);
			break;
		case DT_STRTAB:
			t->strings = address(l, d->d_un.d_ptr);
			break;
		case DT_VERSYM:
			t->versions = address(l, d->d_un.d_ptr);
			break;
		case DT_GNU_HASH:
			t->hash = address(l, d->d_un.d_ptr);
			break;
		}
	}
	return t->symbols && t->strings && t->hash;
}

static uint32_t
gnu_hash(const char *s)
{
	uint32_t h = 5381;

	for (; *s != '\0'; s++)
		h = h * 33 + (unsigned char)*s;
	return h;
}

static int
names_function(const struct tables *t, uint32_t i, const char *name)
{
	const ElfW(Sym) *s = &t->symbols[i];
	unsigned type = ELF64_ST_TYPE(s->st_info);
	const char *found = t->strings + s->st_name;

	if (s->st_shndx == SHN_UNDEF || s->st_value == 0)
		return 0;
	if (type != STT_FUNC && type != STT_GNU_IFUNC && type != STT_NOTYPE)
		return 0;
	return rawsys_equal(found, name, rawsys_strlen(name) + 1);
}

/* Default versions win; a hidden one is taken if there is nothing else. */
static const ElfW(Sym) *
	lookup(const struct tables *t, const char *name, uint32_t hash)
{
	uint32_t nbuckets = t->hash[0], first = t->hash[1], i;
	const uint32_t *buckets = t->hash + 4 + t->hash[2] * 2;
	const uint32_t *chain = buckets + nbuckets;
	const ElfW(Sym) *old = NULL;

	if (nbuckets == 0)
		return NULL;
	i = buckets[hash % nbuckets];
	if (i < first)
		return NULL;
	for (;; i++) {
		uint32_t h = chain[i - first];

		if ((h | 1) == (hash | 1) && names_function(t, i, name)) {
			if (!t->versions || !(t->versions[i] & HIDDEN_VERSION))
				return &t->symbols[i];
			old = &t->symbols[i];
		}
		if (h & 1)
			return old;
	}
}

static const struct link_map *
ourselves(void)
{
	const struct link_map *l;

	if (!&_r_debug)
		return NULL;
	for (l = _r_debug.r_map; l; l = l->l_next)
		if (l->l_ld == _DYNAMIC)
			return l;
	return NULL;
}

static void *
find_after_us(const char *name)
{
	const struct link_map *l = ourselves();
	uint32_t hash = gnu_hash(name);
	const ElfW(Sym) * s;
	struct tables t;
	ElfW(Addr) at;

	for (l = l ? l->l_next : NULL; l; l = l->l_next) {
		/* Its functions answer -errno: not what programs call. */
		if (rawsys_starts(l->l_name, "linux-vdso"))
			continue;
		if (!tables_of(l, &t))
			continue;
		s = lookup(&t, name, hash);
		if (!s)
			continue;
		at = l->l_addr + s->st_value;
		if (ELF64_ST_TYPE(s->st_info) == STT_GNU_IFUNC)
			at = ((ElfW(Addr)(*)(void))at)();
		return (void *)at;
	}
	return NULL;
}

static long
missing(void)
{
	if (__errno_location)
		*__errno_location() = ENOSYS;
	return -1;
}

void *
realsym_get(void **slot, const char *name)
{
	void *p = __atomic_load_n(slot, __ATOMIC_ACQUIRE);

	if (p)
		return p;
	p = find_after_us(name);
	if (!p && dlsym)
		p = dlsym(RTLD_NEXT, name);
	if (!p)
		p = (void *)missing;
	__atomic_store_n(slot, p, __ATOMIC_RELEASE);
	return p;
}
