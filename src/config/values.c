/* SPDX-License-Identifier: MIT */
#include "values.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "conn-doctor/format.h"
#include "conn-doctor/strbuf.h"

/* Duration without loss: whole units only, so that it can be read back. */
static void print_duration(uint64_t ms, char out[static 32])
{
	static const struct {
		uint64_t ms;
		const char *name;
	} units[] = { { 86400000, "d" },
		      { 3600000, "h" },
		      { 60000, "m" },
		      { 1000, "s" },
		      { 1, "ms" } };
	size_t i = 0;
	/* `350s`, not `5m50s`: people compare limits with other software's seconds */
	while (units[i].ms > 1 && (ms % units[i].ms || ms < units[i].ms))
		i++;
	snprintf(out, 32, "%" PRIu64 "%s", ms / units[i].ms, units[i].name);
}

char *value_print(enum limit_unit unit, uint64_t value, char out[static 32])
{
	switch (unit) {
	case LIMIT_COUNT:
		snprintf(out, 32, "%" PRIu64, value);
		break;
	case LIMIT_DURATION:
		print_duration(value, out);
		break;
	case LIMIT_SHARE:
		snprintf(out, 32, value % 10 ? "%.1f%%" : "%.0f%%", (double)value / 10);
		break;
	}
	return out;
}

static int parse_unit(enum limit_unit unit, const char *text, uint64_t *out,
		      struct error *err)
{
	switch (unit) {
	case LIMIT_COUNT:
		return count_parse(text, 0, UINT32_MAX, out, err);
	case LIMIT_DURATION:
		return duration_parse(text, out, err);
	case LIMIT_SHARE:
		return share_parse(text, out, err);
	}
	return error_set(err, ERROR_USAGE, "limit without a unit");
}

int value_parse(const struct value_range *range, const char *text, uint64_t *out,
		struct error *err)
{
	uint64_t value;
	if (parse_unit(range->unit, text, &value, err))
		return -1;
	if (value < range->min || value > range->max) {
		char low[32], high[32];
		return error_set(err, ERROR_USAGE, "'%.40s' is outside %s to %s", text,
				 value_print(range->unit, range->min, low),
				 value_print(range->unit, range->max, high));
	}
	*out = value;
	return 0;
}

int word_parse(const char *const *words, const char *text, uint64_t *out,
	       struct error *err)
{
	auto_strbuf struct strbuf list = { 0 };
	for (size_t i = 0; words[i]; i++) {
		if (strcmp(words[i], text) == 0) {
			*out = i;
			return 0;
		}
		strbuf_addf(&list, "%s%s",
			    i == 0         ? ""
			    : words[i + 1] ? ", "
					   : " or ",
			    words[i]);
	}
	return error_set(err, ERROR_USAGE, "'%.40s' is not %s", text,
			 strbuf_text(&list));
}
