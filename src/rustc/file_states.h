/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RUSTC_FILE_STATES_H
#define RUSTC_FILE_STATES_H

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
enum file_state_how {
	FILE_STATE_STAT, /* the file behind links, or that there is none */
	FILE_STATE_LINK, /* a link, by what it holds, or that it is none */
	FILE_STATE_VAIN  /* nothing that could be executed */
};

struct file_state {
	char *path;
	enum file_state_how how;
	bool hot;  /* to be looked at on every hit */
	bool hash; /* its bytes belong to the identity */
	bool name; /* its name does */
	struct file_id id;
	struct digest digest; /* of its bytes; the caller's to fill */
};

struct file_states {
	struct file_state *p;
	size_t n;
};

enum { FILE_STATE_FIELDS = 7 };

/* Appends PATH in its present state; hot, hash and name unset.  Gives the
 * part in *OUT unless that is NULL.  0 or an error. */
int file_states_add(struct file_states *s, const char *path,
		    enum file_state_how how, struct file_state **out);

/* Every link on the way to PATH, that at its end included. */
int file_states_add_links(struct file_states *s, const char *path);
void file_states_free(struct file_states *s);

/* Appends FILE_STATE_FIELDS values. */
void file_states_put(struct buf *b, const struct file_state *p);

/* Takes them from L: 0 if it is so still, ERR_MISS if not, ERR_CORRUPT. */
int file_states_still(struct mp_list *l);

/* PATH is a file that may be executed, as execvp sees it. */
bool file_states_runs(const char *path);

#endif
