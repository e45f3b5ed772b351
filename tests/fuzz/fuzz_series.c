/* SPDX-License-Identifier: MIT */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "conn-doctor/memory.h"
#include "conn-doctor/series.h"

/*
 * Any bytes as an encoded series: what is taken is written back as it was, and
 * goes on with the next pass; what is refused leaves nothing.
 */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void go_on(struct series *s)
{
	const struct series_scope scope = { .kind = SERIES_PROCESS, .id = 4711 };
	struct series_values values = { 0 };
	struct series_point points[SERIES_POINTS];
	for (uint64_t at_ms = 1; at_ms < UINT64_MAX / 16; at_ms *= 16)
		series_add(s, &scope, at_ms, &values);
	size_t count = series_points(s, &scope, SERIES_DESCRIPTORS, points);
	for (size_t i = 1; i < count; i++)
		if (points[i].at_ms <= points[i - 1].at_ms)
			abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	auto_free uint8_t *bytes = xmalloc(size ? size : 1);
	auto_strbuf struct strbuf again = { 0 };
	struct series *s = series_new();
	if (size)
		memcpy(bytes, data, size);
	int result = series_decode(s, bytes, size);
	series_encode(s, &again);
	if (result == 0 && (again.len != size || memcmp(again.text, bytes, size) != 0))
		abort();
	if (result && again.len != 16)
		abort();
	go_on(s);
	series_free(s);
	return 0;
}
