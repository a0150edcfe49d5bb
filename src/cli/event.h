/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLI_EVENT_H
#define CLI_EVENT_H

#include <stddef.h>
#include <stdint.h>

/*
 * Reads events.log: one line per invocation of kache-shim, with columns
 * separated by tabs (src/store/FORMAT).
 */
enum { EVENT_LINE_MAX = 1 << 16 };

/* Texts are borrowed from the line.  Times in microseconds. */
struct event {
	uint64_t time_ms;
	const char *session;
	const char *outcome;
	const char *reason;
	const char *crate;
	const char *kind;
	const char *k0; /* hex, or empty */
	const char *command;
	const char *profile;
	const char *package;
	const char *version;
	uint64_t key_us;
	uint64_t lookup_us;
	uint64_t restore_us;
	uint64_t compile_us;
	uint64_t store_us;
	uint64_t total_us;
	uint64_t bytes;
	uint64_t saved_us; /* recorded compile time of the entry served */
	uint64_t status;
};

/* Splits a line, without its end, in place.  0 or ERR_CORRUPT. */
int event_parse(char *line, struct event *e);

/* Called with each event in the order of the file; E is borrowed. */
typedef void event_fn(void *ctx, const struct event *e);

/*
 * Reads DIR/events.log.1, if there, and DIR/events.log.  0 or -errno of the
 * latter; *BAD counts lines that are no events (may be of a newer version).
 */
int event_read(const char *dir, event_fn *fn, void *ctx, uint64_t *bad);

#endif
