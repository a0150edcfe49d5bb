/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLASSIFY_ELFIMAGE_H
#define CLASSIFY_ELFIMAGE_H

#include <elf.h>
#include <stddef.h>
#include <stdint.h>

/*
 * An ELF file in memory, for kache-classify.  Whatever points outside of the
 * file is left out, so that everything returned lies within it.  Threads: one.
 */

struct elfimage_function {
	uint64_t address;
	uint64_t size;    /* 0: not known */
	const char *name; /* "": only its start is known */
};

struct elfimage {
	unsigned char *data;
	size_t size;
	const Elf64_Shdr *sections; /* NULL: none */
	size_t nsections;
	struct elfimage_function *functions; /* by address, then size */
	size_t nfunctions;
	int has_names; /* it has a full symbol table */
};

/* 0: *im is filled, the caller owes elfimage_close.  -errno otherwise. */
int elfimage_open(const char *path, struct elfimage *im);
void elfimage_close(struct elfimage *im);

/* The bytes of a section, or NULL if it has none in the file. */
const unsigned char *elfimage_bytes(const struct elfimage *im,
				    const Elf64_Shdr *s);

/* 1 if the section holds code that is in the file. */
int elfimage_is_code(const struct elfimage *im, const Elf64_Shdr *s);

/* The section's name, never NULL. */
const char *elfimage_section_name(const struct elfimage *im,
				  const Elf64_Shdr *s);

/* The name of symbol i of the symbol section s, never NULL. */
const char *elfimage_symbol_name(const struct elfimage *im, const Elf64_Shdr *s,
				 size_t i);

/* The function that starts last at or before `address`, or NULL. */
const struct elfimage_function *elfimage_function_at(const struct elfimage *im,
						     uint64_t address);

/* The named function that `address` lies in, or NULL. */
const struct elfimage_function *elfimage_named_at(const struct elfimage *im,
						  uint64_t address);

#endif
