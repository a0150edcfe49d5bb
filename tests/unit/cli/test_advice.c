/* SPDX-License-Identifier: Apache-2.0 */
/* Every reason that the shim can give has a row. */
#define _GNU_SOURCE
#include "cli/advice.h"

#include "key/classify.h"
#include "key/trace.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char text[1 << 20];

static void
read_file(const char *path)
{
	FILE *f = fopen(path, "r");
	size_t n;

	assert_non_null(f);
	n = fread(text, 1, sizeof(text) - 1, f);
	text[n] = '\0';
	fclose(f);
}

static void
look_up(const char *path, const char *reason, size_t n)
{
	char word[128];
	const struct advice *a;

	snprintf(word, sizeof(word), "%.*s", (int)n, reason);
	/* "unseen:%s:%s": its words are looked up below. */
	word[strcspn(word, "%")] = '\0';
	a = advice_for(word);
	if (!a)
		fail_msg("%s: no advice for '%s'", path, word);
	assert_true(a->what[0] && a->todo[0]);
	assert_null(strchr(a->todo, '\n'));
	assert_true(strlen(a->todo) < 64);
}

/* In each call that begins with OPEN the first literal is the reason. */
static int
calls(const char *path, const char *open)
{
	int found = 0;

	for (char *p = strstr(text, open); p; p = strstr(p, open)) {
		char *end, *q;

		p += strlen(open);
		end = strchr(p, ';');
		q = strchr(p, '"');
		if (!end || !q || q > end || q[1] == '%')
			continue;
		look_up(path, q + 1, strcspn(q + 1, "\""));
		found++;
	}
	return found;
}

static const char *const anywhere[] = {
	"refuse(a, ",         "result_refuse(r, ", "derive_refuse(w, ",
	"derive_refuse(&w, ", "fail(j, ",          "pass(w, ",
	"pass.reason = ",     "*why = ",           "v->reason, v->room, ",
};

static const struct {
	const char *file;
	const char *open;
} besides[] = {
	{ "shim/build_script.c", "\t\treturn \"" },
	{ "shim/build_script_store.c", "\t\t       : \"" },
	{ "shim/compile.c", "\t\treturn \"" },
	{ "shim/compile.c", "return run->lost ? \"" },
	{ "shim/rustc_unit_store.c", "? NULL : \"" },
	{ "shim/upload_policy.c", "\t\treturn \"" },
	{ "shim/upload_policy.c", "input_policy_check(inputs) < 0 ? \"" },
	{ "src/key/unit.c", "\t\treturn \"" },
};

static void
no_reason_is_without_advice(void **state)
{
	static const char *const where[] = { "shim/*.c", "src/key/*.c",
					     "src/rustc/*.c" };
	const char *srcdir = getenv("srcdir");
	char path[512];
	int found = 0;
	glob_t g;

	(void)state;
	for (size_t w = 0; w < 3; w++) {
		snprintf(path, sizeof(path), "%s/%s", srcdir ? srcdir : ".",
			 where[w]);
		assert_int_equal(glob(path, 0, NULL, &g), 0);
		for (size_t i = 0; i < g.gl_pathc; i++) {
			read_file(g.gl_pathv[i]);
			for (size_t k = 0; k < 9; k++)
				found += calls(g.gl_pathv[i], anywhere[k]);
		}
		globfree(&g);
	}
	/* As many as there were when this was written, or nearly. */
	assert_true(found > 90);
}

static void
nor_what_functions_return(void **state)
{
	const char *srcdir = getenv("srcdir");
	char path[512];

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		const char *open = besides[i].open;
		int found = 0;

		snprintf(path, sizeof(path), "%s/%s", srcdir ? srcdir : ".",
			 besides[i].file);
		read_file(path);
		for (char *p = strstr(text, open); p; p = strstr(p, open)) {
			p += strlen(open);
			look_up(path, p, strcspn(p, "\""));
			found++;
		}
		assert_true(found > 0);
	}
}

static void
nor_what_cannot_be_seen(void **state)
{
	char reason[64];

	(void)state;
	for (int c = 0; c < CLASSIFY_CLASSES; c++) {
		if (classify_is_seen((enum classify_class)c))
			continue;
		snprintf(reason, sizeof(reason), "unseen:%s:/x",
			 classify_word((enum classify_class)c));
		look_up("classify", reason, strlen(reason));
	}
	for (int g = 1; g < TRACE_GAPS; g++) {
		snprintf(reason, sizeof(reason), "unseen:%s",
			 trace_gap_word((enum trace_gap)g));
		look_up("trace", reason, strlen(reason));
	}
}

static void
the_longest_row_wins(void **state)
{
	(void)state;
	assert_string_equal(advice_for("unseen:static:/x")->reason,
			    "unseen:static");
	assert_string_equal(advice_for("unseen:staticky")->reason, "unseen");
	assert_string_equal(advice_for("unseen")->reason, "unseen");
	assert_string_equal(advice_for("emit-path")->reason, "emit-path");
	assert_string_equal(advice_for("env")->reason, "env");
	assert_string_equal(advice_for("env:RUSTC_LOG")->reason,
			    "env:RUSTC_LOG");
	assert_null(advice_for("unseeing"));
	assert_null(advice_for(""));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_reason_is_without_advice),
		cmocka_unit_test(nor_what_functions_return),
		cmocka_unit_test(nor_what_cannot_be_seen),
		cmocka_unit_test(the_longest_row_wins),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
