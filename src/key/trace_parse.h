/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KEY_TRACE_PARSE_H
#define KEY_TRACE_PARSE_H

#include "key/trace.h" /* allow: value */

/*
 * For trace.c only: decodes an observation file of which only the parts with
 * records were read.  Others use trace_parse or trace_read.  Threads: any.
 */

struct trace_parts {
	const char *data[2]; /* the area's used bytes, the tail */
	size_t size[2];
	uint32_t lost;
	int broken; /* known to be undecodable or too large */
};

/*
 * Reads the file's first page, OBS_PAGE bytes: sets lost, broken and size[0],
 * the area's used bytes.  The size of the area in the file.
 */
size_t trace_parse_page(const void *bytes, struct trace_parts *p);

/* After data and size are set: leaves out what cannot be records. */
void trace_parse_cut(struct trace_parts *p);

/* As trace_parse. */
int trace_parse_parts(const struct trace_parts *p, struct trace *t);

#endif
