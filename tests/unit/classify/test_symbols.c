/* SPDX-License-Identifier: Apache-2.0 */
#include "classify/symbols.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <elf.h>
#include <string.h>

/* Sections: none, symbols, their names, and others of debug information. */
static struct file {
	Elf64_Ehdr head;
	Elf64_Shdr s[4];
	char names[32];
	char debug[32];
} f;

static void
make(void)
{
	memset(&f, 0, sizeof(f));
	memcpy(f.head.e_ident, ELFMAG, SELFMAG);
	f.head.e_ident[EI_CLASS] = ELFCLASS64;
	f.head.e_shoff = offsetof(struct file, s);
	f.head.e_shentsize = sizeof(Elf64_Shdr);
	f.head.e_shnum = 4;
	f.s[1] = (Elf64_Shdr){ .sh_type = SHT_SYMTAB, .sh_link = 2 };
	f.s[2] = (Elf64_Shdr){ .sh_type = SHT_STRTAB,
			       .sh_offset = offsetof(struct file, names),
			       .sh_size = sizeof(f.names) };
	f.s[3] = (Elf64_Shdr){ .sh_type = SHT_PROGBITS,
			       .sh_offset = offsetof(struct file, debug),
			       .sh_size = sizeof(f.debug) };
	memcpy(f.names + 1, "_R10proc_macro4Span4file", 25);
	memcpy(f.debug, "4Span10local_file", 18);
}

static bool
holds(const char *text)
{
	return symbols_hold((const char *)&f, sizeof(f), text);
}

static void
only_symbols_count(void **state)
{
	(void)state;
	make();
	assert_true(holds("4Span4file"));
	assert_false(holds("4Span10local_file"));
	f.s[1].sh_type = SHT_NULL;
	assert_false(holds("4Span4file"));
}

static void
offsets_are_not_believed(void **state)
{
	(void)state;
	make();
	for (size_t n = 0; n < offsetof(struct file, debug); n++)
		assert_false(symbols_hold((const char *)&f, n, "4Span4file"));
	f.s[1].sh_link = 4;
	assert_false(holds("4Span4file"));
	make();
	f.s[2].sh_offset = UINT64_MAX;
	assert_false(holds("4Span4file"));
	make();
	f.s[2].sh_size = UINT64_MAX - 8;
	assert_false(holds("4Span4file"));
	make();
	f.head.e_shoff = UINT64_MAX;
	assert_false(holds("4Span4file"));
	make();
	f.head.e_shnum = 1;
	assert_false(holds("4Span4file"));
	make();
	f.head.e_ident[0] = 'x';
	assert_false(holds("4Span4file"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_symbols_count),
		cmocka_unit_test(offsets_are_not_believed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
