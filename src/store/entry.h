/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STORE_ENTRY_H
#define STORE_ENTRY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"    /* allow: value */
#include "base/digest.h" /* allow: value */

struct store;

/*
 * An entry: the recorded result of one compile, found by its entry key.
 * Outputs other than dep-info lie in blobs; dep-info and diagnostics are
 * small and lie in the entry, both in neutral form.
 * Threads: owner.
 */
enum entry_role {
	ENTRY_METADATA,
	ENTRY_LINK,
	ENTRY_DEPINFO,
	ENTRY_SIDE /* restored like the others, but not announced */
};

/* A longer compile time from elsewhere is not believed: others would wait for
 * it. */
#define ENTRY_COMPILE_MAX ((uint64_t)3600 * 1000000)

enum entry_origin { ENTRY_MADE, ENTRY_ASKED, ENTRY_PREFETCHED };
/* One for each of rustc's 256 code generation units, and the announced ones.
 * Of an entry that travels there are fewer. */
enum { ENTRY_OUTPUTS_MAX = 288, ENTRY_TRAVEL_MAX = 16, ENTRY_NAME_LEN = 255 };

struct entry_output {
	char name[ENTRY_NAME_LEN + 1]; /* one component, below --out-dir */
	enum entry_role role;
	uint32_t exec; /* 1: executable */
	uint64_t size;
	struct digest blob; /* zero for dep-info */
};

struct entry {
	uint64_t stored_ms;  /* wall clock */
	uint64_t compile_us; /* what a hit saves */
	uint32_t kind;       /* enum args_kind */
	struct digest k0;
	char roots[16]; /* not empty: a redirect.  Tags of the roots
				 * that outputs name; the entry itself lies
				 * at the key that folds their raw values */
	size_t nout;
	struct buf crate;   /* name, for people */
	struct buf depinfo; /* as depinfo_neutral made it */
	struct buf stdout_text;
	struct buf stderr_text; /* without artifact lines */
	uint32_t origin;        /* enum entry_origin: how it came here */
	struct digest inputs;   /* digest of the input list it was stored under;
				 * zero: an older version did not say */
	/* The first NOUT are set.  Last, since it is large. */
	struct entry_output out[ENTRY_OUTPUTS_MAX];
};

/* 0, ERR_MISS, ERR_CORRUPT (the file was removed), ERR_NEWER or -errno.
 * The caller owns OUT. */
int entry_load(struct store *s, const struct digest *k1, struct entry *out);

/* Publishes the entry at K1, replacing an older one. */
int entry_save(struct store *s, const struct digest *k1, const struct entry *e);

/* Last use is the file's mtime; refreshed if older than 5 minutes. */
void entry_touch(struct store *s, const struct digest *k1);

/*
 * The owner's x bit of a prefetched entry's file is set as long as the entry
 * was not used.  entry_take_fresh clears it and says whether it was set.
 */
void entry_mark_fresh(struct store *s, const struct digest *at);
bool entry_take_fresh(struct store *s, const struct digest *at);

/* The two halves of load and save, for tests and the sweep. */
void entry_encode(const struct entry *e, struct buf *out);
int entry_decode(const void *p, size_t n, struct entry *out);

void entry_release(struct entry *e);

/* Digest of what a hit on E gives: names, roles and digests of its outputs,
 * dep-info and diagnostics.  Two compiles of one K1 that differ in it are
 * not deterministic.  Of an .rlib or .a only the name counts: rustc
 * (seen in 1.95) gives their members random names. */
void entry_content(const struct entry *e, struct digest *out);

/* A name that may be joined to a directory: not empty, no '/', no control
 * byte, not "." or "..". */
int entry_name_ok(const char *p, size_t n);

#endif
