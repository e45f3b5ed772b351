/* SPDX-License-Identifier: MIT */
#include "conn-doctor/limits.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "conn-doctor/format.h"
#include "conn-doctor/memory.h"
#include "conn-doctor/text.h"

const struct limit_info limit_table[LIMITS_END] = {
#define X(id, name, unit, initial, min, max, help, reason) \
	{ name, LIMIT_##unit, initial, min, max, help, reason },
	LIMITS(X)
#undef X
};

void limits_init(struct limits *limits)
{
	for (size_t i = 0; i < LIMITS_END; i++)
		limits->value[i] = limit_table[i].initial;
}

static const char *name_at(size_t i)
{
	return i < LIMITS_END ? limit_table[i].name : NULL;
}

static int unknown_limit(const char *name, struct error *err)
{
	const char *nearest = text_nearest(name, name_at);
	if (!nearest)
		return error_set(err, ERROR_USAGE,
				 "there is no limit '%.60s'; conn-doctor(1) lists them",
				 name);
	return error_set(err, ERROR_USAGE,
			 "there is no limit '%.60s'; did you mean '%s'?", name,
			 nearest);
}

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

char *limit_print(enum limit_id id, uint64_t value, char out[static 32])
{
	switch (limit_table[id].unit) {
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

static int parse_value(const struct limit_info *info, const char *text, uint64_t *out,
		       struct error *err)
{
	switch (info->unit) {
	case LIMIT_COUNT:
		return count_parse(text, 0, UINT32_MAX, out, err);
	case LIMIT_DURATION:
		return duration_parse(text, out, err);
	case LIMIT_SHARE:
		return share_parse(text, out, err);
	}
	return error_set(err, ERROR_USAGE, "limit without a unit");
}

int limits_set(struct limits *limits, const char *assignment, struct error *err)
{
	const char *equals = strchr(assignment, '=');
	if (!equals)
		return error_set(err, ERROR_USAGE,
				 "'%.60s' is not NAME=VALUE, for instance "
				 "close-wait-age=2m",
				 assignment);
	auto_free char *name = xstrndup(assignment, (size_t)(equals - assignment));
	enum limit_id id = 0;
	while (id < LIMITS_END && strcmp(limit_table[id].name, name) != 0)
		id++;
	if (id == LIMITS_END)
		return unknown_limit(name, err);

	uint64_t value;
	const struct limit_info *info = &limit_table[id];
	if (parse_value(info, equals + 1, &value, err))
		return error_wrap(err, "limit %s", info->name);
	if (value < info->min || value > info->max) {
		char low[32], high[32];
		return error_set(err, ERROR_USAGE,
				 "limit %s: '%.40s' is outside %s to %s", info->name,
				 equals + 1, limit_print(id, info->min, low),
				 limit_print(id, info->max, high));
	}
	limits->value[id] = value;
	return 0;
}
