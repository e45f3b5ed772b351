/* SPDX-License-Identifier: MIT */
#include "conn-doctor/limits.h"

#include <string.h>

#include "conn-doctor/memory.h"
#include "conn-doctor/text.h"

#include "values.h"

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

char *limit_print(enum limit_id id, uint64_t value, char out[static 32])
{
	return value_print(limit_table[id].unit, value, out);
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

	const struct limit_info *info = &limit_table[id];
	struct value_range range = { info->unit, info->min, info->max };
	if (value_parse(&range, equals + 1, &limits->value[id], err))
		return error_wrap(err, "limit %s", info->name);
	return 0;
}
