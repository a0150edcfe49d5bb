/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WIRE_MESSAGE_H
#define WIRE_MESSAGE_H

#include <stddef.h>
#include <stdint.h>

#include "base/digest.h" /* allow: value */

struct buf;

/*
 * The messages between shim, commands and daemon.  PROTOCOL says what they
 * mean, messages.def which fields they have.  Threads: any.
 */
enum { MESSAGE_PROTOCOL = 1 };

enum message_type {
#define MESSAGE(number, name, ...) MESSAGE_##name = number,
#include "wire/messages.def" /* allow: value */
#undef MESSAGE
};

/* Bits of SESSION's flags. */
enum {
	MESSAGE_SESSION_WRITES = 1,   /* its results may go to the remote */
	MESSAGE_SESSION_CONTINUES = 2 /* the same build session as before */
};

enum message_way { MESSAGE_TO_DAEMON = 1, MESSAGE_FROM_DAEMON = 2 };

/* Borrowed bytes or text; text holds no NUL and need not end with one. */
struct message_bytes {
	const char *p;
	size_t n;
};

/* COUNT texts, each followed by its NUL, N bytes in all; borrowed. */
struct message_list {
	const char *p;
	size_t n;
	uint64_t count;
};

struct message_hello {
	uint64_t protocol;
	struct message_bytes program; /* its version */
};

struct message_found {
	struct digest at;
	uint64_t received; /* bytes that the remote sent for it */
};

struct message_session {
	uint64_t session;
	uint64_t pid; /* cargo's, 0 if unknown; at most INT32_MAX */
	struct message_bytes workspace;
	struct digest lock;
	struct digest toolchain;
	uint64_t flags;
};

struct message_hint {
	uint64_t session;
	struct message_bytes workspace;
	struct digest lock;
	struct digest toolchain;
	struct message_list items; /* older lock files, then crates */
};

/* The types that are missing in the union have no fields. */
struct message {
	enum message_type type;
	union {
		struct message_hello hello;
		struct digest key;             /* CHECK: K0; GET, STORED: at */
		struct message_bytes manifest; /* SHAPES */
		struct message_found found;
		struct message_session session;
		struct message_hint hint;
		struct message_list lines; /* REPORT */
		uint64_t ms;               /* DRAIN, STOP: at most */
		uint64_t left;             /* LEFT: uploads */
	};
};

/* Appends M's body to OUT.  0; ERR_TOOBIG over a maximum; ERR_REFUSED for an
 * unknown type, a text with a NUL or a wrong list; -ENOMEM. */
int message_encode(const struct message *m, struct buf *out);

/*
 * Reads a body of N bytes that came in the direction WAY.  Texts and bytes
 * point into it, lists into LISTS, which is emptied first; both must outlive
 * *M.  0, ERR_CORRUPT, ERR_TOOBIG or -ENOMEM; *M is written only on success.
 */
int message_decode(const void *p, size_t n, enum message_way way,
		   struct buf *lists, struct message *m);

/* The name, or NULL for an unknown type.  Borrowed, static. */
const char *message_name(unsigned type);

#endif
