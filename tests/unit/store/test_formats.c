/* SPDX-License-Identifier: Apache-2.0 */
/* Every record as it lies in a store or on a remote: the digests change only
 * with a new version of a type. */
#define _GNU_SOURCE
#include "base/buf.h"
#include "base/digest.h"
#include "base/file.h"
#include "plan/build_manifest.h"
#include "shim/env_exempt.h"
#include "shim/name_check.h"
#include "store/entry.h"
#include "store/incremental_index.h"
#include "store/manifest.h"
#include "store/rerun.h"
#include "store/store.h"
#include "store/unit_manifest.h"
#include "store/upload_intent.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "../testdir.h"

#include <fcntl.h>
#include <string.h>

static const struct digest one = { "one" }, two = { "two" },
			   three = { "three" };

static struct store store;

/* WANT: the first 8 bytes of the digest of B, which is freed. */
static void
holds(struct buf *b, const char *want)
{
	char hex[DIGEST_HEX + 1];
	struct digest d;

	assert_false(b->failed);
	digest_bytes(b->p, b->len, &d);
	digest_hex(&d, hex);
	hex[16] = '\0';
	assert_string_equal(hex, want);
	buf_free(b);
}

static void
file_holds(const char *name, const char *want)
{
	struct buf b = { 0 };

	assert_int_equal(file_read(store.dir, name, 1 << 20, &b), 0);
	holds(&b, want);
}

static void
list_inputs(struct inputs *s)
{
	assert_int_equal(inputs_add(s, 'f', "w/src/lib.rs", 12), 0);
	assert_int_equal(inputs_add(s, 'e', "HOME", 4), 0);
	assert_int_equal(inputs_finish(s), 0);
}

static void
set_text(struct buf *b, const char *text)
{
	buf_add(b, text, strlen(text) + 1);
}

static void
entry_keeps_its_bytes(void **state)
{
	struct entry e = { .stored_ms = 1700000000000,
			   .compile_us = 70000,
			   .kind = 2,
			   .k0 = one,
			   .roots = "tw",
			   .nout = 2,
			   .origin = ENTRY_ASKED,
			   .inputs = two };
	struct buf b = { 0 };

	(void)state;
	e.out[0] = (struct entry_output){ .name = "libx.rmeta",
					  .size = 200,
					  .blob = three };
	e.out[1] = (struct entry_output){ .name = "x",
					  .role = ENTRY_LINK,
					  .exec = 1,
					  .size = 1 << 20,
					  .blob = two };
	set_text(&e.crate, "x");
	set_text(&e.stderr_text, "warning");
	entry_encode(&e, &b);
	holds(&b, "32aa529b2957ceca");
	entry_release(&e);
}

static void
manifest_keeps_its_bytes(void **state)
{
	struct manifest m = { .count = 2 };
	struct buf b = { 0 };

	(void)state;
	m.rec[0].last_k1 = one;
	m.rec[0].compile_us = 300;
	m.rec[0].stored_ms = 1700000000000;
	list_inputs(&m.rec[0].inputs);
	m.rec[1].last_k1 = two;
	manifest_encode(&m, &b);
	holds(&b, "3d391f165776e91b");
	manifest_release(&m);
}

static void
unit_manifest_keeps_its_bytes(void **state)
{
	struct unit_manifest m = { .count = 2 };
	struct buf b = { 0 };

	(void)state;
	m.rec[0].k1 = one;
	m.rec[0].tag = two;
	m.rec[0].content = three;
	m.rec[0].pack_size = 70000;
	m.rec[0].compile_us = 300;
	m.rec[0].stored_ms = 1700000000000;
	list_inputs(&m.rec[0].inputs);
	unit_manifest_encode(&m, &b);
	holds(&b, "7cae2d9680175264");
	unit_manifest_release(&m);
}

static void
build_manifest_keeps_its_bytes(void **state)
{
	struct build_manifest m = { .lock = one,
				    .toolchain = two,
				    .stored_ms = 1700000000000 };
	struct build_manifest_unit u = { .at = one,
					 .k0 = three,
					 .size = 70000,
					 .compile_us = 300,
					 .unused = 2 };
	const uint32_t parents[] = { 0 };
	struct buf b = { 0 };

	(void)state;
	assert_int_equal(build_manifest_add(&m, &u, "libc", "0.2.1", NULL, 0),
			 0);
	u.at = two;
	u.script = true;
	assert_int_equal(build_manifest_add(&m, &u, "x", "1.0.0", parents, 1),
			 1);
	build_manifest_encode(&m, &b);
	holds(&b, "b960f456737dfa5d");
	build_manifest_release(&m);
}

static void
intents_keep_their_bytes(void **state)
{
	struct upload_intent_intent i = { .kind = UPLOAD_INTENT_RUN,
					  .at = one,
					  .k1 = two,
					  .tag = three,
					  .inputs = one };
	char name[STORE_NAME];

	(void)state;
	assert_int_equal(upload_intent_add(&store, &i), 0);
	store_name("spool", &one, name);
	file_holds(name, "6c1672e44b8dc74e");
	assert_int_equal(upload_intent_bury(&store, &one, "too large"), 0);
	memmove(name + 6, name + 4, sizeof(name) - 6);
	memcpy(name, "spool/dead", 10);
	file_holds(name, "6d70961a33908b27");
}

static void
notes_of_directories_keep_their_bytes(void **state)
{
	char name[INCREMENTAL_INDEX_NAME];

	(void)state;
	incremental_index_seen(&store, "/");
	file_holds("incremental/"
		   "8a5edab282632443219e051e4ade2d1d5bbc671c781051bf1437897cbd"
		   "fea0f1",
		   "9f334f97e9ec92f4");
	assert_int_equal(incremental_index_leave(&store, "/x/y", name), 0);
	file_holds(name, "6225d6cdc44150b7");
}

static void
reruns_keep_their_bytes(void **state)
{
	struct rerun r = { 0 };
	char name[STORE_NAME], hex[DIGEST_HEX + 1];

	(void)state;
	set_text(&r.program, "/t/build/x");
	set_text(&r.argv0, "x");
	set_text(&r.cwd, "/w");
	set_text(&r.out_dir, "/t/out");
	set_text(&r.env, "A=1");
	assert_int_equal(rerun_save(&store, &one, &r), 0);
	digest_hex(&one, hex);
	snprintf(name, sizeof(name), "reruns/%s", hex);
	file_holds(name, "3fcc4bde0b7cf7b0");
	rerun_release(&r);
}

/* "ids/<H>" of TAG, D and, if there is one, NAME. */
static void
id_name(const char *tag, const struct digest *d, const char *name,
	char out[STORE_NAME])
{
	char hex[DIGEST_HEX + 1];
	struct digest_ctx c;
	struct digest h;

	digest_init(&c);
	digest_str(&c, tag);
	digest_sub(&c, d);
	if (name)
		digest_str(&c, name);
	digest_end(&c, &h);
	digest_hex(&h, hex);
	snprintf(out, STORE_NAME, "ids/%s", hex);
}

static void
ids_keep_their_bytes(void **state)
{
	struct entry e = { .nout = 1,
			   .out = { { .name = "libx.rlib", .blob = two } } };
	struct inputs s = { 0 };
	char name[STORE_NAME];

	(void)state;
	name_check_remember(&store, &one);
	id_name("real-names-1", &one, NULL, name);
	file_holds(name, "a188815245d72957");
	assert_int_equal(inputs_add(&s, 'i', "OUT_DIR", 7), 0);
	assert_int_equal(inputs_finish(&s), 0);
	env_exempt_note(&store, &s, &e, "");
	id_name("spared-1", &two, "OUT_DIR", name);
	file_holds(name, "dfa2834534c12fa0");
	inputs_free(&s);
}

static int
open_store(void **state)
{
	char path[96];

	if (testdir_make(state) < 0)
		return -1;
	snprintf(path, sizeof(path), "%s/store", testdir);
	return store_open(&store, path);
}

static int
close_store(void **state)
{
	store_close(&store);
	return testdir_remove(state);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(entry_keeps_its_bytes),
		cmocka_unit_test(manifest_keeps_its_bytes),
		cmocka_unit_test(unit_manifest_keeps_its_bytes),
		cmocka_unit_test(build_manifest_keeps_its_bytes),
		cmocka_unit_test(intents_keep_their_bytes),
		cmocka_unit_test(notes_of_directories_keep_their_bytes),
		cmocka_unit_test(ids_keep_their_bytes),
		cmocka_unit_test(reruns_keep_their_bytes),
	};

	return cmocka_run_group_tests(tests, open_store, close_store);
}
