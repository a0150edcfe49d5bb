/* SPDX-License-Identifier: Apache-2.0 */
#include "base/memfind.h"

#include <string.h>

#ifdef __SSE2__
#include <emmintrin.h>

/* Places where the first and the last byte of the needle fit, 16 at a time:
 * few of them need a closer look. */
static const char *
find_wide(const char **p, const char *end, const char *needle, size_t m)
{
	const __m128i first = _mm_set1_epi8(needle[0]);
	const __m128i last = _mm_set1_epi8(needle[m - 1]);
	const char *at = *p;

	for (; (size_t)(end - at) >= m + 15; at += 16) {
		__m128i a = _mm_loadu_si128((const __m128i *)(const void *)at);
		__m128i b = _mm_loadu_si128(
			(const __m128i *)(const void *)(at + m - 1));
		unsigned fits = (unsigned)_mm_movemask_epi8(_mm_and_si128(
			_mm_cmpeq_epi8(a, first), _mm_cmpeq_epi8(b, last)));

		for (; fits; fits &= fits - 1) {
			const char *hit = at + __builtin_ctz(fits);

			if (!memcmp(hit, needle, m))
				return hit;
		}
	}
	*p = at;
	return NULL;
}
#else
static const char *
find_wide(const char **p, const char *end, const char *needle, size_t m)
{
	(void)p, (void)end, (void)needle, (void)m;
	return NULL;
}
#endif

const char *
memfind(const char *p, size_t n, const char *needle, size_t m)
{
	const char *end = p + n, *hit;

	if (m == 0 || n < m)
		return NULL;
	hit = find_wide(&p, end, needle, m);
	while (!hit && (size_t)(end - p) >= m) {
		const char *at =
			memchr(p, needle[0], (size_t)(end - p) - m + 1);

		if (!at)
			return NULL;
		if (!memcmp(at, needle, m))
			hit = at;
		p = at + 1;
	}
	return hit;
}

bool
memfind_word(const char *list, const char *word)
{
	static const char between[] = " \t,";
	size_t k = strlen(word);

	while (list && *list) {
		size_t n = strcspn(list, between);

		if (n && n == k && !memcmp(list, word, k))
			return true;
		list += n + (list[n] != '\0');
	}
	return false;
}
