/* SPDX-License-Identifier: Apache-2.0 */
#include "classify/statscan.h"

#include <string.h>

#include "classify/elfimage.h"
#include "classify/envscan.h"
#include "key/classify.h"

/* Functions of std by the end of their path, as both manglings spell it. */
static const struct {
	const char *type;
	const char *function;
	unsigned trait;
} tellers[] = {
	{ "8Metadata", "8modified", CLASSIFY_TIMES },
	{ "8Metadata", "8accessed", CLASSIFY_CLOCKS },
	{ "8Metadata", "7created", CLASSIFY_CLOCKS },
	{ "11Permissions", "8readonly", CLASSIFY_MODE },
	{ "PermissionsExt", "4mode", CLASSIFY_MODE },
	{ "MetadataExt", "4mode", CLASSIFY_MODE },
	{ "MetadataExt", "7st_mode", CLASSIFY_MODE },
	{ "MetadataExt", "5mtime", CLASSIFY_TIMES },
	{ "MetadataExt", "10mtime_nsec", CLASSIFY_TIMES },
	{ "MetadataExt", "8st_mtime", CLASSIFY_TIMES },
	{ "MetadataExt", "13st_mtime_nsec", CLASSIFY_TIMES },
	{ "MetadataExt", "5atime", CLASSIFY_CLOCKS },
	{ "MetadataExt", "10atime_nsec", CLASSIFY_CLOCKS },
	{ "MetadataExt", "8st_atime", CLASSIFY_CLOCKS },
	{ "MetadataExt", "13st_atime_nsec", CLASSIFY_CLOCKS },
	{ "MetadataExt", "5ctime", CLASSIFY_CLOCKS },
	{ "MetadataExt", "10ctime_nsec", CLASSIFY_CLOCKS },
	{ "MetadataExt", "8st_ctime", CLASSIFY_CLOCKS },
	{ "MetadataExt", "13st_ctime_nsec", CLASSIFY_CLOCKS },
	{ "MetadataExt", "3uid", CLASSIFY_OWNER },
	{ "MetadataExt", "3gid", CLASSIFY_OWNER },
	{ "MetadataExt", "5nlink", CLASSIFY_OWNER },
	{ "MetadataExt", "6st_uid", CLASSIFY_OWNER },
	{ "MetadataExt", "6st_gid", CLASSIFY_OWNER },
	{ "MetadataExt", "8st_nlink", CLASSIFY_OWNER },
};

/* "MetadataExt$GT$5mtime17h..." or "11MetadataExt5mtime", and no longer
 * name. */
static int
symbol_names(const char *symbol, const char *type, const char *function)
{
	const char *s = symbol;
	size_t n = strlen(type), k = strlen(function);

	for (s = strstr(s, type); s; s = strstr(s + 1, type)) {
		const char *rest = s + n;

		if (strncmp(rest, "$GT$", 4) == 0)
			rest += 4;
		if (strncmp(rest, function, k) == 0)
			return 1;
	}
	return 0;
}

static unsigned
trait_of(const char *symbol)
{
	size_t i;

	if (strncmp(symbol, "_ZN", 3) != 0 && strncmp(symbol, "_R", 2) != 0)
		return 0;
	if (!strstr(symbol, "3std") && !strstr(symbol, "std..fs"))
		return 0;
	for (i = 0; i < sizeof(tellers) / sizeof(*tellers); i++)
		if (symbol_names(symbol, tellers[i].type, tellers[i].function))
			return tellers[i].trait;
	return 0;
}

/* Functions that are there, and those that the loader looks for in std as a
 * shared library. */
static unsigned
from_names(const struct elfimage *im)
{
	unsigned traits = 0;
	size_t i, k;

	for (i = 0; i < im->nfunctions; i++)
		traits |= trait_of(im->functions[i].name);
	for (i = 0; i < im->nsections; i++) {
		const Elf64_Shdr *s = &im->sections[i];

		if (s->sh_type != SHT_DYNSYM)
			continue;
		for (k = 0; k < s->sh_size / sizeof(Elf64_Sym); k++)
			traits |= trait_of(elfimage_symbol_name(im, s, k));
	}
	return traits;
}

unsigned
statscan_run(const struct elfimage *im, int is_program)
{
	const unsigned all = CLASSIFY_MODE | CLASSIFY_TIMES | CLASSIFY_OWNER;
	unsigned traits = from_names(im);

	if (is_program && !envscan_is_rust(im))
		traits |= CLASSIFY_OPAQUE;
	return envscan_calls_stat(im) ? traits | all : traits;
}
