/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "observe/exec_check.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "observe/obs.h"
#include "observe/rawsys.h"

#define LOADER ARCH_LOADER
#define SHIM "kache-shim"
#define HEAD_BYTES 1024
#define PATH_BYTES 4096
#define MAX_SCRIPTS 5
#define MAX_SEGMENTS 64
#define MAX_DYNAMIC 128
/* Where a program's names end for us; larger tables hold the symbol early. */
#define MAX_STRINGS ((uint64_t)64 << 20)

extern char **__environ __attribute__((weak));

#define SANITIZER(begin) begin,
static const char *const sanitizers[] = {
#include "observe/sanitizers.def"
};

/* What each of them defines. */
static const char *const runtimes[] = {
	"__asan_init", "__tsan_init",   "__msan_init",
	"__lsan_init", "__hwasan_init",
};

struct program {
	long fd;
	Elf64_Ehdr head;
	Elf64_Phdr segments[MAX_SEGMENTS];
};

static int
read_at(long fd, void *to, size_t n, uint64_t at)
{
	return rawsys4(SYS_pread64, fd, (long)to, (long)n, (long)at) == (long)n;
}

static int
is_sanitizer(const char *name)
{
	size_t i;

	for (i = 0; i < sizeof(sanitizers) / sizeof(*sanitizers); i++)
		if (rawsys_starts(name, sanitizers[i]))
			return 1;
	return 0;
}

/* The file offset of an address, or 0. */
static uint64_t
offset_of(const struct program *p, uint64_t addr)
{
	const Elf64_Phdr *s = p->segments;
	int i;

	for (i = 0; i < p->head.e_phnum; i++, s++)
		if (s->p_type == PT_LOAD && addr >= s->p_vaddr &&
		    addr - s->p_vaddr < s->p_filesz)
			return addr - s->p_vaddr + s->p_offset;
	return 0;
}

/* Looks through a string table by pieces that overlap by the longest name. */
static int
strings_name_sanitizer(long fd, uint64_t at, uint64_t size)
{
	char buf[HEAD_BYTES + 1];
	uint64_t done = 0, n, i;
	const uint64_t overlap = 32;

	while (done < size) {
		n = size - done < HEAD_BYTES ? size - done : HEAD_BYTES;
		if (!read_at(fd, buf, n, at + done))
			return 0;
		buf[n] = '\0';
		for (i = 0; i < n; i++)
			if ((buf[i] == '_' || buf[i] == 'l') &&
			    is_sanitizer(buf + i))
				return 1;
		if (n < HEAD_BYTES)
			break;
		done += n - overlap;
	}
	return 0;
}

/* Of the dynamic section what matters here. */
struct names {
	uint64_t strings; /* file offset, 0: none */
	uint64_t size;
	uint64_t hash; /* file offset of the GNU hash table, 0: none */
};

static void
take_dynamic(const struct program *p, const Elf64_Dyn *d, struct names *n)
{
	if (d->d_tag == DT_STRTAB)
		n->strings = offset_of(p, d->d_un.d_ptr);
	if (d->d_tag == DT_STRSZ)
		n->size = d->d_un.d_val;
	if (d->d_tag == DT_GNU_HASH)
		n->hash = offset_of(p, d->d_un.d_ptr);
}

static int
is_needed(const struct program *p, const Elf64_Dyn *d, const struct names *n)
{
	char name[33];

	if (d->d_tag != DT_NEEDED || d->d_un.d_val >= n->size ||
	    n->size - d->d_un.d_val < sizeof(name) ||
	    !read_at(p->fd, name, sizeof(name) - 1, n->strings + d->d_un.d_val))
		return 0;
	name[sizeof(name) - 1] = '\0';
	return is_sanitizer(name);
}

/* What a hash table says of a symbol at once: 0 if it is not defined. */
static int
may_define(long fd, uint64_t table, const char *symbol)
{
	uint32_t head[4], h = 5381;
	uint64_t word, mask;

	for (; *symbol != '\0'; symbol++)
		h = h * 33 + (unsigned char)*symbol;
	if (!read_at(fd, head, sizeof(head), table) || head[2] == 0 ||
	    !read_at(fd, &word, sizeof(word),
		     table + sizeof(head) + 8 * (h / 64 % head[2])))
		return 1;
	mask = (uint64_t)1 << h % 64 | (uint64_t)1
					       << (h >> (head[3] & 31)) % 64;
	return (word & mask) == mask;
}

/*
 * A runtime that is linked in is found by what it defines, others by the name
 * of their library.  Tables of strings are searched only where the symbols'
 * hashes leave a doubt: cc1's has megabytes.
 */
static int
has_sanitizer(const struct program *p, const Elf64_Phdr *dynamic)
{
	struct names names = { 0, 0, 0 };
	Elf64_Dyn d[MAX_DYNAMIC];
	uint64_t n = dynamic->p_filesz / sizeof(*d), i;
	int doubt = n > MAX_DYNAMIC;

	if (doubt)
		n = MAX_DYNAMIC;
	if (!read_at(p->fd, d, n * sizeof(*d), dynamic->p_offset))
		return 0;
	for (i = 0; i < n && d[i].d_tag != DT_NULL; i++)
		take_dynamic(p, &d[i], &names);
	if (names.strings == 0)
		return 0;
	if (names.size > MAX_STRINGS)
		names.size = MAX_STRINGS;
	for (i = 0; i < n && d[i].d_tag != DT_NULL; i++)
		if (is_needed(p, &d[i], &names))
			return 1;
	for (i = 0; i < sizeof(runtimes) / sizeof(*runtimes) && !doubt; i++)
		doubt = names.hash == 0 ||
			may_define(p->fd, names.hash, runtimes[i]);
	return doubt &&
	       strings_name_sanitizer(p->fd, names.strings, names.size);
}

static int
is_our_loader(const struct program *p, const Elf64_Phdr *interp)
{
	char name[256];
	size_t n = interp->p_filesz, base = sizeof(LOADER);

	if (n < base + 1 || n > sizeof(name))
		return 0;
	if (!read_at(p->fd, name, n, interp->p_offset))
		return 0;
	return name[n - base - 1] == '/' &&
	       rawsys_equal(name + n - base, LOADER, base);
}

static int
check_program(struct program *p)
{
	const Elf64_Phdr *interp = NULL, *dynamic = NULL;
	int i;

	if (p->head.e_ident[EI_CLASS] != ELFCLASS64 ||
	    p->head.e_ident[EI_DATA] != ELFDATA2LSB ||
	    p->head.e_machine != ARCH_ELF_MACHINE)
		return OBS_FOREIGN_CLASS;
	if (p->head.e_phentsize != sizeof(*p->segments) ||
	    p->head.e_phnum > MAX_SEGMENTS ||
	    !read_at(p->fd, p->segments, p->head.e_phnum * sizeof(*p->segments),
		     p->head.e_phoff))
		return OBS_UNREADABLE;
	for (i = 0; i < p->head.e_phnum; i++) {
		if (p->segments[i].p_type == PT_INTERP)
			interp = &p->segments[i];
		if (p->segments[i].p_type == PT_DYNAMIC)
			dynamic = &p->segments[i];
	}
	if (!interp || !dynamic)
		return OBS_STATIC;
	if (!is_our_loader(p, interp))
		return OBS_FOREIGN_LIBC;
	return has_sanitizer(p, dynamic) ? OBS_SANITIZER : 0;
}

/*
 * The interpreter of a script's first line, cut out in place; NULL if the
 * line is not one.
 */
static char *
interpreter(char *line)
{
	char *s = line + 2, *end;

	while (*s == ' ' || *s == '\t')
		s++;
	for (end = s;
	     *end != '\0' && *end != ' ' && *end != '\t' && *end != '\n'; end++)
		;
	*end = '\0';
	return *s ? s : NULL;
}

/*
 * One file of a chain of scripts.  1: a script, the next file stands in
 * next[HEAD_BYTES].
 */
static int
check_file(long fd, char *next, int *answer)
{
	struct program p = { .fd = fd };
	struct stat st;
	const char *s;
	long n;

	*answer = OBS_UNREADABLE;
	if (rawsys2(SYS_fstat, fd, (long)&st) != 0)
		return 0;
	if (!S_ISREG(st.st_mode)) {
		*answer = -EACCES;
		return 0;
	}
	n = rawsys4(SYS_pread64, fd, (long)next, HEAD_BYTES - 1, 0);
	next[n > 0 ? n : 0] = '\0';
	if (n > 2 && next[0] == '#' && next[1] == '!') {
		s = interpreter(next);
		if (s)
			rawsys_put(next, s, rawsys_strlen(s) + 1);
		return s != NULL;
	}
	*answer = OBS_NO_PROGRAM;
	if (n < (long)sizeof(p.head) || !rawsys_equal(next, ELFMAG, SELFMAG))
		return 0;
	rawsys_put((char *)&p.head, next, sizeof(p.head));
	*answer = st.st_mode & (S_ISUID | S_ISGID) ? OBS_SETUID
						   : check_program(&p);
	return 0;
}

/*
 * kache-shim is static, and started by build scripts in front of the compiler.
 * When it finds our variable it executes the compiler, which has a START of
 * the same pid, before it looks at anything (shim/shim.c).
 */
static int
steps_aside(const char *file)
{
	size_t n = rawsys_strlen(file), base = sizeof(SHIM);

	return n + 1 >= base && rawsys_equal(file + n + 1 - base, SHIM, base) &&
	       (n + 1 == base || file[n - base] == '/');
}

int
exec_check_check(const char *file)
{
	char next[HEAD_BYTES];
	int i, answer = OBS_UNREADABLE, script;
	long fd;

	for (i = 0; i < MAX_SCRIPTS; i++) {
		fd = rawsys4(SYS_openat, AT_FDCWD, (long)file,
			     O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, 0);
		if (fd == -EACCES || fd == -EPERM || fd == -EMFILE ||
		    fd == -ENFILE)
			return OBS_UNREADABLE;
		if (fd < 0)
			return (int)fd;
		script = check_file(fd, next, &answer);
		rawsys2(SYS_close, fd, 0);
		if (!script)
			return answer == OBS_STATIC && steps_aside(file)
				       ? 0
				       : answer;
		file = next;
	}
	return OBS_UNREADABLE;
}

static const char *
own_path(void)
{
	char **e;

	if (!&__environ || !__environ)
		return "/bin:/usr/bin";
	for (e = __environ; *e; e++)
		if (rawsys_starts(*e, "PATH="))
			return *e + 5;
	return "/bin:/usr/bin";
}

static int
is_executable(const char *file)
{
	struct stat st;

	return rawsys4(SYS_faccessat, AT_FDCWD, (long)file, X_OK, 0) == 0 &&
	       rawsys4(SYS_newfstatat, AT_FDCWD, (long)file, (long)&st, 0) ==
		       0 &&
	       S_ISREG(st.st_mode);
}

const char *
exec_check_find(const char *name, char *found)
{
	size_t len = rawsys_strlen(name), n, i;
	const char *dir;
	char *end;

	for (i = 0; i < len; i++)
		if (name[i] == '/')
			return name;
	if (len == 0)
		return NULL;
	for (dir = own_path();; dir += n + 1) {
		for (n = 0; dir[n] != '\0' && dir[n] != ':'; n++)
			;
		if (n + len + 2 <= PATH_BYTES) {
			end = rawsys_put(found, dir, n);
			if (n > 0)
				*end++ = '/';
			rawsys_put(end, name, len + 1);
			if (is_executable(found))
				return found;
		}
		if (dir[n] == '\0')
			return NULL;
	}
}
