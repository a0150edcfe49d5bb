/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BASE_JSON_H
#define BASE_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buf;

/*
 * JSON (RFC 8259) that others wrote: the door to jansson.  Values below the
 * root are borrowed from it.  Functions take NULL and values of another kind
 * for one that is not there, so a path of keys needs one check at its end.
 * Not in the shim.  Threads: any, one document per thread.
 */
struct json;

enum { JSON_DEPTH = 64 };

/* Reads one value, all of N bytes; at most MAX of them (ERR_TOOBIG), nested
 * at most JSON_DEPTH deep.  0, *OUT is to be freed; ERR_CORRUPT; -ENOMEM. */
int json_parse(const char *p, size_t n, size_t max, struct json **out);
void json_free(struct json *j);

/* Member KEY of an object, element I of an array, or NULL. */
const struct json *json_get(const struct json *j, const char *key);
const struct json *json_at(const struct json *j, size_t i);

/* Elements of an array; 0 for anything else, for which json_is_list is
 * false. */
size_t json_count(const struct json *j);
bool json_is_list(const struct json *j);

/* Not there, or null. */
bool json_absent(const struct json *j);

/* A string, which holds no NUL; or NULL. */
const char *json_text(const struct json *j);

/* A whole number from 0 on.  0 or ERR_CORRUPT. */
int json_uint(const struct json *j, uint64_t *out);

/* Appends S, which is UTF-8, as a JSON string with its quotes. */
void json_quote(struct buf *b, const char *s);

#endif
