/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "arch/arch.h"
#include "classify/elfimage.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAX_FILE ((off_t)1 << 30)
/* .eh_frame_hdr: sorted table of 4-byte offsets from its own address. */
#define EH_VERSION 1
#define EH_COUNT_UDATA4 0x03
#define EH_TABLE_DATAREL_SDATA4 0x3b

static int
is_within(const struct elfimage *im, uint64_t at, uint64_t n)
{
	return at <= im->size && n <= im->size - at;
}

static int
read_whole(int fd, unsigned char *to, size_t size)
{
	size_t got = 0;
	ssize_t n;

	while (got < size) {
		n = read(fd, to + got, size - got);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			return -EIO;
		got += (size_t)n;
	}
	return 0;
}

static int
load_file(const char *path, struct elfimage *im)
{
	struct stat st;
	int fd, rc;

	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return -errno;
	rc = fstat(fd, &st) == 0 ? 0 : -errno;
	if (rc == 0 && (!S_ISREG(st.st_mode) || st.st_size > MAX_FILE))
		rc = -EFBIG;
	if (rc == 0) {
		im->size = (size_t)st.st_size;
		im->data = malloc(im->size + 1);
		rc = im->data ? read_whole(fd, im->data, im->size) : -ENOMEM;
	}
	close(fd);
	/* Every string ends, at the latest with the file. */
	if (rc == 0)
		im->data[im->size] = '\0';
	return rc;
}

static int
find_sections(struct elfimage *im)
{
	const Elf64_Ehdr *h = (const Elf64_Ehdr *)im->data;

	if (im->size < sizeof(*h) || memcmp(h->e_ident, ELFMAG, SELFMAG) != 0 ||
	    h->e_ident[EI_CLASS] != ELFCLASS64 ||
	    h->e_machine != ARCH_ELF_MACHINE)
		return -ENOEXEC;
	if (h->e_shnum == 0 || h->e_shentsize != sizeof(*im->sections) ||
	    h->e_shoff % 8 != 0 ||
	    !is_within(im, h->e_shoff, h->e_shnum * sizeof(*im->sections)))
		return 0;
	im->sections = (const Elf64_Shdr *)(im->data + h->e_shoff);
	im->nsections = h->e_shnum;
	return 0;
}

/* Tables of structs are read as such, so they must be aligned. */
static int
is_table(const Elf64_Shdr *s)
{
	return s->sh_type == SHT_SYMTAB || s->sh_type == SHT_DYNSYM ||
	       s->sh_type == SHT_RELA;
}

const unsigned char *
elfimage_bytes(const struct elfimage *im, const Elf64_Shdr *s)
{
	if (s->sh_type == SHT_NOBITS ||
	    !is_within(im, s->sh_offset, s->sh_size))
		return NULL;
	if (is_table(s) && s->sh_offset % 8 != 0)
		return NULL;
	return im->data + s->sh_offset;
}

int
elfimage_is_code(const struct elfimage *im, const Elf64_Shdr *s)
{
	return s->sh_flags & SHF_EXECINSTR && elfimage_bytes(im, s);
}

const char *
elfimage_section_name(const struct elfimage *im, const Elf64_Shdr *s)
{
	const Elf64_Ehdr *h = (const Elf64_Ehdr *)im->data;
	const Elf64_Shdr *names;

	if (h->e_shstrndx >= im->nsections)
		return "";
	names = &im->sections[h->e_shstrndx];
	if (!elfimage_bytes(im, names) || s->sh_name >= names->sh_size)
		return "";
	return (const char *)elfimage_bytes(im, names) + s->sh_name;
}

const char *
elfimage_symbol_name(const struct elfimage *im, const Elf64_Shdr *s, size_t i)
{
	const Elf64_Sym *symbols = (const Elf64_Sym *)elfimage_bytes(im, s);
	const Elf64_Shdr *names;

	if (!symbols || i >= s->sh_size / sizeof(*symbols) ||
	    s->sh_link >= im->nsections)
		return "";
	names = &im->sections[s->sh_link];
	if (!elfimage_bytes(im, names) || symbols[i].st_name >= names->sh_size)
		return "";
	return (const char *)elfimage_bytes(im, names) + symbols[i].st_name;
}

static int
add_function(struct elfimage *im, size_t *room, uint64_t address, uint64_t size,
	     const char *name)
{
	struct elfimage_function *p;

	if (im->nfunctions == *room) {
		*room = *room ? *room * 2 : 1024;
		p = realloc(im->functions, *room * sizeof(*p));
		if (!p)
			return -ENOMEM;
		im->functions = p;
	}
	im->functions[im->nfunctions++] = (struct elfimage_function){
		.address = address, .size = size, .name = name
	};
	return 0;
}

static int
add_symbols(struct elfimage *im, size_t *room, const Elf64_Shdr *s)
{
	const Elf64_Sym *sym = (const Elf64_Sym *)elfimage_bytes(im, s);
	size_t n = sym ? s->sh_size / sizeof(*sym) : 0, i;
	int rc = 0;

	for (i = 0; rc == 0 && i < n; i++)
		if (ELF64_ST_TYPE(sym[i].st_info) == STT_FUNC &&
		    sym[i].st_shndx != SHN_UNDEF)
			rc = add_function(im, room, sym[i].st_value,
					  sym[i].st_size,
					  elfimage_symbol_name(im, s, i));
	return rc;
}

static int
add_frames(struct elfimage *im, size_t *room, const Elf64_Shdr *s)
{
	const unsigned char *p = elfimage_bytes(im, s);
	uint32_t n, i;
	int32_t offset;
	int rc = 0;

	if (!p || s->sh_size < 12 || p[0] != EH_VERSION ||
	    p[2] != EH_COUNT_UDATA4 || p[3] != EH_TABLE_DATAREL_SDATA4)
		return 0;
	memcpy(&n, p + 8, sizeof(n));
	if (n > (s->sh_size - 12) / 8)
		return 0;
	for (i = 0; rc == 0 && i < n; i++) {
		memcpy(&offset, p + 12 + 8 * (size_t)i, sizeof(offset));
		rc = add_function(im, room,
				  s->sh_addr + (uint64_t)(int64_t)offset, 0,
				  "");
	}
	return rc;
}

/* Equal addresses: the entry with the name and size comes last. */
static int
by_address(const void *a, const void *b)
{
	const struct elfimage_function *x = a, *y = b;

	if (x->address != y->address)
		return x->address < y->address ? -1 : 1;
	if (x->size != y->size)
		return x->size < y->size ? -1 : 1;
	return 0;
}

static int
find_functions(struct elfimage *im)
{
	size_t room = 0, i;
	const Elf64_Shdr *s;
	int rc = 0;

	for (i = 0; rc == 0 && i < im->nsections; i++) {
		s = &im->sections[i];
		if (s->sh_type == SHT_SYMTAB)
			im->has_names = 1;
		if (s->sh_type == SHT_SYMTAB || s->sh_type == SHT_DYNSYM)
			rc = add_symbols(im, &room, s);
		else if (strcmp(elfimage_section_name(im, s),
				".eh_frame_hdr") == 0)
			rc = add_frames(im, &room, s);
	}
	if (rc == 0 && im->nfunctions > 0)
		qsort(im->functions, im->nfunctions, sizeof(*im->functions),
		      by_address);
	return rc;
}

int
elfimage_open(const char *path, struct elfimage *im)
{
	struct elfimage got = { .size = 0 };
	int rc = load_file(path, &got);

	if (rc == 0)
		rc = find_sections(&got);
	if (rc == 0)
		rc = find_functions(&got);
	if (rc != 0)
		elfimage_close(&got);
	else
		*im = got;
	return rc;
}

void
elfimage_close(struct elfimage *im)
{
	free(im->data);
	free(im->functions);
	*im = (struct elfimage){ .size = 0 };
}

const struct elfimage_function *
elfimage_function_at(const struct elfimage *im, uint64_t address)
{
	size_t low = 0, high = im->nfunctions, mid;

	while (low < high) {
		mid = low + (high - low) / 2;
		if (im->functions[mid].address <= address)
			low = mid + 1;
		else
			high = mid;
	}
	return low > 0 ? &im->functions[low - 1] : NULL;
}

const struct elfimage_function *
elfimage_named_at(const struct elfimage *im, uint64_t address)
{
	const struct elfimage_function *f = elfimage_function_at(im, address);
	uint64_t start;

	if (!f)
		return NULL;
	for (start = f->address; f->address == start; f--) {
		if (f->name[0] != '\0' && address - start < f->size)
			return f;
		if (f == im->functions)
			break;
	}
	return NULL;
}
