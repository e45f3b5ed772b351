/* SPDX-License-Identifier: MIT */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conn-doctor/policy.h"

static const struct {
	const char *suffix;
	enum range_unit unit;
	double factor, divisor; /* 70 / 100 is 0.7, 70 * 0.01 is not */
} suffixes[] = {
	{ "", RANGE_PLAIN, 1, 1 },       { "ms", RANGE_SECONDS, 1, 1000 },
	{ "s", RANGE_SECONDS, 1, 1 },    { "m", RANGE_SECONDS, 60, 1 },
	{ "h", RANGE_SECONDS, 3600, 1 }, { "d", RANGE_SECONDS, 86400, 1 },
	{ "%", RANGE_RATIO, 1, 100 },
};

enum { BOUND_MAX = 40, BOUND_TEXT = 64 };

struct bound {
	double value;
	enum range_unit unit;
	bool has_number;
};

/* strtod() alone would take "inf", "0x1" and blanks too. */
static int parse_bound(const char *text, struct bound *out, struct error *err)
{
	const char *digits = text + (*text == '-');
	size_t len = strspn(digits, "0123456789.");
	const char *suffix = digits + len, *dot = strchr(digits, '.');
	bool is_number = len && strspn(digits, ".") < len &&
			 !(dot && dot < suffix && strchr(dot + 1, '.'));
	for (size_t i = 0; is_number && i < sizeof(suffixes) / sizeof(*suffixes); i++) {
		if (strcmp(suffixes[i].suffix, suffix) != 0)
			continue;
		*out = (struct bound){ strtod(text, NULL) * suffixes[i].factor /
					       suffixes[i].divisor,
				       suffixes[i].unit, true };
		return 0;
	}
	return error_set(err, ERROR_INPUT,
			 "'%.40s' is not a number; it may end in ms, s, m, h, d or %%",
			 text);
}

/* `text` up to `end` as a bound; nothing there means `otherwise`. */
static int take_bound(const char *text, size_t len, double otherwise, struct bound *out,
		      struct error *err)
{
	char copy[BOUND_MAX + 1];
	*out = (struct bound){ .value = otherwise };
	if (len == 0)
		return 0;
	if (len > BOUND_MAX)
		return error_set(err, ERROR_INPUT, "'%.40s...' is too long for a bound",
				 text);
	snprintf(copy, sizeof(copy), "%.*s", (int)len, text);
	return parse_bound(copy, out, err);
}

static int join_units(const struct bound *start, const struct bound *end,
		      enum range_unit *out, struct error *err)
{
	*out = end->unit != RANGE_PLAIN ? end->unit : start->unit;
	/* A bare 0 is 0 in every unit. */
	bool is_start_bare = !start->has_number || fpclassify(start->value) == FP_ZERO;
	bool is_end_bare = !end->has_number || fpclassify(end->value) == FP_ZERO;
	if ((start->unit != *out && !is_start_bare) ||
	    (end->unit != *out && !is_end_bare))
		return error_set(err, ERROR_INPUT,
				 "start and end of a range have the same unit");
	return 0;
}

int range_parse(const char *text, struct range *out, struct error *err)
{
	struct bound start, end;
	bool is_inside = *text == '@';
	const char *body = text + is_inside;
	const char *colon = strchr(body, ':');
	bool is_open = strncmp(body, "~:", 2) == 0;
	if (!*body || strcmp(body, ":") == 0)
		return error_set(err, ERROR_INPUT,
				 "'%.40s' is not a range, for instance 10, 10:, ~:10, "
				 "10:20 or @10:20",
				 text);
	size_t start_len = colon && !is_open ? (size_t)(colon - body) : 0;
	const char *end_text = colon ? colon + 1 : body;
	if (take_bound(body, start_len, is_open ? -INFINITY : 0, &start, err) ||
	    take_bound(end_text, strlen(end_text), INFINITY, &end, err))
		return error_wrap(err, "'%.40s' is not a range", text);
	if (start.value > end.value)
		return error_set(err, ERROR_INPUT,
				 "'%.40s' is not a range: its start is above its end",
				 text);
	struct range range = { start.value, end.value, is_inside, RANGE_PLAIN };
	if (join_units(&start, &end, &range.unit, err))
		return error_wrap(err, "'%.40s'", text);
	*out = range;
	return 0;
}

/* Without an exponent, and without zeros that say nothing: it is read back. */
static void print_bound(const struct range *range, double value,
			char out[static BOUND_TEXT])
{
	static const char *const units[] = { "", "s", "%" };
	double shown = range->unit == RANGE_RATIO ? value * 100 : value;
	size_t len = (size_t)snprintf(out, BOUND_TEXT, "%.9f", shown);
	while (out[len - 1] == '0')
		len--;
	len -= out[len - 1] == '.';
	snprintf(out + len, BOUND_TEXT - len, "%s", units[range->unit]);
}

char *range_print(const struct range *range, char out[static RANGE_TEXT_SIZE])
{
	char start[BOUND_TEXT] = "~", end[BOUND_TEXT] = "";
	if (isfinite(range->start))
		print_bound(range, range->start, start);
	if (isfinite(range->end))
		print_bound(range, range->end, end);
	snprintf(out, RANGE_TEXT_SIZE, "%s%s:%s", range->is_inside ? "@" : "", start,
		 end);
	return out;
}

bool range_alerts(const struct range *range, double value)
{
	bool is_within = value >= range->start && value <= range->end;
	return is_within == range->is_inside;
}

bool range_fits(const struct range *range, const char *unit)
{
	static const char *const units[] = { NULL, "s", "1" };
	/* A bare number is in whatever unit the value has. */
	return range->unit == RANGE_PLAIN || strcmp(units[range->unit], unit) == 0;
}
