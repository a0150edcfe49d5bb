/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLASSIFY_ELF_H
#define CLASSIFY_ELF_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/*
 * What must be known about ELF files.  Files are not trusted: every offset is
 * checked against the size, and nothing is mapped, so that truncating the file
 * meanwhile cannot kill us.  Threads: any.
 */

#define ELF_NAME_MAX 64

enum elf_form {
	ELF_NOT,     /* not an ELF file */
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
	unsigned raw_bytes:1;      /* its code has 0F 05 (syscall) */
	unsigned cpu_bytes:1;      /* its code has 0F A2 (cpuid) */
};

/*
 * Looks into the file PATH.  With SCAN all code is read and searched for the
 * bytes of the instructions syscall and cpuid; without, raw_bytes and cpu_bytes
 * are 0.  0: *info is filled.  -errno: the file cannot be read, *info is
 * untouched.
 */
int elf_inspect(const char *path, int scan, struct elf_info *info);

#endif
