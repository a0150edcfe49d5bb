/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BASE_JSON_H
#define BASE_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buf;

/*
 * The door to jansson: reads JSON (RFC 8259) that others wrote.  Values below
 * the root are borrowed from it.  Functions treat NULL and values of another
 * kind as missing, so a path of keys needs only one check at its end.
 * Not in the shim.  Threads: any, one document per thread.
 */
struct json;

enum { JSON_DEPTH = 64 };

/* Reads one value, all of N bytes; more than MAX of them, or nested deeper
 * than JSON_DEPTH, is ERR_TOOBIG.  A key that comes twice is refused.  0,
 * *OUT is to be released; ERR_CORRUPT; -ENOMEM. */
int json_parse(const char *p, size_t n, size_t max, struct json **out);
void json_release(struct json *j);

/* Member KEY of an object, element I of an array, or NULL. */
const struct json *json_get(const struct json *j, const char *key);
const struct json *json_at(const struct json *j, size_t i);

/* The number of elements, 0 if J is no array; whether J is an array. */
size_t json_len(const struct json *j);
bool json_is_list(const struct json *j);

/* Whether the value is missing or null. */
bool json_absent(const struct json *j);

/* A string, which holds no NUL; or NULL.  The same for member KEY. */
const char *json_str(const struct json *j);
const char *json_text(const struct json *j, const char *key);

/* Whether member KEY is a whole number, which is put into OUT. */
bool json_int(const struct json *j, const char *key, int64_t *out);

/* Appends S, which is UTF-8, as a JSON string with its quotes. */
void json_quote(struct buf *b, const char *s);

#endif
