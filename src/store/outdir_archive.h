/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STORE_OUTDIR_ARCHIVE_H
#define STORE_OUTDIR_ARCHIVE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct digest_cache;
struct roots;

/*
 * Turns the directory that a build script's run filled (OUT_DIR) into one file,
 * the archive, and back.  src/store/FORMAT has every byte ("Archive").  In text
 * the roots are replaced (rustc/relocatable.h), so that equal results of two
 * places give equal archives; other files are kept as they are.  Threads: any,
 * even several on one directory.
 */
enum {
	OUTDIR_FILES_MAX = 50000,
	OUTDIR_DEPTH_MAX = 64,
	OUTDIR_TEXT_MAX = 16 << 20 /* larger files are not taken for text */
};
#define OUTDIR_BYTES_MAX ((uint64_t)1 << 30)

/* What goes into an archive and what becomes of it. */
struct outdir_in {
	const char *dir; /* absolute */
	const struct roots *roots;

	/* NULL: everything; else whether the file PATH (absolute) was made by
	 * the run.  Directories are taken where something in them is. */
	bool (*is_own)(void *ctx, const char *path);
	/* NULL, or called with the text of every file, not neutral. */
	void (*see)(void *ctx, const char *p, size_t n);
	void *ctx;

	/* Wall clock, ns: files that claim to be older were given their time
	 * on purpose, and keep it.  0: none is. */
	int64_t since;

	/* NULL, or BAD_ROOM bytes: what could not be taken, below DIR. */
	char *bad;
	size_t bad_room;
};

/*
 * Writes the archive of IN->dir to FD, which is empty.  0; ERR_TOOBIG;
 * ERR_REFUSED: a name that is no text, or what is neither file, directory nor
 * link; ERR_CHANGED: a file was written meanwhile; or -errno.
 */
int outdir_pack(const struct outdir_in *in, int fd);

/*
 * Restores the archive FD into DIR: all of it or nothing, unless the disk fails
 * in the middle of renames.  Everything is first made under the private name
 * DIR/../TMP.  An empty DIR is then replaced in one step; into any other the
 * files are moved one by one, replacing only files of the same names.  Signals
 * wait until it is done.
 * *BYTES gets the size of what was written.  The digest cache learns the
 * archive's digests.  Modes that came from the umask follow the present umask;
 * others are restored as recorded.
 * 0, ERR_CORRUPT, ERR_TOOBIG, or -errno.
 */
int outdir_unpack(int fd, const struct roots *roots, const char *dir,
		  const char *tmp, struct digest_cache *memo, uint64_t *bytes);

/* True if DIR holds nothing or is not there. */
bool outdir_is_empty(const char *dir);

#endif
