/* SPDX-License-Identifier: MIT */
#include "values.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "conn-doctor/format.h"

struct value_unit {
	const char *name;
	uint64_t factor;
};

#define SECOND_MS 1000ULL
#define DAY_MS    (24 * 3600 * SECOND_MS)

static const struct value_unit milliseconds[] = {
	{ "w", 7 * DAY_MS },     { "d", DAY_MS },    { "h", 3600 * SECOND_MS },
	{ "m", 60 * SECOND_MS }, { "s", SECOND_MS }, { "ms", 1 },
};

static const struct value_unit microseconds[] = {
	{ "m", 60000000 },
	{ "s", 1000000 },
	{ "ms", 1000 },
	{ "us", 1 },
};

static const struct value_unit bytes[] = {
	{ "G", 1 << 30 },
	{ "M", 1 << 20 },
	{ "K", 1 << 10 },
	{ "", 1 },
};

static const struct value_unit pieces[] = { { "", 1 } };

/*
 * duration_parse() checks the whole text and drops what is below a millisecond.
 * Only microseconds are, and they stand last: their last three digits are what
 * is missing.
 */
static int microseconds_parse(const char *text, uint64_t *out, struct error *err)
{
	uint64_t ms;
	if (duration_parse(text, &ms, err))
		return -1;
	*out = ms * 1000;
	const char *unit = strstr(text, "us");
	uint64_t scale = 1;
	for (const char *p = unit; p && p > text && scale < 1000; scale *= 10)
		if (isdigit((unsigned char)*--p))
			*out += (uint64_t)(*p - '0') * scale;
		else
			break;
	return 0;
}

static int count_of_u32_parse(const char *text, uint64_t *out, struct error *err)
{
	return count_parse(text, 0, UINT32_MAX, out, err);
}

#define CENTURY                                                                   \
	.parse = duration_parse, .units = milliseconds, .max = 5200 * 7 * DAY_MS, \
	.max_text = "5200w"
#define QUEUE \
	.parse = size_parse, .units = bytes, .max = 1ULL << 40, .max_text = "1024G"

static const struct quantity quantities[] = {
	[FILTER_AGE] = { "age > 5m", CENTURY },
	[FILTER_IDLE] = { "idle > 30s", CENTURY },
	/* The kernel's field has 32 bits: 71 minutes. */
	[FILTER_RTT] = { "rtt > 100ms", microseconds_parse, microseconds, 3600000000,
			 "1h" },
	[FILTER_RECVQ] = { "recvq > 64K", QUEUE },
	[FILTER_SENDQ] = { "sendq > 0", QUEUE },
	[FILTER_RETRANS] = { "retrans > 0", count_of_u32_parse, pieces, UINT32_MAX,
			     "4294967295" },
};

const struct quantity *quantity_of(enum filter_kind kind)
{
	size_t count = sizeof(quantities) / sizeof(*quantities);
	return kind < count && quantities[kind].parse ? &quantities[kind] : NULL;
}

int quantity_parse(const struct quantity *q, const char *text, uint64_t *out,
		   struct error *err)
{
	if (q->parse(text, out, err))
		return -1;
	if (*out > q->max)
		return error_set(err, ERROR_USAGE, "'%.40s' is more than %s", text,
				 q->max_text);
	return 0;
}

void quantity_print(const struct quantity *q, uint64_t value, struct strbuf *out)
{
	const struct value_unit *unit = q->units;
	while (value % unit->factor)
		unit++;
	if (value == 0)
		strbuf_add_char(out, '0');
	else
		strbuf_addf(out, "%" PRIu64 "%s", value / unit->factor, unit->name);
}

/* strtoull() alone would take a sign and blanks. */
static const char *take_u32(const char *text, uint64_t *out)
{
	char *end;
	if (!isdigit((unsigned char)*text) || strlen(text) > 40)
		return NULL;
	*out = strtoull(text, &end, 0);
	return *out <= UINT32_MAX ? end : NULL;
}

int mark_parse(const char *text, uint64_t *mark, uint32_t *mask, struct error *err)
{
	uint64_t wide_mask = UINT32_MAX;
	const char *end = take_u32(text, mark);
	if (end && *end == '/')
		end = take_u32(end + 1, &wide_mask);
	if (!end || *end)
		return error_set(err, ERROR_USAGE,
				 "'%.40s' is not a mark; write 7, 0x7 or 0x7/0xff",
				 text);
	*mask = (uint32_t)wide_mask;
	return 0;
}

bool index_parse(const char *text, uint64_t max, uint64_t *out)
{
	struct error ignored;
	return count_parse(text, 1, max, out, &ignored) == 0;
}
