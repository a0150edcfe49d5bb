/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "key/classify.h"

#include "classify/elf.h"
#include "tests/unit/testdir.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <elf.h>
#include <errno.h>
#include <string.h>
#include <sys/stat.h>

/*
 * The smallest program the classifier has to tell: headers, an interpreter,
 * a dynamic section, code and one table of names, each in its section.
 */
struct image {
	Elf64_Ehdr head;
	Elf64_Phdr segments[3];
	Elf64_Shdr sections[5];
	Elf64_Dyn dynamic[2];
	char loader[64];
	unsigned char code[64];
	char names[64];
	char section_names[64];
};

enum { NONE, CODE, SYMBOLS, NAMES, EXTRA };

static struct image im;
static char path[128];

#define OFFSET(member) offsetof(struct image, member)

/* Every table of the image has room for the names used here. */
static void
spell(char *to, const char *name)
{
	memcpy(to, name, strlen(name) + 1);
}

static int
make_image(void **state)
{
	(void)state;
	memset(&im, 0, sizeof im);
	memcpy(im.head.e_ident, ELFMAG, SELFMAG);
	im.head.e_ident[EI_CLASS] = ELFCLASS64;
	im.head.e_ident[EI_DATA] = ELFDATA2LSB;
	im.head.e_machine = EM_X86_64;
	im.head.e_type = ET_DYN;
	im.head.e_phoff = OFFSET(segments);
	im.head.e_phentsize = sizeof im.segments[0];
	im.head.e_phnum = 3;
	im.head.e_shoff = OFFSET(sections);
	im.head.e_shentsize = sizeof im.sections[0];
	im.head.e_shnum = 5;
	im.head.e_shstrndx = EXTRA;
	spell(im.loader, "/lib64/ld-linux-x86-64.so.2");
	im.segments[0] = (Elf64_Phdr){ .p_type = PT_INTERP,
				       .p_offset = OFFSET(loader),
				       .p_filesz = strlen(im.loader) + 1 };
	im.segments[1] = (Elf64_Phdr){ .p_type = PT_DYNAMIC,
				       .p_offset = OFFSET(dynamic),
				       .p_filesz = sizeof im.dynamic };
	im.segments[2] = (Elf64_Phdr){ .p_type = PT_LOAD,
				       .p_flags = PF_X,
				       .p_offset = OFFSET(code),
				       .p_filesz = sizeof im.code };
	im.sections[CODE] = (Elf64_Shdr){ .sh_type = SHT_PROGBITS,
					  .sh_flags = SHF_EXECINSTR,
					  .sh_offset = OFFSET(code),
					  .sh_size = sizeof im.code };
	im.sections[SYMBOLS] =
		(Elf64_Shdr){ .sh_type = SHT_DYNSYM, .sh_link = NAMES };
	im.sections[NAMES] = (Elf64_Shdr){ .sh_type = SHT_STRTAB,
					   .sh_offset = OFFSET(names),
					   .sh_size = sizeof im.names };
	im.sections[EXTRA] = (Elf64_Shdr){ .sh_type = SHT_STRTAB,
					   .sh_offset = OFFSET(section_names),
					   .sh_size = sizeof im.section_names };
	snprintf(path, sizeof path, "%s/program", testdir);
	return 0;
}

static void
write_bytes(const void *bytes, size_t n, mode_t mode)
{
	FILE *f;

	unlink(path);
	f = fopen(path, "w");
	assert_non_null(f);
	assert_int_equal(fwrite(bytes, 1, n, f), n);
	assert_int_equal(fclose(f), 0);
	assert_int_equal(chmod(path, mode), 0);
}

static enum classify_class
class_of(enum provenance_place place)
{
	return classify_file(path, place).class;
}

/* As a program of the system: others need the helper at once. */
static enum classify_class
class_now(void)
{
	write_bytes(&im, sizeof im, 0755);
	return class_of(PROVENANCE_OWN_PLACE);
}

static unsigned
traits_as(const char *name)
{
	snprintf(path, sizeof path, "%s/%s", testdir, name);
	write_bytes(&im, sizeof im, 0755);
	return classify_file(path, PROVENANCE_OWN_PLACE).traits;
}

static void
a_dynamic_program_is_observable(void **state)
{
	(void)state;
	assert_int_equal(class_now(), CLASSIFY_OBSERVABLE);
}

static void
raw_bytes_need_the_helper(void **state)
{
	(void)state;
	im.code[sizeof im.code - 2] = 0x0f;
	im.code[sizeof im.code - 1] = 0x05;
	assert_int_equal(class_now(), CLASSIFY_ASK);
	/* Without sections the segment is searched. */
	im.head.e_shnum = 0;
	assert_int_equal(class_now(), CLASSIFY_ASK);
	im.code[sizeof im.code - 1] = 0;
	assert_int_equal(class_now(), CLASSIFY_OBSERVABLE);
}

static void
headers_tell_what_cannot_be_seen(void **state)
{
	(void)state;
	im.head.e_ident[EI_CLASS] = ELFCLASS32;
	assert_int_equal(class_now(), CLASSIFY_FOREIGN);
	im.head.e_ident[EI_CLASS] = ELFCLASS64;
	spell(im.loader, "/lib/ld-musl-x86_64.so.1");
	assert_int_equal(class_now(), CLASSIFY_FOREIGN);
	im.segments[0].p_type = PT_NULL;
	im.head.e_type = ET_EXEC;
	assert_int_equal(class_now(), CLASSIFY_STATIC);
	im.head.e_type = ET_DYN;
	im.dynamic[0].d_tag = DT_FLAGS_1;
	im.dynamic[0].d_un.d_val = DF_1_PIE;
	assert_int_equal(class_now(), CLASSIFY_STATIC);
	im.dynamic[0].d_un.d_val = 0;
	assert_int_equal(class_now(), CLASSIFY_OBSERVABLE);
	spell(im.section_names, ".go.buildinfo");
	assert_int_equal(class_now(), CLASSIFY_GO);
}

static void
setuid_programs_are_not_seen(void **state)
{
	(void)state;
	write_bytes(&im, sizeof im, 04755);
	assert_int_equal(class_of(PROVENANCE_ELSEWHERE), CLASSIFY_SETUID);
}

static void
names_tell_a_sanitizer(void **state)
{
	(void)state;
	spell(im.names + 1, "__asan_init");
	assert_int_equal(class_now(), CLASSIFY_SANITIZER);
	spell(im.names + 1, "libtsan.so.2");
	assert_int_equal(class_now(), CLASSIFY_SANITIZER);
	spell(im.names + 1, "not__asan_init");
	assert_int_equal(class_now(), CLASSIFY_OBSERVABLE);
}

/* Who reads environ, whether the CPU is asked, and what is made of a stat, the
 * code must tell. */
static void
foreign_code_needs_the_helper(void **state)
{
	(void)state;
	class_now();
	assert_int_equal(class_of(PROVENANCE_ELSEWHERE), CLASSIFY_ASK);
	/* A library as well: it may make use of the times of files. */
	im.segments[0].p_type = PT_NULL;
	assert_int_equal(class_now(), CLASSIFY_OBSERVABLE);
	assert_int_equal(class_of(PROVENANCE_ELSEWHERE), CLASSIFY_ASK);
	spell(im.names + 1, "environ");
	assert_int_equal(class_now(), CLASSIFY_OBSERVABLE);
	assert_int_equal(class_of(PROVENANCE_ELSEWHERE), CLASSIFY_ASK);
	spell(im.names + 1, "_RNvNtCs0_3std3env7vars_os");
	class_now();
	assert_int_equal(class_of(PROVENANCE_ELSEWHERE), CLASSIFY_ASK);
}

static void
tools_ask_for_variables_by_name(void **state)
{
	static const char *const by_name[] = { "cc",
					       "gcc-12",
					       "ld.bfd",
					       "git",
					       "as",
					       "cat",
					       "rustc",
					       "x86_64-linux-gnu-gcc-12",
					       "git-remote-https" };
	static const char *const whole[] = { "sh",    "bash",    "make",
					     "perl",  "python3", "cargo",
					     "cmake", "gitk",    "cat-me" };

	(void)state;
	for (size_t i = 0; i < sizeof by_name / sizeof *by_name; i++)
		assert_int_equal(traits_as(by_name[i]),
				 CLASSIFY_SYSTEM | CLASSIFY_TOOL);
	for (size_t i = 0; i < sizeof whole / sizeof *whole; i++)
		assert_int_equal(traits_as(whole[i]),
				 CLASSIFY_SYSTEM | CLASSIFY_ENVIRONMENT);
	assert_true(traits_as("lscpu") & CLASSIFY_CPU);
	/* Elsewhere a name says nothing. */
	assert_int_equal(classify_file(path, PROVENANCE_ELSEWHERE).class,
			 CLASSIFY_ASK);
}

static void
libraries_that_import_environ_may_read_it(void **state)
{
	(void)state;
	im.segments[0].p_type = PT_NULL;
	assert_int_equal(traits_as("libx.so"), CLASSIFY_SYSTEM);
	spell(im.names + 1, "environ");
	assert_int_equal(traits_as("libx.so"),
			 CLASSIFY_SYSTEM | CLASSIFY_ENVIRONMENT);
	assert_int_equal(traits_as("libLLVM-14.so"), CLASSIFY_SYSTEM);
}

static void
traits_are_spelt_by_letters(void **state)
{
	char text[CLASSIFY_TRAITS];
	unsigned traits;

	(void)state;
	for (unsigned t = 0; t < 1u << (CLASSIFY_TRAITS - 1); t++) {
		classify_spell_traits(t, text);
		traits = ~t;
		assert_int_equal(classify_read_traits(text, &traits), 0);
		assert_int_equal(traits, t);
	}
	assert_int_equal(classify_read_traits("", &traits), -EBADMSG);
	assert_int_equal(classify_read_traits("sx", &traits), -EBADMSG);
	assert_int_equal(classify_read_traits("-s", &traits), -EBADMSG);
}

static void
known_names_count_in_trusted_places_only(void **state)
{
	static const char *const good[] = {
		"rustc",
		"gcc-12",
		"ld.bfd",
		"libstd-0123abcd.so",
		"x86_64-linux-gnu-ld.gold",
		"libLLVM.so.22.1-rust-1.95.0",
	};
	static const char *const bad[] = { "ldx", "cc-wrapper", "libcfoo.so",
					   "as-me" };
	size_t i;

	(void)state;
	im.code[0] = 0x0f;
	im.code[1] = 0x05;
	for (i = 0; i < sizeof good / sizeof *good; i++) {
		snprintf(path, sizeof path, "%s/%s", testdir, good[i]);
		assert_int_equal(class_now(), CLASSIFY_KNOWN);
		assert_int_equal(class_of(PROVENANCE_ELSEWHERE), CLASSIFY_ASK);
	}
	for (i = 0; i < sizeof bad / sizeof *bad; i++) {
		snprintf(path, sizeof path, "%s/%s", testdir, bad[i]);
		assert_int_equal(class_now(), CLASSIFY_ASK);
	}
}

/* Any cut and any flipped byte of the headers. */
static void
damaged_files_are_survived(void **state)
{
	unsigned char *p = (unsigned char *)&im;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof im; i += 7) {
		write_bytes(&im, i, 0755);
		classify_file(path, PROVENANCE_ELSEWHERE);
	}
	for (i = 0; i < OFFSET(loader); i++) {
		p[i] = (unsigned char)~p[i];
		class_now();
		p[i] = (unsigned char)~p[i];
	}
}

static void
other_files(void **state)
{
	(void)state;
	write_bytes("#!/bin/sh\n", 10, 0755);
	assert_int_equal(classify_file(path, PROVENANCE_ELSEWHERE).class,
			 CLASSIFY_SCRIPT);
	write_bytes("", 0, 0755);
	assert_int_equal(classify_file(path, PROVENANCE_ELSEWHERE).class,
			 CLASSIFY_SCRIPT);
	unlink(path);
	assert_int_equal(classify_file(path, PROVENANCE_ELSEWHERE).class,
			 CLASSIFY_UNREADABLE);
	assert_int_equal(classify_file(testdir, PROVENANCE_ELSEWHERE).class,
			 CLASSIFY_UNREADABLE);
}

static void
words_and_classes_agree(void **state)
{
	enum classify_class c;

	(void)state;
	for (c = 0; c < CLASSIFY_CLASSES; c++)
		assert_int_equal(classify_from_word(classify_word(c)), c);
	assert_int_equal(classify_from_word("?"), CLASSIFY_CLASSES);
	assert_true(classify_is_seen(CLASSIFY_OBSERVABLE));
	assert_true(classify_is_seen(CLASSIFY_KNOWN));
	assert_false(classify_is_seen(CLASSIFY_ASK));
	assert_false(classify_is_seen(CLASSIFY_UNREADABLE));
}

static int
ask(const char *script, const char *const *files, struct classified *out)
{
	char helper[128];

	snprintf(helper, sizeof helper, "%s/helper", testdir);
	memcpy(path, helper, sizeof path);
	write_bytes(script, strlen(script), 0755);
	return classify_ask(helper, PROVENANCE_ELSEWHERE, files, 2, out);
}

static void
the_helper_is_believed_word_by_word(void **state)
{
	static const char *const files[] = { "/a", "/b c" };
	static const char *const bad[] = {
		"printf '%s\\twhat\\t-\\n' \"$@\"",
		"printf '%s\\task\\t-\\n' \"$@\"",
		"printf '%s\\tgo\\t-\\n' \"$1\"",
		"printf '%s\\tgo\\t-\\n' \"$@\" x",
		"printf '%s\\tgo\\n' \"$@\"",
		"printf '%s\\tgo\\tz\\n' \"$@\"",
		"printf '%s\\tgo\\t-\\n' \"$@\"; exit 1",
		"exec yes",
	};
	struct classified out[2] = { { CLASSIFY_GO, 0 } };
	char script[128];

	(void)state;
	assert_int_equal(
		ask("#!/bin/sh\nshift 2\nprintf '%s\\tknown\\tse\\tx y\\n' "
		    "\"$@\"\n",
		    files, out),
		0);
	assert_int_equal(out[0].class, CLASSIFY_KNOWN);
	assert_int_equal(out[1].class, CLASSIFY_KNOWN);
	assert_int_equal(out[1].traits, CLASSIFY_SYSTEM | CLASSIFY_ENVIRONMENT);
	out[0].class = CLASSIFY_GO;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		snprintf(script, sizeof script, "#!/bin/sh\nshift 2\n%s\n",
			 bad[i]);
		assert_true(ask(script, files, out) < 0);
	}
	assert_true(classify_ask("/nowhere", PROVENANCE_ELSEWHERE, files, 2,
				 out) < 0);
	assert_int_equal(out[0].class, CLASSIFY_GO);
}

/* What a name is trusted for depends on whose the file is. */
static void
the_helper_is_told_the_place(void **state)
{
	static const char script[] =
		"#!/bin/sh\n[ \"$1 $2\" = \"--place toolchain\" ] || exit 1\n"
		"shift 2; printf '%s\\tgo\\t-\\n' \"$@\"\n";
	static const char *const files[] = { "/a", "/b" };
	struct classified out[2];
	char helper[128];

	(void)state;
	snprintf(helper, sizeof helper, "%s/helper", testdir);
	memcpy(path, helper, sizeof path);
	write_bytes(script, strlen(script), 0755);
	assert_int_equal(
		classify_ask(helper, PROVENANCE_TOOLCHAIN, files, 2, out), 0);
	assert_true(classify_ask(helper, PROVENANCE_ELSEWHERE, files, 2, out) <
		    0);
}

#define TEST(fn) cmocka_unit_test_setup(fn, make_image)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_dynamic_program_is_observable),
		TEST(raw_bytes_need_the_helper),
		TEST(headers_tell_what_cannot_be_seen),
		TEST(setuid_programs_are_not_seen),
		TEST(names_tell_a_sanitizer),
		TEST(foreign_code_needs_the_helper),
		TEST(tools_ask_for_variables_by_name),
		TEST(libraries_that_import_environ_may_read_it),
		TEST(traits_are_spelt_by_letters),
		TEST(known_names_count_in_trusted_places_only),
		TEST(damaged_files_are_survived),
		TEST(other_files),
		TEST(words_and_classes_agree),
		TEST(the_helper_is_believed_word_by_word),
		TEST(the_helper_is_told_the_place),
	};

	return cmocka_run_group_tests(tests, testdir_make, testdir_remove);
}
