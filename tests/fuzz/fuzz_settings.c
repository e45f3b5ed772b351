/* SPDX-License-Identifier: MIT */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "settings.h"

/*
 * watch.conf, whatever stands in it: the columns are all there once, every value is
 * one that can be drawn, and what is printed is read back as the same.
 */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool is_so, const char *what)
{
	if (is_so)
		return;
	fprintf(stderr, "%s\n", what);
	abort();
}

static void check_settings(const struct settings *s)
{
	uint32_t seen = 0;
	for (size_t i = 0; i < COLUMN_COUNT; i++)
		seen |= 1U << s->columns.order[i];
	require(seen == (1U << COLUMN_COUNT) - 1, "a column is lost");
	require(s->group_by < GROUP_BY_COUNT, "no such grouping");
	require(s->scheme < SCHEME_COUNT, "no such colours");
	require(!s->columns.is_hidden[COLUMN_VERDICT], "VERDICT is hidden");
	require(!s->columns.is_hidden[COLUMN_PEER], "PEER is hidden");
}

static void check_printed(const struct settings *s)
{
	struct error err = { 0 };
	struct settings again;
	auto_strbuf struct strbuf text = { 0 };
	settings_init(&again);
	settings_print(s, &text);
	require(settings_parse(&again, text.text, text.len, &err) == 0, err.text);
	require(again.interval_ms == s->interval_ms && again.scheme == s->scheme &&
			again.group_by == s->group_by &&
			again.is_ascii == s->is_ascii &&
			!memcmp(again.columns.order, s->columns.order,
				sizeof(s->columns.order)) &&
			!memcmp(again.columns.is_hidden, s->columns.is_hidden,
				sizeof(s->columns.is_hidden)),
		"not the same again");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct error err = { 0 };
	struct settings s;
	settings_init(&s);
	if (settings_parse(&s, (const char *)data, size, &err))
		require(err.text[0] != '\0', "no reason was given");
	check_settings(&s);
	check_printed(&s);
	return 0;
}
