/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "classify/envscan.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "arch/arch.h"
#include "classify/elfimage.h"
#include "classify/rawcall.h"

/*
 * Backwards from `environ`: who refers to its slot?  Functions of std that
 * only pass it on (vars_os and below) are followed to who refers to them;
 * std's Command ends the search; anybody else reads the environment.
 */

#define TARGETS_MAX 4096
#define FILTER_BITS 16

struct scan {
	const struct elfimage *im;
	int of_stat; /* not of environ: see envscan_calls_stat */
	uint64_t targets[TARGETS_MAX];
	size_t ntargets;
	size_t done; /* targets before this one are scanned for */
	unsigned char filter[1 << (FILTER_BITS - 3)];
	const char *who;
	enum envscan_answer answer;
};

/* Paths in std, as both manglings spell them. */
static const char *const readers[] = {
	"3env",
	"3sys3env",
	"3sys3pal4unix2os",
	"3sys4unix2os",
};

static const char *const benign[] = {
	"7process",          "3sys7process",         "3sys3pal4unix7process",
	"3sys4unix7process", "10sys_common7process",
};

static int
has_prefix(const char *s, const char *with)
{
	return strncmp(s, with, strlen(with)) == 0;
}

/*
 * The path within std of a mangled name, or NULL if it is another crate's.
 * In a v0 name the first crate root is that of the function itself; what
 * follows may be type arguments of anybody.
 */
static const char *
path_in_std(const char *name)
{
	const char *p;

	if (has_prefix(name, "_ZN3std"))
		return name + strlen("_ZN3std");
	if (!has_prefix(name, "_R"))
		return NULL;
	p = strstr(name, "Cs");
	p = p ? strchr(p, '_') : NULL;
	if (!p || !has_prefix(p, "_3std"))
		return NULL;
	return p + strlen("_3std");
}

/*
 * What std of 1.63 (Debian 12) gives Command to put environ back: the old
 * mangling names an implementation by its type.  Only std may implement what
 * is core's for a type of std.
 */
static int
is_old_command(const char *name)
{
	static const char type[] = "_$LT$std..sys..unix..process..";

	if (!has_prefix(name, "_ZN"))
		return 0;
	name += 3;
	name += strspn(name, "0123456789");
	return has_prefix(name, type) && strstr(name, "$u20$as$u20$core..");
}

static int
is_one_of(const char *path, const char *const *list, size_t n)
{
	size_t i;

	for (i = 0; path && i < n; i++)
		if (has_prefix(path, list[i]))
			return 1;
	return 0;
}

static void
set_filter(struct scan *s, uint64_t address)
{
	unsigned bit = address & ((1u << FILTER_BITS) - 1);

	s->filter[bit >> 3] |= (unsigned char)(1u << (bit & 7));
}

static void
add_target(struct scan *s, uint64_t address)
{
	size_t i;

	for (i = 0; i < s->ntargets; i++)
		if (s->targets[i] == address)
			return;
	if (s->ntargets == TARGETS_MAX) {
		s->answer = ENVSCAN_UNKNOWN;
		return;
	}
	s->targets[s->ntargets++] = address;
}

static int
is_new_target(const struct scan *s, uint64_t address)
{
	size_t i;

	for (i = s->done; i < s->ntargets; i++)
		if (s->targets[i] == address)
			return 1;
	return 0;
}

/* The old mangling of what std implements for a type of its own, and what is
 * generated for its types. */
static int
is_std_impl(const char *name)
{
	return strstr(name, "$LT$std..") || strstr(name, "_3std2fs") ||
	       strstr(name, "_3std3sys");
}

/* A function of the crate cc, whose builds copy the environment first. */
static int
is_crate_cc(const char *name)
{
	const char *p;

	if (has_prefix(name, "_ZN2cc"))
		return 1;
	if (!has_prefix(name, "_R"))
		return 0;
	p = strstr(name, "Cs");
	p = p ? strchr(p, '_') : NULL;
	return p && has_prefix(p, "_2cc");
}

/* C that is linked to a script is not ours to tell. */
static void
stat_called(struct scan *s, uint64_t address)
{
	const struct elfimage_function *f = elfimage_named_at(s->im, address);

	if (f && !path_in_std(f->name) &&
	    (has_prefix(f->name, "_ZN") || has_prefix(f->name, "_R")) &&
	    !has_prefix(f->name, "_ZNSt") && !is_std_impl(f->name)) {
		s->answer = ENVSCAN_YES;
		s->who = f->name;
	}
}

/* Something at `address` refers to a target. */
static void
note_reference(struct scan *s, uint64_t address)
{
	const struct elfimage_function *f;
	const char *path;

	if (s->answer == ENVSCAN_YES)
		return;
	if (s->of_stat) {
		stat_called(s, address);
		return;
	}
	f = elfimage_named_at(s->im, address);
	path = f ? path_in_std(f->name) : NULL;
	if (is_one_of(path, benign, sizeof(benign) / sizeof(*benign)) ||
	    (f && is_old_command(f->name)))
		return;
	if (is_one_of(path, readers, sizeof(readers) / sizeof(*readers))) {
		add_target(s, f->address);
		return;
	}
	if (!f && !s->im->has_names) {
		s->answer = ENVSCAN_UNKNOWN;
		return;
	}
	if (f && is_crate_cc(f->name)) {
		if (s->answer == ENVSCAN_NO)
			s->answer = ENVSCAN_CC;
		return;
	}
	s->answer = ENVSCAN_YES;
	s->who = f ? f->name : "";
}

static bool
may_be_target(const struct scan *s, uint64_t address)
{
	unsigned bit = address & ((1u << FILTER_BITS) - 1);

	return s->filter[bit >> 3] & 1u << (bit & 7);
}

/* What looks like a reference by chance the disassembler tells. */
static void
scan_code(struct scan *s, const Elf64_Shdr *sec)
{
	const unsigned char *code = elfimage_bytes(s->im, sec);
	uint64_t to[ARCH_REFERENCES];

	for (uint64_t i = 0; i + ARCH_REFERENCE_BYTES <= sec->sh_size; i++) {
		uint64_t at = sec->sh_addr + i;

		arch_references(code + i, at, to);
		for (size_t t = 0; t < ARCH_REFERENCES; t++)
			if (may_be_target(s, to[t]) &&
			    is_new_target(s, to[t]) &&
			    rawcall_refers(s->im, at, to[t]))
				note_reference(s, at);
	}
}

/* A function's address in a table of the linker's is as good as the address;
 * elsewhere it is data, and we cannot follow it. */
static void
note_pointer(struct scan *s, uint64_t slot)
{
	const struct elfimage *im = s->im;
	size_t i;

	for (i = 0; i < im->nsections; i++) {
		if (slot - im->sections[i].sh_addr >= im->sections[i].sh_size ||
		    !has_prefix(elfimage_section_name(im, &im->sections[i]),
				".got"))
			continue;
		add_target(s, slot);
		return;
	}
	if (!s->of_stat) {
		s->answer = ENVSCAN_YES;
		s->who = "";
	}
}

static void
scan_pointers(struct scan *s, const Elf64_Shdr *sec)
{
	const Elf64_Rela *r = (const Elf64_Rela *)elfimage_bytes(s->im, sec);
	size_t n = r ? sec->sh_size / sizeof(*r) : 0, i;

	for (i = 0; i < n; i++)
		if (ELF64_R_TYPE(r[i].r_info) == ARCH_ELF_RELATIVE &&
		    is_new_target(s, (uint64_t)r[i].r_addend))
			note_pointer(s, r[i].r_offset);
}

/* Packed relocations keep the address where it is relocated. */
static void
scan_words(struct scan *s, const Elf64_Shdr *sec)
{
	const unsigned char *p = elfimage_bytes(s->im, sec);
	uint64_t i, word;

	if (!p || !(sec->sh_flags & SHF_WRITE))
		return;
	for (i = 0; i + sizeof(word) <= sec->sh_size; i += sizeof(word)) {
		memcpy(&word, p + i, sizeof(word));
		if (word != 0 && is_new_target(s, word))
			note_pointer(s, sec->sh_addr + i);
	}
}

static void
scan_once(struct scan *s)
{
	size_t end = s->ntargets, i;
	const Elf64_Shdr *sec;

	memset(s->filter, 0, sizeof(s->filter));
	for (i = s->done; i < end; i++)
		set_filter(s, s->targets[i]);
	for (i = 0; i < s->im->nsections; i++) {
		sec = &s->im->sections[i];
		if (elfimage_is_code(s->im, sec))
			scan_code(s, sec);
		else if (sec->sh_type == SHT_RELA)
			scan_pointers(s, sec);
		else if (sec->sh_type == SHT_PROGBITS)
			scan_words(s, sec);
	}
	s->done = end;
}

static int
is_environ(const char *name)
{
	return strcmp(name, "environ") == 0 || strcmp(name, "__environ") == 0 ||
	       strcmp(name, "_environ") == 0;
}

static int
is_stat(const char *name)
{
	static const char *const all[] = {
		"stat",      "stat64",   "lstat",      "lstat64",  "fstat",
		"fstat64",   "fstatat",  "fstatat64",  "statx",    "__xstat",
		"__xstat64", "__lxstat", "__lxstat64", "__fxstat", "__fxstat64",
	};
	size_t i;

	for (i = 0; i < sizeof(all) / sizeof(*all); i++)
		if (strcmp(name, all[i]) == 0)
			return 1;
	return 0;
}

static int
is_shared_std(const char *name)
{
	const char *path = path_in_std(name);

	return path && (has_prefix(path, "3env4vars") ||
			has_prefix(path, "3env7vars_os"));
}

/* The slots that the loader fills with the address of environ. */
static void
find_slots(struct scan *s, const Elf64_Shdr *rela)
{
	const Elf64_Rela *r = (const Elf64_Rela *)elfimage_bytes(s->im, rela);
	size_t n = r ? rela->sh_size / sizeof(*r) : 0, i;
	const Elf64_Shdr *symbols;
	const char *name;

	if (rela->sh_link >= s->im->nsections)
		return;
	symbols = &s->im->sections[rela->sh_link];
	if (symbols->sh_type != SHT_DYNSYM)
		return;
	for (i = 0; i < n; i++) {
		name = elfimage_symbol_name(s->im, symbols,
					    ELF64_R_SYM(r[i].r_info));
		if (s->of_stat ? is_stat(name) : is_environ(name))
			add_target(s, r[i].r_offset);
		if (!s->of_stat && is_shared_std(name)) {
			s->answer = ENVSCAN_YES;
			s->who = name;
		}
	}
}

int
envscan_is_rust(const struct elfimage *im)
{
	const char *path;
	size_t i;

	for (i = 0; i < im->nfunctions; i++) {
		path = path_in_std(im->functions[i].name);
		if (path && (has_prefix(path, "2rt10lang_start") ||
			     has_prefix(path, "2rt19lang_start_internal")))
			return 1;
	}
	return 0;
}

int
envscan_calls_stat(const struct elfimage *im)
{
	struct scan *s = calloc(1, sizeof(*s));
	size_t i;
	int calls;

	/* Without memory the traits of before are no answer either. */
	if (!s)
		return 1;
	s->im = im;
	s->of_stat = 1;
	for (i = 0; i < im->nsections; i++)
		if (im->sections[i].sh_type == SHT_RELA)
			find_slots(s, &im->sections[i]);
	while (s->answer == ENVSCAN_NO && s->done < s->ntargets)
		scan_once(s);
	calls = s->answer != ENVSCAN_NO;
	free(s);
	return calls;
}

/* std's entry calls main of Rust without any argument. */
enum envscan_answer
envscan_run(const struct elfimage *im, int is_program, const char **who)
{
	struct scan *s = calloc(1, sizeof(*s));
	enum envscan_answer answer;
	size_t i;

	*who = "";
	if (!s)
		return ENVSCAN_FAILED;
	s->im = im;
	s->who = "";
	for (i = 0; i < im->nsections; i++)
		if (im->sections[i].sh_type == SHT_RELA)
			find_slots(s, &im->sections[i]);
	while (s->answer <= ENVSCAN_CC && s->done < s->ntargets)
		scan_once(s);
	if (s->answer <= ENVSCAN_CC &&
	    (!im->sections || (is_program && !envscan_is_rust(im))))
		s->answer = ENVSCAN_UNKNOWN;
	answer = s->answer;
	*who = s->who;
	free(s);
	return answer;
}
