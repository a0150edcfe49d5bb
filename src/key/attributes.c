/* SPDX-License-Identifier: Apache-2.0 */
#include "key/attributes.h"

#include "base/memfind.h"

#include <string.h>

enum {
	NONE = ATTRIBUTES_KNOWN,
	TOOL = ATTRIBUTES_KNOWN | ATTRIBUTES_COMPILES,
	MODE = ATTRIBUTES_KNOWN | ATTRIBUTES_MODE,
	ALL = ATTRIBUTES_KNOWN | ATTRIBUTES_MODE | ATTRIBUTES_TIMES |
	      ATTRIBUTES_OWNER | ATTRIBUTES_TESTED,
	/* fstat is enough for them. */
	OPENS = ALL & ~ATTRIBUTES_TESTED,
	/* Looks at times if a command line, or a script that it read, speaks of
	 * them. */
	IF_TOLD = 1 << 16,
	/* The same of a script alone, in words of its own. */
	IF_SAID = NONE | 1 << 17
};

/*
 * make and ninja compare times and give them to nobody: what they decide is
 * whether to make what lies in OUT_DIR, and that is made from nothing.  The
 * system's other programs may use what they ask for.
 */
static const struct {
	const char *name; /* a version may follow */
	unsigned uses;
} programs[] = {
	{ "gcc", TOOL },
	{ "g++", TOOL },
	{ "cc", TOOL },
	{ "c++", TOOL },
	{ "cpp", TOOL },
	{ "cc1", TOOL },
	{ "cc1plus", TOOL },
	{ "collect2", TOOL },
	{ "lto1", TOOL },
	{ "lto-wrapper", TOOL },
	{ "clang", TOOL },
	{ "clang++", TOOL },
	{ "as", TOOL },
	{ "ld", TOOL },
	{ "ld.bfd", TOOL },
	{ "ld.gold", TOOL },
	{ "ld.lld", TOOL },
	{ "lld", TOOL },
	{ "rust-lld", TOOL },
	{ "mold", TOOL },
	{ "ar", TOOL },
	{ "ranlib", TOOL },
	{ "nm", NONE },
	{ "objdump", NONE },
	{ "readelf", NONE },
	{ "nasm", TOOL },
	{ "yasm", TOOL },
	{ "rustc", TOOL },
	{ "rustdoc", TOOL },
	{ "clippy-driver", TOOL },
	{ "cargo", NONE },
	{ "rustfmt", NONE },
	{ "git", NONE },
	{ "pkg-config", NONE },
	{ "pkgconf", NONE },
	{ "protoc", NONE },
	{ "make", NONE },
	{ "gmake", NONE },
	{ "ninja", NONE },
	{ "samu", NONE },
	{ "cmake", IF_SAID },
	{ "cat", NONE },
	{ "echo", NONE },
	{ "expr", NONE },
	{ "grep", NONE },
	{ "sed", NONE },
	{ "awk", NONE },
	{ "mawk", NONE },
	{ "gawk", NONE },
	{ "sort", NONE },
	{ "uniq", NONE },
	{ "head", NONE },
	{ "tail", NONE },
	{ "cut", NONE },
	{ "tr", NONE },
	{ "wc", NONE },
	{ "tee", NONE },
	{ "mkdir", NONE },
	{ "rmdir", NONE },
	{ "rm", NONE },
	{ "ln", NONE },
	{ "touch", NONE },
	{ "chmod", NONE },
	{ "diff", OPENS },
	{ "cmp", NONE },
	{ "basename", NONE },
	{ "dirname", NONE },
	{ "uname", NONE },
	{ "sleep", NONE },
	{ "true", NONE },
	{ "false", NONE },
	{ "env", NONE },
	{ "m4", NONE },
	{ "bison", NONE },
	{ "flex", NONE },
	{ "gzip", OPENS },
	{ "xz", NONE },
	{ "bzip2", NONE },
	{ "zstd", NONE },
	{ "readlink", NONE },
	{ "realpath", NONE },
	{ "od", NONE },
	{ "xxd", NONE },
	{ "base64", NONE },
	{ "sha256sum", NONE },
	{ "md5sum", NONE },
	{ "objcopy", MODE | TOOL },
	{ "strip", MODE | TOOL },
	{ "cp", MODE },
	{ "mv", MODE },
	{ "install", MODE },
	{ "patch", MODE },
	{ "tar", ALL },
	{ "cpio", ALL },
	{ "zip", ALL },
	{ "unzip", NONE },
	{ "rsync", ALL },
	{ "stat", ALL | ATTRIBUTES_PRINTS },
	{ "ls", ALL },
	{ "vdir", ALL },
	{ "date", ALL },
	{ "du", ALL },
	{ "jar", ALL },
	{ "sh", IF_TOLD },
	{ "bash", IF_TOLD },
	{ "dash", IF_TOLD },
	{ "busybox", ALL },
	{ "perl", IF_TOLD },
	{ "python", IF_TOLD },
	{ "ruby", IF_TOLD },
	{ "node", IF_TOLD },
	{ "find", IF_TOLD },
	{ "pr", OPENS },
	{ "test", IF_TOLD },
	{ "[", IF_TOLD },
};

#define WORD(w) w,
static const char *const words[] = {
#include "observe/times.def"
};

/* The N bytes at BASE are NAME, perhaps with a target in front. */
static int
is_spelled(const char *base, size_t n, const char *name)
{
	size_t k = strlen(name);

	return n >= k && !memcmp(base + n - k, name, k) &&
	       (n == k ||
		(base[n - k - 1] == '-' && memchr(base, '-', n - k - 1)));
}

/* x86_64-linux-gnu-gcc-12 is gcc, and bzip2 is itself. */
static int
is_named(const char *base, const char *name)
{
	size_t n = strlen(base);

	if (is_spelled(base, n, name))
		return 1;
	while (n > 0 && strchr("-.0123456789", base[n - 1]))
		n--;
	return is_spelled(base, n, name);
}

/* The row of PATH, or ALL. */
static unsigned
row_of(const char *path)
{
	const char *base = strrchr(path, '/');

	base = base ? base + 1 : path;
	for (size_t i = 0; i < sizeof(programs) / sizeof(*programs); i++)
		if (is_named(base, programs[i].name))
			return programs[i].uses;
	return ALL;
}

unsigned
attributes_of(const char *path, int told)
{
	unsigned row = row_of(path);

	if (row == IF_TOLD)
		return told ? ALL : NONE;
	return row & 0xff;
}

static int
is_blank(const char *p, const char *from, const char *end)
{
	return p < from || p >= end || strchr(" \t\r\n;'\"", *p);
}

/* An operator of shells, between blanks of any kind. */
static int
has_operator(const char *text, size_t n, const char *word)
{
	const char *p = text, *end = text + n;

	for (;;) {
		p = memfind(p, (size_t)(end - p), word, 3);
		if (!p)
			return 0;
		if (is_blank(p - 1, text, end) && is_blank(p + 3, text, end))
			return 1;
		p += 3;
	}
}

int
attributes_in_text(const char *text, size_t n)
{
	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++)
		if (memfind(text, n, words[i], strlen(words[i])))
			return 1;
	return has_operator(text, n, "-nt") || has_operator(text, n, "-ot");
}

static int
is_c_source(const char *path)
{
	static const char *const ends[] = { ".c",  ".h",   ".cc",  ".cpp",
					    ".hh", ".hpp", ".cxx", ".hxx",
					    ".S",  ".m",   ".inc", ".def" };
	const char *dot = strrchr(path, '.');

	for (size_t i = 0; dot && i < sizeof(ends) / sizeof(*ends); i++)
		if (!strcmp(dot, ends[i]))
			return 1;
	return 0;
}

int
attributes_want_text(const char *path, const char *file)
{
	unsigned row = row_of(path);

	return row == IF_TOLD || row == IF_SAID ||
	       (row & ATTRIBUTES_COMPILES && is_c_source(file));
}

static int
holds(const char *text, size_t n, const char *word)
{
	return memfind(text, n, word, strlen(word)) != NULL;
}

unsigned
attributes_of_text(const char *path, const char *text, size_t n)
{
	unsigned row = row_of(path);

	if (row == IF_TOLD)
		return attributes_in_text(text, n) ? ALL : 0;
	if (row == IF_SAID)
		return holds(text, n, "(TIMESTAMP") ||
				       holds(text, n, "IS_NEWER_THAN")
			       ? ALL
			       : 0;
	if (row & ATTRIBUTES_COMPILES)
		return holds(text, n, "__TIMESTAMP__") ? ATTRIBUTES_TIMES : 0;
	return 0;
}
