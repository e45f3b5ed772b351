/* SPDX-License-Identifier: MIT */
#include "conn-doctor/format.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

/* A unit and how many of the base unit (us for durations, bytes) it holds. */
struct unit {
	const char *name;
	uint64_t factor;
};

/* Largest first: that is the order a duration must be written in. */
static const struct unit duration_units[] = {
	{ "w", 7ULL * 24 * 3600 * 1000000 },
	{ "d", 24ULL * 3600 * 1000000 },
	{ "h", 3600ULL * 1000000 },
	{ "m", 60ULL * 1000000 },
	{ "s", 1000000 },
	{ "ms", 1000 },
	{ "us", 1 },
	{ NULL, 0 },
};

static const struct unit size_units[] = {
	{ "", 1 },
	{ "B", 1 },
	{ "K", 1024 },
	{ "KiB", 1024 },
	{ "M", 1024 * 1024 },
	{ "MiB", 1024 * 1024 },
	{ "G", 1024 * 1024 * 1024 },
	{ "GiB", 1024 * 1024 * 1024 },
	{ NULL, 0 },
};

/* Longest run of digits that cannot overflow after scaling is checked later. */
enum { DIGITS_MAX = 15 };

/* Digits at *p into *value; false when there are none or too many. */
static bool take_digits(const char **p, uint64_t *value)
{
	const char *start = *p;
	*value = 0;
	while (isdigit((unsigned char)**p) && *p - start < DIGITS_MAX)
		*value = *value * 10 + (uint64_t)(*(*p)++ - '0');
	return *p > start && !isdigit((unsigned char)**p);
}

/* The unit named by the letters at *p, NULL when there is no such unit. */
static const struct unit *take_unit(const char **p, const struct unit *units)
{
	size_t len = 0;
	while (isalpha((unsigned char)(*p)[len]))
		len++;
	for (const struct unit *u = units; u->name; u++) {
		if (strlen(u->name) == len && strncmp(u->name, *p, len) == 0) {
			*p += len;
			return u;
		}
	}
	return NULL;
}

static int duration_error(const char *text, struct error *err)
{
	return error_set(err, ERROR_USAGE,
			 "'%.40s' is not a duration; write 500ms, 30s, 5m, 1h30m or 2d",
			 text);
}

/* Adds value * factor to *total; false on overflow. */
static bool add_scaled(uint64_t *total, uint64_t value, uint64_t factor)
{
	uint64_t part;
	return !__builtin_mul_overflow(value, factor, &part) &&
	       !__builtin_add_overflow(*total, part, total);
}

int duration_parse(const char *text, uint64_t *out_ms, struct error *err)
{
	const char *p = text;
	uint64_t total_us = 0, value;
	const struct unit *last = NULL;
	do {
		if (!take_digits(&p, &value))
			return duration_error(text, err);
		const struct unit *u = *p ? take_unit(&p, duration_units) : NULL;
		bool is_bare = !u && !*p && !last;
		if (!u && !is_bare)
			return duration_error(text, err);
		if (last && u <= last)
			return duration_error(text, err);
		if (!add_scaled(&total_us, value, is_bare ? 1000000 : u->factor))
			return duration_error(text, err);
		last = u;
	} while (*p);
	*out_ms = total_us / 1000;
	return 0;
}

/*
 * `12` or `1.5` in thousandths. Three decimals are enough for every value that
 * is written by hand.
 */
static bool take_decimal(const char **p, uint64_t *thousandths)
{
	uint64_t whole, fraction = 0;
	if (!take_digits(p, &whole) || whole > UINT64_MAX / 2000)
		return false;
	uint64_t scale = 1000;
	if (**p == '.') {
		const char *digits = ++*p;
		while (isdigit((unsigned char)**p)) {
			scale /= 10;
			fraction += (uint64_t)(*(*p)++ - '0') * scale;
		}
		if (*p == digits || *p - digits > 3)
			return false;
	}
	*thousandths = whole * 1000 + fraction;
	return true;
}

int size_parse(const char *text, uint64_t *out_bytes, struct error *err)
{
	const char *p = text;
	uint64_t thousandths, scaled = 0;
	const struct unit *u = NULL;
	if (take_decimal(&p, &thousandths))
		u = take_unit(&p, size_units);
	if (!u || *p || !add_scaled(&scaled, thousandths, u->factor))
		return error_set(err, ERROR_USAGE,
				 "'%.40s' is not a size; write 512, 64K, 1.5M or 2G",
				 text);
	*out_bytes = scaled / 1000;
	return 0;
}

int share_parse(const char *text, uint64_t *out_permille, struct error *err)
{
	const char *p = text;
	uint64_t thousandths = 0;
	bool ok = take_decimal(&p, &thousandths);
	bool is_percent = *p == '%';
	uint64_t permille = is_percent ? thousandths / 100 : thousandths;
	if (!ok || p[is_percent] || permille > 1000)
		return error_set(err, ERROR_USAGE,
				 "'%.40s' is not a share; write 80%% or 0.8", text);
	*out_permille = permille;
	return 0;
}

int count_parse(const char *text, uint64_t min, uint64_t max, uint64_t *out,
		struct error *err)
{
	const char *p = text;
	uint64_t value;
	if (!take_digits(&p, &value) || *p || value < min || value > max)
		return error_set(err, ERROR_USAGE,
				 "'%.40s' is not a number from %" PRIu64 " to %" PRIu64,
				 text, min, max);
	*out = value;
	return 0;
}

char *duration_print(uint64_t ms, char out[static FORMAT_SIZE])
{
	static const struct {
		const char *large, *small;
		uint64_t seconds; /* in the large unit */
		uint64_t per;     /* seconds in the small unit */
	} pairs[] = {
		{ "d", "h", 86400, 3600 },
		{ "h", "m", 3600, 60 },
		{ "m", "s", 60, 1 },
	};
	uint64_t seconds = ms / 1000;
	for (size_t i = 0; i < sizeof(pairs) / sizeof(*pairs); i++) {
		if (seconds < pairs[i].seconds)
			continue;
		uint64_t rest = seconds % pairs[i].seconds / pairs[i].per;
		int len = snprintf(out, FORMAT_SIZE, "%" PRIu64 "%s",
				   seconds / pairs[i].seconds, pairs[i].large);
		if (rest)
			snprintf(out + len, FORMAT_SIZE - (size_t)len, "%" PRIu64 "%s",
				 rest, pairs[i].small);
		return out;
	}
	if (ms < 1000)
		snprintf(out, FORMAT_SIZE, "%" PRIu64 "ms", ms);
	else if (ms < 10000)
		snprintf(out, FORMAT_SIZE, "%" PRIu64 ".%" PRIu64 "s", seconds,
			 ms % 1000 / 100);
	else
		snprintf(out, FORMAT_SIZE, "%" PRIu64 "s", seconds);
	return out;
}

char *size_print(uint64_t bytes, char out[static FORMAT_SIZE])
{
	static const char *const names[] = { "B", "KiB", "MiB", "GiB", "TiB" };
	size_t unit = 0;
	double value = (double)bytes;
	while (value >= 1024 && unit < sizeof(names) / sizeof(*names) - 1) {
		value /= 1024;
		unit++;
	}
	snprintf(out, FORMAT_SIZE, unit ? "%.1f %s" : "%.0f %s", value, names[unit]);
	return out;
}

char *time_print_utc(uint64_t realtime_ns, char out[static FORMAT_SIZE])
{
	static const char unprintable[] = "0000-00-00T00:00:00.000Z";
	time_t seconds = (time_t)(realtime_ns / 1000000000);
	struct tm tm;
	/* A year beyond 9999 (hostile recording) would not fit the format. */
	if (!gmtime_r(&seconds, &tm) || tm.tm_year > 9999 - 1900)
		return memcpy(out, unprintable, sizeof(unprintable));
	size_t len = strftime(out, FORMAT_SIZE, "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(out + len, FORMAT_SIZE - len, ".%03uZ",
		 (unsigned)(realtime_ns / 1000000 % 1000));
	return out;
}

char *u64_put(char *out, uint64_t value)
{
	char digits[20];
	size_t count = 0;
	do {
		digits[count++] = (char)('0' + value % 10);
		value /= 10;
	} while (value);
	while (count)
		*out++ = digits[--count];
	return out;
}
