/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RUSTC_PARTS_H
#define RUSTC_PARTS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/digest.h" /* allow: value */
#include "base/file.h"   /* allow: value */

struct buf;
struct mp_list;

/*
 * Names whose present state stands for something that is expensive to find
 * out: which compiler a name leads to, what a toolchain holds.  A list is
 * written down, and whoever reads it back looks whether all is as it was.
 * Relative names mean the current directory of whoever looks.  Threads: any,
 * one list per thread.
 */
enum part_how {
	PART_STAT, /* the file behind links, or that there is none */
	PART_LINK, /* a link, by what it holds, or that it is none */
	PART_VAIN  /* nothing that could be executed */
};

struct part {
	char *path;
	enum part_how how;
	bool hot;  /* to be looked at on every hit */
	bool hash; /* its bytes belong to the identity */
	bool name; /* its name does */
	struct file_id id;
	struct digest digest; /* of its bytes; the caller's to fill */
};

struct parts {
	struct part *p;
	size_t n;
};

enum { PART_FIELDS = 7 };

/* Appends PATH in its present state; hot, hash and name unset.  Gives the
 * part in *OUT unless that is NULL.  0 or an error. */
int parts_add(struct parts *s, const char *path, enum part_how how,
	      struct part **out);

/* Every link on the way to PATH, that at its end included. */
int parts_add_links(struct parts *s, const char *path);
void parts_free(struct parts *s);

/* Appends PART_FIELDS values. */
void parts_put(struct buf *b, const struct part *p);

/* Takes them from L: 0 if it is so still, ERR_MISS if not, ERR_CORRUPT. */
int parts_still(struct mp_list *l);

/* PATH is a file that may be executed, as execvp sees it. */
bool parts_runs(const char *path);

#endif
