/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/terminal.h"

#include <string.h>

const char *
terminal_size(uint64_t bytes, char out[TERMINAL_TEXT])
{
	static const char units[] = "KMGTPE";
	double v = (double)bytes;
	int u = -1;

	while (v >= 1023.5) {
		v /= 1024;
		u++;
	}
	if (u < 0)
		snprintf(out, TERMINAL_TEXT, "%d", (int)bytes);
	else
		snprintf(out, TERMINAL_TEXT, v < 9.95 ? "%.1f%c" : "%.0f%c", v,
			 units[u]);
	return out;
}

const char *
terminal_time(uint64_t us, char out[TERMINAL_TEXT])
{
	unsigned long long s = (us + 500000) / 1000000;

	if (us < 1000)
		snprintf(out, TERMINAL_TEXT, "%u us", (unsigned)us);
	else if (us < 1000000)
		snprintf(out, TERMINAL_TEXT, "%u ms", (unsigned)(us / 1000));
	else if (us < 60000000)
		snprintf(out, TERMINAL_TEXT, "%.1f s", (double)us / 1e6);
	else if (s < 3600)
		snprintf(out, TERMINAL_TEXT, "%llu min %02llu s", s / 60,
			 s % 60);
	else
		snprintf(out, TERMINAL_TEXT, "%llu h %02llu min", s / 3600,
			 s / 60 % 60);
	return out;
}

/* Length of the UTF-8 sequence at S, 0 if it is none. */
static int
sequence(const unsigned char *s)
{
	static const struct {
		unsigned char mask, lead, n, min;
	} forms[] = {
		{ 0xe0, 0xc0, 2, 0xc2 },
		{ 0xf0, 0xe0, 3, 0xe0 },
		{ 0xf8, 0xf0, 4, 0xf0 },
	};
	size_t i;
	int j;

	for (i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
		if ((s[0] & forms[i].mask) != forms[i].lead)
			continue;
		for (j = 1; j < forms[i].n; j++) {
			if ((s[j] & 0xc0) != 0x80)
				return 0;
		}
		return s[0] >= forms[i].min && s[0] <= 0xf4 ? forms[i].n : 0;
	}
	return 0;
}

void
terminal_json(FILE *to, const char *text)
{
	const unsigned char *s = (const unsigned char *)text;
	int n;

	putc('"', to);
	for (; *s; s++) {
		if (*s == '"' || *s == '\\') {
			putc('\\', to);
			putc(*s, to);
		} else if (*s < 0x20 || *s == 0x7f) {
			fprintf(to, "\\u%04x", *s);
		} else if (*s < 0x80) {
			putc(*s, to);
		} else {
			n = sequence(s);
			if (n == 0) {
				fputs("\\ufffd", to);
				continue;
			}
			fwrite(s, 1, (size_t)n, to);
			s += n - 1;
		}
	}
	putc('"', to);
}

void
terminal_json_pair(FILE *to, const char *name, const char *text)
{
	fprintf(to, "\"%s\": ", name);
	terminal_json(to, text);
	fputs(", ", to);
}
