/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STORE_OUTDIR_ARCHIVE_FORMAT_H
#define STORE_OUTDIR_ARCHIVE_FORMAT_H

/* The archive's bytes, shared by its writer and its reader; see FORMAT. */
#define OUTDIR_MAGIC "kchrun2"
enum {
	OUTDIR_MAGIC_LEN = 8,
	OUTDIR_HEAD = 56, /* type, flags, mode, length of name, size, digest,
			   * time */
	OUTDIR_NAME_MAX = 255,
	OUTDIR_LINK_MAX = 4096
};

/* The mode is that of a new file, and the user's umask decides of it. */
enum { OUTDIR_PLAIN_MODE = 1 };

enum outdir_type {
	OUTDIR_DIR = 'd',  /* begins a directory */
	OUTDIR_UP = 'u',   /* ends it */
	OUTDIR_FILE = 'f', /* content as it is; its digest */
	OUTDIR_TEXT = 't', /* content in neutral form, which names a root */
	OUTDIR_LINK = 'l', /* content: target, in neutral form */
	OUTDIR_END = 'z'
};

#endif
