/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RUSTC_TOOLCHAIN_H
#define RUSTC_TOOLCHAIN_H

#include <stdbool.h>

#include "base/digest.h" /* allow: value */

/*
 * Which compiler this is, by content: the text of `rustc -vV` and the bytes of
 * the compiler, of every library it loads from its own directories, and of the
 * standard library for host and target (rustc/toolchain_files has the list).
 * Half a gigabyte is hashed once a toolchain; the result is remembered in ids/
 * with the stats of what was hashed and of the names that led there.  A hit
 * checks the names, the compiler, its driver library and the directories; a
 * thorough load checks every file (done when cargo asks for the version, once a
 * build).  Of a driver the identity is that of the toolchain and the driver's
 * own bytes, which are all that is hashed for it.  Threads: any; several
 * processes hash one toolchain only once.
 */
struct toolchain {
	struct digest id;
	char *rustc; /* the real file, no link, no rustup proxy */
	char *sysroot;
	char *verbose;  /* what -vV prints */
	char *target;   /* beside the host, or NULL */
	unsigned lacks; /* of toolchain_files_lack: bits of what is absent */
};

struct toolchain_in {
	int dirfd;            /* the store's directory */
	int locks;            /* its lock file */
	const char *compiler; /* as cargo named it */
	const char *target;   /* --target, or NULL */
	const char *path;     /* PATH */
	const char *rustup_home;
	const char *rustup_toolchain; /* RUSTUP_TOOLCHAIN, or NULL */
	bool driver; /* COMPILER is not rustc, but a program that links the
		      * compiler of the rustc beside it: clippy-driver */
	bool thorough;
};

/*
 * 0; ERR_REFUSED if it cannot be told which compiler would run (a rustup
 * proxy without RUSTUP_TOOLCHAIN, no sysroot beside it); or an error.
 * The caller owns OUT.
 */
int toolchain_load(const struct toolchain_in *in, struct toolchain *out);
void toolchain_release(struct toolchain *t);

/* PATH, absolute and without "..", is in the identity: as a file by content,
 * as a directory by its names, as an absent name by its absence. */
bool toolchain_holds(const struct toolchain *t, const char *path);

#endif
