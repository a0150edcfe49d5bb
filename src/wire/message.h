/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WIRE_MESSAGE_H
#define WIRE_MESSAGE_H

#include <stddef.h>
#include <stdint.h>

struct buf;

/*
 * Every message by the one table in message.c; what they mean is in
 * PROTOCOL.  Numbers are for ever.  Threads: any.
 */
enum { MESSAGE_PROTOCOL = 1, MESSAGE_FIELDS_MAX = 6 };

enum message_type {
	MESSAGE_HELLO = 1,
	MESSAGE_CHECK,
	MESSAGE_ACCEPTED,
	MESSAGE_BUSY,
	MESSAGE_NONE,
	MESSAGE_SHAPES,
	MESSAGE_NOT_FOUND,
	MESSAGE_LATE,
	MESSAGE_GET,
	MESSAGE_FOUND,
	MESSAGE_STORED,
	MESSAGE_SESSION,
	MESSAGE_PREFETCH_HINT,
	MESSAGE_STATUS,
	MESSAGE_REPORT,
	MESSAGE_DRAIN,
	MESSAGE_STOP,
	MESSAGE_LEFT
};

/* Bits of SESSION's flags. */
enum {
	MESSAGE_SESSION_WRITES = 1,   /* its results may go to the remote */
	MESSAGE_SESSION_CONTINUES = 2 /* the same build session as before */
};

enum message_way { MESSAGE_TO_DAEMON = 1, MESSAGE_FROM_DAEMON = 2 };

/* One field.  Numbers use `num`; keys, texts and bytes `p` and `n`; lists
 * the packed texts, each with its NUL, in `p` and `n`, and their count in
 * `num`.  Texts hold no NUL; they end with one only inside a list. */
struct message_field {
	uint64_t num;
	const char *p;
	size_t n;
};

/* Fields in the order of the table. */
struct message {
	enum message_type type;
	struct message_field field[MESSAGE_FIELDS_MAX];
};

/* Appends M's body to OUT.  0; ERR_TOOBIG over a maximum; ERR_REFUSED if it
 * is no message at all; -ENOMEM. */
int message_encode(const struct message *m, struct buf *out);

/*
 * Reads a body of N bytes that came the way WAY.  Keys, texts and bytes
 * point into it, lists into LISTS, which is emptied first; both must outlive
 * *M.  0, ERR_CORRUPT, ERR_TOOBIG or -ENOMEM.
 */
int message_decode(const void *p, size_t n, enum message_way way,
		   struct buf *lists, struct message *m);

/* The name, or NULL for an unknown type.  Borrowed, static. */
const char *message_name(unsigned type);

#endif
