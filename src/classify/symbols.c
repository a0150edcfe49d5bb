/* SPDX-License-Identifier: Apache-2.0 */
#include "classify/symbols.h"

#include "base/memfind.h"

#include <elf.h>
#include <string.h>

static bool
read_section(const char *p, size_t n, const Elf64_Ehdr *head, size_t i,
	     Elf64_Shdr *out)
{
	size_t at;

	if (i >= head->e_shnum || head->e_shentsize != sizeof(*out) ||
	    head->e_shoff > n)
		return false;
	at = (size_t)head->e_shoff;
	if ((n - at) / sizeof(*out) <= i)
		return false;
	memcpy(out, p + at + i * sizeof(*out), sizeof(*out));
	return true;
}

/* The names that go with the symbols. */
static bool
find_names(const char *p, size_t n, const char **names, size_t *len)
{
	Elf64_Shdr s = { .sh_type = SHT_NULL };
	Elf64_Ehdr head;

	if (n < sizeof(head))
		return false;
	memcpy(&head, p, sizeof(head));
	if (memcmp(head.e_ident, ELFMAG, SELFMAG) != 0 ||
	    head.e_ident[EI_CLASS] != ELFCLASS64)
		return false;
	for (size_t i = 0; read_section(p, n, &head, i, &s); i++)
		if (s.sh_type == SHT_SYMTAB)
			break;
	if (s.sh_type != SHT_SYMTAB ||
	    !read_section(p, n, &head, s.sh_link, &s) || s.sh_offset > n ||
	    s.sh_size > n - s.sh_offset)
		return false;
	*names = p + s.sh_offset;
	*len = (size_t)s.sh_size;
	return true;
}

bool
symbols_hold(const char *p, size_t n, const char *text)
{
	const char *names;
	size_t len;

	return find_names(p, n, &names, &len) &&
	       memfind(names, len, text, strlen(text)) != NULL;
}
