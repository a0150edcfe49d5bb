/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RUSTC_ROOTS_H
#define RUSTC_ROOTS_H

#include <stdbool.h>
#include <stddef.h>

struct args;
struct buf;

/*
 * The directories whose place may differ between checkouts and machines, and
 * the one encoding of paths by them that keys, input lists and dep-info share.
 *
 * An encoded path is an absolute path, or a root's tag, or a tag, '/' and
 * the rest.  The longest root wins; among equals the first of this list:
 *
 *   O OUT_DIR   o --out-dir   L<n> the n-th -L dependency   t target
 *   w cwd       c CARGO_HOME  u RUSTUP_HOME   h HOME        s sysroot
 *   W workspace (runs of build scripts only, whose cwd is the package)
 *
 * A root that rustc does not see remapped is no root at all: its paths stay
 * absolute, in keys too.  O, o, L and s need no remap (outputs do not name
 * them, or are checked for naming them).  Pure.  Threads: any.
 */
enum { ROOTS_MAX = 64 };

struct root {
	char tag;
	unsigned n;       /* of L<n>, else 0 */
	const char *path; /* absolute, no '/' at its end; borrowed */
	size_t len;
	const char *to; /* what rustc is told to call it, or NULL */
};

struct roots {
	struct root r[ROOTS_MAX];
	size_t count;
	/* Of a unit that compiles in its own directory: what other units call
	 * the workspace.  Only for roots_unmap; path NULL: none. */
	struct root around;
};

enum roots_mode {
	ROOTS_NONE,     /* portable = no: keyed by path */
	ROOTS_CHECKOUT, /* cwd and target */
	ROOTS_MACHINE   /* CARGO_HOME, RUSTUP_HOME, HOME as well */
};

struct roots_in {
	enum roots_mode mode;
	const struct args *args;
	const char *cwd;
	const char *cwd_name; /* in outputs; NULL: /proc/self/cwd */
	bool cwd_always;      /* a root though it lies below CARGO_HOME */
	const char *target;   /* holds CACHEDIR.TAG, or NULL */
	const char *out_dir_env;
	const char *cargo_home;
	const char *rustup_home;
	const char *home;
	const char *sysroot;
	/* Holds Cargo.lock, or NULL; of units only if there is a cwd_name. */
	const char *workspace;
};

/* Chooses the roots of one unit.  Borrows every string of IN. */
void roots_init(struct roots *r, const struct roots_in *in);

/*
 * Chooses the roots of a build script's run: all of O t w W c u h s.  None is
 * remapped, since no compiler is told of them: what a run made is bound to
 * their places until two places gave the same (shim/witness).  IN->args and
 * IN->mode are not looked at.  Borrows every string of IN.
 */
void roots_init_run(struct roots *r, const struct roots_in *in);

/*
 * Appends the encoding of absolute PATH.  0, or ERR_REFUSED for what cannot
 * be encoded: relative, not UTF-8, or with a control character.
 */
int roots_encode(const struct roots *r, const char *path, struct buf *out);

/* Appends the absolute path that N bytes at ENC mean here.  0, or
 * ERR_CORRUPT if they name a root that this unit does not have. */
int roots_decode(const struct roots *r, const char *enc, size_t n,
		 struct buf *out);

/* The root with the tag at the start of ENC; *USED gets the tag's length. */
const struct root *roots_find(const struct roots *r, const char *enc, size_t n,
			      size_t *used);

/*
 * Remapped roots in the order rustc wants (the last match wins: shortest
 * first).  Fills at most ROOTS_MAX pointers, gives their number.
 */
size_t roots_remaps(const struct roots *r, const struct root *list[ROOTS_MAX]);

/*
 * Appends N bytes of diagnostics at P with the remap targets turned back
 * into this checkout's own paths, JSON-escaped.  rust-analyzer and cargo fix
 * read those paths.
 */
void roots_unmap(const struct roots *r, const char *p, size_t n,
		 struct buf *out);

/* UTF-8 (RFC 3629) and no byte below 0x20 or DEL. */
bool roots_clean(const char *p, size_t n);

#endif
