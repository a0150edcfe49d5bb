/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLASSIFY_ELF_H
#define CLASSIFY_ELF_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/*
 * The little we want to know about ELF files.  A file is an input from
 * outside: every offset is checked against its size, nothing is mapped (a
 * file truncated under us must not kill us).  No shared state.
 */

#define ELF_NAME_MAX 64

enum elf_form {
	ELF_NOT,     /* no ELF file */
	ELF_FOREIGN, /* 32-bit, big endian or not x86-64 */
	ELF_BROKEN,  /* headers point outside the file */
	ELF_STATIC,  /* program without a loader, static-pie too */
	ELF_PROGRAM, /* dynamic program */
	ELF_LIBRARY  /* shared object */
};

struct elf_info {
	enum elf_form form;
	mode_t mode;               /* of the file */
	char loader[ELF_NAME_MAX]; /* base name of PT_INTERP, or "" */
	unsigned go:1;             /* made by Go */
	unsigned sanitizer:1;      /* linked against asan, tsan, ... */
	unsigned uses_environ:1;   /* imports environ */
	unsigned raw_bytes:1;      /* 0F 05 stands in its code */
	unsigned cpu_bytes:1;      /* 0F A2 does */
};

/*
 * Looks into the file `path`.  With `scan` the code is searched for the
 * bytes of the syscall and cpuid instructions, which reads all of it; else
 * raw_bytes and cpu_bytes stay 0.
 * 0: *info is filled.  -errno: the file cannot be read, *info untouched.
 */
int elf_inspect(const char *path, int scan, struct elf_info *info);

#endif
