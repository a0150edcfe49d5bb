/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "classify/rawcall.h"

#include <capstone/capstone.h>
#include <errno.h>
#include <string.h>

#include "classify/elfimage.h"

static const unsigned char calls[][2] = {
	[RAWCALL_SYSCALL] = { 0x0f, 0x05 },
	[RAWCALL_CPUID] = { 0x0f, 0xa2 },
};

/*
 * Decodes from the start of the function to the bytes at `at`, which are an
 * instruction if one begins there.  What cannot be decoded on the way counts
 * as found.
 */
static int
is_instruction(csh cs, cs_insn *insn, const unsigned char *code, uint64_t from,
	       uint64_t at, uint64_t size)
{
	const uint8_t *p = code + from;
	uint64_t address = from;
	size_t left = (size_t)(size - from);

	while (address < at)
		if (!cs_disasm_iter(cs, &p, &left, &address, insn))
			return 1;
	return address == at;
}

/* Where decoding must begin to meet the byte at `offset` of the section. */
static uint64_t
start_before(const struct elfimage *im, const Elf64_Shdr *s, uint64_t offset)
{
	const struct elfimage_function *f;

	f = elfimage_function_at(im, s->sh_addr + offset);
	if (!f || f->address < s->sh_addr)
		return 0;
	return f->address - s->sh_addr;
}

/* The offset of the instruction in the section, or -1. */
static int64_t
find_in_section(const struct elfimage *im, const Elf64_Shdr *s,
		const unsigned char call[2], csh cs, cs_insn *insn)
{
	const unsigned char *code = elfimage_bytes(im, s), *p = code;
	uint64_t at;

	for (;; p++) {
		p = memmem(p, s->sh_size - (size_t)(p - code), call, 2);
		if (!p)
			return -1;
		at = (uint64_t)(p - code);
		if (is_instruction(cs, insn, code, start_before(im, s, at), at,
				   s->sh_size))
			return (int64_t)at;
	}
}

int
rawcall_find(const struct elfimage *im, enum rawcall what, uint64_t *address)
{
	int64_t at = -1;
	cs_insn *insn;
	csh cs;
	size_t i;

	if (!im->sections)
		return 1;
	if (cs_open(CS_ARCH_X86, CS_MODE_64, &cs) != CS_ERR_OK)
		return -ENOTSUP;
	insn = cs_malloc(cs);
	if (!insn) {
		cs_close(&cs);
		return -ENOMEM;
	}
	for (i = 0; at < 0 && i < im->nsections; i++)
		if (elfimage_is_code(im, &im->sections[i])) {
			at = find_in_section(im, &im->sections[i], calls[what],
					     cs, insn);
			*address = im->sections[i].sh_addr + (uint64_t)at;
		}
	cs_free(insn, 1);
	cs_close(&cs);
	return at >= 0;
}

static int
names_target(const cs_insn *insn, uint64_t target)
{
	const cs_x86 *x = &insn->detail->x86;
	uint8_t i;

	for (i = 0; i < x->op_count; i++) {
		const cs_x86_op *o = &x->operands[i];

		if (o->type == X86_OP_IMM && (uint64_t)o->imm == target)
			return 1;
		if (o->type == X86_OP_MEM && o->mem.base == X86_REG_RIP &&
		    insn->address + insn->size + (uint64_t)o->mem.disp ==
			    target)
			return 1;
	}
	return 0;
}

static const Elf64_Shdr *
section_of(const struct elfimage *im, uint64_t address)
{
	const Elf64_Shdr *s;
	size_t i;

	for (i = 0; i < im->nsections; i++) {
		s = &im->sections[i];
		if (elfimage_is_code(im, s) && address >= s->sh_addr &&
		    address - s->sh_addr < s->sh_size)
			return s;
	}
	return NULL;
}

static int
insn_refers(csh cs, cs_insn *insn, const struct elfimage *im, uint64_t at,
	    uint64_t target)
{
	const Elf64_Shdr *s = section_of(im, at);
	const uint8_t *p;
	uint64_t address, from;
	size_t left;

	if (!s)
		return 1;
	from = start_before(im, s, at - s->sh_addr);
	p = elfimage_bytes(im, s) + from;
	left = (size_t)(s->sh_size - from);
	address = s->sh_addr + from;
	while (address <= at)
		if (!cs_disasm_iter(cs, &p, &left, &address, insn))
			return 1;
	return names_target(insn, target);
}

int
rawcall_refers(const struct elfimage *im, uint64_t at, uint64_t target)
{
	int answer = 1;
	cs_insn *insn;
	csh cs;

	if (cs_open(CS_ARCH_X86, CS_MODE_64, &cs) != CS_ERR_OK)
		return 1;
	cs_option(cs, CS_OPT_DETAIL, CS_OPT_ON);
	insn = cs_malloc(cs);
	if (insn) {
		answer = insn_refers(cs, insn, im, at, target);
		cs_free(insn, 1);
	}
	cs_close(&cs);
	return answer;
}
