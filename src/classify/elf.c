/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "arch/arch.h"
#include "classify/elf.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAX_SEGMENTS 128
/* Tables of names and symbols; those of LLVM are a tenth of it. */
#define MAX_TABLE ((uint64_t)256 << 20)
#define SCAN_BYTES 65536

#define SANITIZER(begin) begin,
static const char *const sanitizers[] = {
#include "observe/sanitizers.def"
};

/* std's own iterators, imported where std is a shared library. */
#define STD_VARS "3std3env4vars"
#define STD_VARS_OS "3std3env7vars_os"

struct elf_file {
	int fd;
	uint64_t size;
	Elf64_Ehdr head;
	Elf64_Phdr segments[MAX_SEGMENTS];
	Elf64_Shdr *sections; /* NULL: none usable */
	size_t nsections;
	char *names; /* of sections, zero-terminated */
	size_t names_size;
};

static int
read_at(const struct elf_file *f, void *to, size_t n, uint64_t at)
{
	size_t got = 0;
	ssize_t r;

	if (at > f->size || n > f->size - at)
		return -EBADMSG;
	while (got < n) {
		r = pread(f->fd, (char *)to + got, n - got, (off_t)(at + got));
		if (r < 0 && errno == EINTR)
			continue;
		if (r < 0)
			return -errno;
		if (r == 0)
			return -EBADMSG;
		got += (size_t)r;
	}
	return 0;
}

/* A part of the file in memory of its own with a zero byte after it. */
static char *
read_part(const struct elf_file *f, uint64_t at, uint64_t n)
{
	char *p;

	if (n > MAX_TABLE || at > f->size || n > f->size - at)
		return NULL;
	p = malloc((size_t)n + 1);
	if (!p)
		return NULL;
	if (read_at(f, p, (size_t)n, at) != 0) {
		free(p);
		return NULL;
	}
	p[n] = '\0';
	return p;
}

/* Sections may be missing or stripped; segments must be there. */
static int
read_headers(struct elf_file *f)
{
	const Elf64_Shdr *s;

	if (f->head.e_phentsize != sizeof(*f->segments) ||
	    f->head.e_phnum > MAX_SEGMENTS ||
	    read_at(f, f->segments, f->head.e_phnum * sizeof(*f->segments),
		    f->head.e_phoff) != 0)
		return -EBADMSG;
	if (f->head.e_shnum == 0 ||
	    f->head.e_shentsize != sizeof(*f->sections) ||
	    f->head.e_shstrndx >= f->head.e_shnum)
		return 0;
	f->sections = (Elf64_Shdr *)read_part(
		f, f->head.e_shoff, f->head.e_shnum * sizeof(*f->sections));
	if (!f->sections)
		return 0;
	f->nsections = f->head.e_shnum;
	s = &f->sections[f->head.e_shstrndx];
	f->names = read_part(f, s->sh_offset, s->sh_size);
	f->names_size = f->names ? (size_t)s->sh_size : 0;
	return 0;
}

static const char *
section_name(const struct elf_file *f, const Elf64_Shdr *s)
{
	return s->sh_name < f->names_size ? f->names + s->sh_name : "";
}

static const Elf64_Phdr *
find_segment(const struct elf_file *f, uint32_t type)
{
	int i;

	for (i = 0; i < f->head.e_phnum; i++)
		if (f->segments[i].p_type == type)
			return &f->segments[i];
	return NULL;
}

static void
read_loader(const struct elf_file *f, const Elf64_Phdr *interp,
	    struct elf_info *info)
{
	char *path = read_part(f, interp->p_offset, interp->p_filesz);
	const char *base;

	if (!path)
		return;
	base = strrchr(path, '/');
	base = base ? base + 1 : path;
	strncpy(info->loader, base, sizeof(info->loader) - 1);
	free(path);
}

/* A static-pie program looks like a library but for a flag. */
static int
is_static_pie(const struct elf_file *f, const Elf64_Phdr *dynamic)
{
	size_t n = (size_t)(dynamic->p_filesz / sizeof(Elf64_Dyn)), i;
	Elf64_Dyn *d;
	int pie = 0;

	d = (Elf64_Dyn *)read_part(f, dynamic->p_offset, n * sizeof(*d));
	if (!d)
		return 0;
	for (i = 0; i < n && d[i].d_tag != DT_NULL; i++)
		if (d[i].d_tag == DT_FLAGS_1)
			pie = (d[i].d_un.d_val & DF_1_PIE) != 0;
	free(d);
	return pie;
}

static enum elf_form
form_of(const struct elf_file *f, struct elf_info *info)
{
	const Elf64_Phdr *interp = find_segment(f, PT_INTERP);
	const Elf64_Phdr *dynamic = find_segment(f, PT_DYNAMIC);

	if (interp && dynamic) {
		read_loader(f, interp, info);
		return ELF_PROGRAM;
	}
	if (!dynamic || f->head.e_type != ET_DYN || is_static_pie(f, dynamic))
		return ELF_STATIC;
	return ELF_LIBRARY;
}

static int
is_sanitizer(const char *name)
{
	size_t i;

	for (i = 0; i < sizeof(sanitizers) / sizeof(*sanitizers); i++)
		if (strncmp(name, sanitizers[i], strlen(sanitizers[i])) == 0)
			return 1;
	return 0;
}

static int
is_environ(const char *name)
{
	if (strcmp(name, "environ") == 0 || strcmp(name, "__environ") == 0 ||
	    strcmp(name, "_environ") == 0)
		return 1;
	return strstr(name, STD_VARS) || strstr(name, STD_VARS_OS);
}

/* Every string of the table counts, so needed libraries do too. */
static void
look_at_names(const char *names, size_t size, struct elf_info *info)
{
	const char *s;

	for (s = names; s < names + size; s += strlen(s) + 1) {
		if (is_sanitizer(s))
			info->sanitizer = 1;
		if (is_environ(s))
			info->uses_environ = 1;
	}
}

static void
look_at_sections(const struct elf_file *f, struct elf_info *info)
{
	const Elf64_Shdr *s = f->sections;
	char *names;
	size_t i;

	for (i = 0; i < f->nsections; i++, s++) {
		if (strcmp(section_name(f, s), ".note.go.buildid") == 0 ||
		    strcmp(section_name(f, s), ".go.buildinfo") == 0)
			info->go = 1;
		if (s->sh_type != SHT_DYNSYM || s->sh_link >= f->nsections)
			continue;
		names = read_part(f, f->sections[s->sh_link].sh_offset,
				  f->sections[s->sh_link].sh_size);
		if (names)
			look_at_names(names, f->sections[s->sh_link].sh_size,
				      info);
		free(names);
	}
}

/* Looks for both instructions; 0, or -errno if it cannot be read. */
static int
scan_range(const struct elf_file *f, uint64_t at, uint64_t size,
	   struct elf_info *info)
{
	unsigned char *buf = malloc(SCAN_BYTES);
	unsigned found = 0;
	uint64_t done = 0;
	size_t n;
	int rc = 0;

	if (!buf)
		return -ENOMEM;
	while (rc == 0 && done + 1 < size) {
		n = size - done < SCAN_BYTES ? (size_t)(size - done)
					     : SCAN_BYTES;
		rc = read_at(f, buf, n, at + done);
		if (rc == 0)
			found |= arch_scan(buf, n);
		done += n - 1;
	}
	free(buf);
	info->raw_bytes |= (found & ARCH_HAS_SYSCALL) != 0;
	info->cpu_bytes |= (found & ARCH_HAS_CPUID) != 0;
	return rc;
}

/* Without sections the executable segments are searched. */
static int
scan_code(const struct elf_file *f, struct elf_info *info)
{
	size_t i;
	int rc = 0;

	for (i = 0; rc == 0 && i < f->nsections; i++)
		if (f->sections[i].sh_flags & SHF_EXECINSTR &&
		    f->sections[i].sh_type != SHT_NOBITS)
			rc = scan_range(f, f->sections[i].sh_offset,
					f->sections[i].sh_size, info);
	for (i = 0; rc == 0 && f->nsections == 0 && i < f->head.e_phnum; i++)
		if (f->segments[i].p_type == PT_LOAD &&
		    f->segments[i].p_flags & PF_X)
			rc = scan_range(f, f->segments[i].p_offset,
					f->segments[i].p_filesz, info);
	return rc;
}

static int
inspect_file(struct elf_file *f, int scan, struct elf_info *info)
{
	int rc;

	if (f->size < sizeof(f->head))
		return 0;
	rc = read_at(f, &f->head, sizeof(f->head), 0);
	if (rc != 0)
		return rc;
	if (memcmp(f->head.e_ident, ELFMAG, SELFMAG) != 0)
		return 0;
	info->form = ELF_FOREIGN;
	if (f->head.e_ident[EI_CLASS] != ELFCLASS64 ||
	    f->head.e_ident[EI_DATA] != ELFDATA2LSB ||
	    f->head.e_machine != ARCH_ELF_MACHINE)
		return 0;
	info->form = ELF_BROKEN;
	if (read_headers(f) != 0)
		return 0;
	info->form = form_of(f, info);
	look_at_sections(f, info);
	if (scan && scan_code(f, info) != 0)
		info->form = ELF_BROKEN;
	return 0;
}

int
elf_inspect(const char *path, int scan, struct elf_info *info)
{
	struct elf_info got = { .form = ELF_NOT };
	struct elf_file f = { .size = 0 };
	struct stat st;
	int rc;

	f.fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (f.fd < 0)
		return -errno;
	if (fstat(f.fd, &st) != 0)
		rc = -errno;
	else if (!S_ISREG(st.st_mode))
		rc = -EINVAL;
	else {
		f.size = (uint64_t)st.st_size;
		got.mode = st.st_mode;
		rc = inspect_file(&f, scan, &got);
	}
	close(f.fd);
	free(f.sections);
	free(f.names);
	if (rc == 0)
		*info = got;
	return rc;
}
