/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BASE_RECORD_TYPE_H
#define BASE_RECORD_TYPE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buf;
struct mp_list;

/*
 * Records by table: a type of record is a list of fields, each with the
 * member that holds it and its limits; one save and one load serve all types.
 * src/store/FORMAT describes what they write, base/record.h the frame.
 * Pure but for saving and loading.  Threads: any.
 */
enum record_kind {
	RECORD_END,
	RECORD_U64,    /* at most MAX */
	RECORD_U32,    /* the same; enums, too */
	RECORD_DIGEST, /* struct digest */
	RECORD_TEXT,   /* char[MAX + 1]: a text of at most MAX bytes */
	RECORD_STRING, /* char *: an allocated text */
	RECORD_BYTES   /* struct buf: at most MAX bytes */
};

struct record_field {
	enum record_kind kind;
	size_t offset;
	uint64_t max; /* 0: no limit */
	bool later;   /* older records end before it; then it stays as it is */
};

#define RECORD_FIELD(kind, type, member, max) \
	{ \
		RECORD_##kind, offsetof(struct type, member), max, false \
	}
#define RECORD_LATER(kind, type, member, max) \
	{ \
		RECORD_##kind, offsetof(struct type, member), max, true \
	}
#define RECORD_LAST \
	{ \
		RECORD_END, 0, 0, false \
	}

/* Append, read and free the fields of VALUE.  record_take gives 0,
 * ERR_CORRUPT or -ENOMEM; the caller frees VALUE, which starts zeroed,
 * whatever the result. */
void record_put(struct buf *b, const struct record_field *f, const void *value);
int record_take(struct mp_list *l, const struct record_field *f, void *value);
void record_free(const struct record_field *f, void *value);

struct record_type {
	char letter;
	uint32_t version;
	const struct record_field *fields; /* NULL: none */
	/* What follows the fields, unless NULL: appends it and gives its
	 * number of elements; takes it. */
	uint32_t (*put_rest)(struct buf *b, const void *value);
	int (*take_rest)(struct mp_list *l, void *value);
	size_t file_max;     /* bytes; 0: RECORD_MAX */
	size_t elements_max; /* at all depths; 0: no limit */
};

/* Appends VALUE as a record of type T, or sets OUT->failed. */
void record_encode(const struct record_type *t, const void *value,
		   struct buf *out);

/* Reads the N bytes at P into VALUE as record_take does.  Also ERR_NEWER, and
 * ERR_TOOBIG over the limits of T. */
int record_decode(const struct record_type *t, const void *p, size_t n,
		  void *value);

/* Publishes VALUE as NAME below DIRFD, by way of the private name TMP.  0,
 * ERR_NEWER if a later version's record is there, or -errno. */
int record_save(int dirfd, const char *tmp, const char *name,
		const struct record_type *t, const void *value);

/* As record_decode, of the file NAME.  Also -errno. */
int record_load(int dirfd, const char *name, const struct record_type *t,
		void *value);

/* Whether NAME holds a sound record of type T, of this version. */
bool record_exists(int dirfd, const char *name, const struct record_type *t);

#endif
