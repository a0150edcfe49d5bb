/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RUSTC_NAMING_H
#define RUSTC_NAMING_H

#include <stdbool.h>
#include <stddef.h>

#include "rustc/args.h" /* allow: value */

/*
 * What the files of a unit are called in what is made of them.  A name that
 * is the same in every checkout is one that we made up, and programs open
 * what file!() says.  Pure.  Threads: any.
 */
enum naming {
	NAMING_REAL, /* as cargo asked: nothing is remapped */
	NAMING_OURS, /* every remapped root by our name for it */
	/* The same, but file!() and panics have real names. */
	NAMING_OPENABLE,
	/* A build script runs where it was compiled: its package is ".", but
	 * in diagnostics. */
	NAMING_PACKAGE
};

/* Where cargo compiles a package. */
enum naming_place {
	NAMING_IN_ROOT,   /* of the workspace: relative names */
	NAMING_IN_PIECES, /* vendored: in its own directory */
	NAMING_IN_HOME,   /* below CARGO_HOME, in its own directory */
	/* Outside of the workspace: its path is in cargo's -C metadata, so
	 * that no other place ever asks for what is made of it. */
	NAMING_OUTSIDE
};

struct naming_in {
	enum args_kind kind;
	enum naming_place place;
	bool home_renamed; /* CARGO_HOME is a remapped root */
	/* The compiler knows --remap-path-scope, and the user has no remaps
	 * that it would concern as well. */
	bool scopes;
};

enum naming naming_choose(const struct naming_in *in);

/* Whether the compiler whose -vV says VERBOSE has --remap-path-scope. */
bool naming_has_scopes(const char *verbose);

/* The option that NAMING needs, or NULL.  Static. */
const char *naming_scope(enum naming naming);

/* Whether PATH begins with a name that we make up for a root. */
bool naming_made_up(const char *path);

/* What a line of rustc says, as far as names may have caused it. */
enum naming_line {
	NAMING_NO_ERROR,
	/* Of types, lints, the linker: names have no part in it. */
	NAMING_PLAIN_ERROR,
	/* Of a macro or of a constant's evaluation, or without a code. */
	NAMING_ANY_ERROR,
	/* The compiler does not know our option, or is itself at fault. */
	NAMING_OPTION_ERROR
};

/* Looks at N bytes of a line at P, JSON as cargo asks for it. */
enum naming_line naming_read_line(const char *p, size_t n);

/* How a compile under our names ended, and what is known of it. */
struct naming_end {
	bool failed;    /* by itself, not by a signal */
	bool opened;    /* a name that we made up was looked for */
	bool asks;      /* macros ask for Span's file */
	bool foreign;   /* a source has an absolute name that we changed */
	bool says;      /* such a source has file!() */
	unsigned plain; /* errors by kind, as in enum naming_line */
	unsigned any;
	unsigned option;
};

/* Why the result is not believed: a word for the log, static; NULL: it is. */
const char *naming_doubt(const struct naming_in *in, enum naming naming,
			 const struct naming_end *end);

#endif
