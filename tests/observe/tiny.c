/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

/* A program for every kind of build: static, 32-bit, musl, sanitized. */
int
main(int argc, char **argv)
{
	FILE *f = fopen(argc > 1 ? argv[1] : "/dev/null", "r");

	printf("tiny %d\n", f != NULL);
	return 42;
}
