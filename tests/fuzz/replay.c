/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
/*
 * main for a fuzz target that was not linked with libFuzzer: runs it over the
 * files of tests/fuzz/seeds/<name>/ and over the files named as arguments.
 */
#include <dirent.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { SEED_MAX = 1 << 20 };

static int
replay_file(const char *path)
{
	uint8_t *data = malloc(SEED_MAX);
	FILE *f = fopen(path, "rb");
	size_t n;

	if (data == NULL || f == NULL) {
		printf("Bail out! cannot read %s\n", path);
		exit(1);
	}
	n = fread(data, 1, SEED_MAX, f);
	fclose(f);
	/* Its own allocation, so that a read past the end is seen. */
	data = realloc(data, n > 0 ? n : 1);
	LLVMFuzzerTestOneInput(data, n);
	free(data);
	return 1;
}

static int
replay_dir(const char *dir)
{
	char path[2 * PATH_MAX];
	struct dirent *e;
	DIR *d = opendir(dir);
	int count = 0;

	if (d == NULL)
		return 0;
	for (e = readdir(d); e != NULL; e = readdir(d)) {
		if (e->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), "%s/%s", dir, e->d_name);
		count += replay_file(path);
	}
	closedir(d);
	return count;
}

int
main(int argc, char **argv)
{
	const char *srcdir = getenv("srcdir");
	const char *slash = strrchr(argv[0], '/');
	const char *name = slash != NULL ? slash + 1 : argv[0];
	char dir[PATH_MAX];
	int count = 0;
	int i;

	snprintf(dir, sizeof(dir), "%s/tests/fuzz/seeds/%s",
		 srcdir != NULL ? srcdir : ".", name);
	for (i = 1; i < argc; i++)
		count += replay_file(argv[i]);
	if (argc == 1)
		count += replay_dir(dir);
	LLVMFuzzerTestOneInput((const uint8_t *)"", 0);
	printf("1..1\nok 1 - %s survived %d seeds\n", name, count);
	return 0;
}
