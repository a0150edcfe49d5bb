/* SPDX-License-Identifier: Apache-2.0 */
#include "base/json.h"

#include "base/buf.h"
#include "base/err.h"

#include <errno.h>
#include <jansson.h>
#include <stdbool.h>

/* jansson's own limit is 2048 levels of recursion. */
static bool
is_deep(const char *p, size_t n)
{
	bool quoted = false;
	int depth = 0;

	for (size_t i = 0; i < n; i++) {
		char c = p[i];

		if (quoted && c == '\\')
			i++;
		else if (c == '"')
			quoted = !quoted;
		else if (!quoted && (c == '{' || c == '['))
			depth++;
		else if (!quoted && (c == '}' || c == ']'))
			depth--;
		if (depth > JSON_DEPTH)
			return true;
	}
	return false;
}

int
json_parse(const char *p, size_t n, size_t max, struct json **out)
{
	json_error_t e;
	json_t *j;

	if (n > max)
		return ERR_TOOBIG;
	if (is_deep(p, n))
		return ERR_TOOBIG;
	j = json_loadb(p, n, JSON_DECODE_ANY | JSON_REJECT_DUPLICATES, &e);
	if (!j)
		return json_error_code(&e) == json_error_out_of_memory
			       ? -ENOMEM
			       : ERR_CORRUPT;
	*out = (struct json *)j;
	return 0;
}

void
json_release(struct json *j)
{
	json_decref((json_t *)j);
}

const struct json *
json_get(const struct json *j, const char *key)
{
	return (const struct json *)json_object_get((const json_t *)j, key);
}

const struct json *
json_at(const struct json *j, size_t i)
{
	return (const struct json *)json_array_get((const json_t *)j, i);
}

size_t
json_len(const struct json *j)
{
	return json_array_size((const json_t *)j);
}

bool
json_is_list(const struct json *j)
{
	return json_is_array((const json_t *)j);
}

bool
json_absent(const struct json *j)
{
	return !j || json_is_null((const json_t *)j);
}

const char *
json_str(const struct json *j)
{
	return json_string_value((const json_t *)j);
}

const char *
json_text(const struct json *j, const char *key)
{
	return json_str(json_get(j, key));
}

bool
json_int(const struct json *j, const char *key, int64_t *out)
{
	const json_t *v = (const json_t *)json_get(j, key);

	if (!json_is_integer(v))
		return false;
	*out = json_integer_value(v);
	return true;
}

void
json_quote(struct buf *b, const char *s)
{
	buf_char(b, '"');
	for (; *s; s++) {
		if ((unsigned char)*s < 0x20)
			buf_fmt(b, "\\u%04x", (unsigned)*s);
		else if (*s == '"' || *s == '\\')
			buf_fmt(b, "\\%c", *s);
		else
			buf_char(b, *s);
	}
	buf_char(b, '"');
}
