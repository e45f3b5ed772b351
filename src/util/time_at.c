/* SPDX-License-Identifier: MIT */
#include "conn-doctor/time_at.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "conn-doctor/format.h"

#define NS_PER_SECOND INT64_C(1000000000)
#define NS_PER_MS     INT64_C(1000000)

/* Seconds: any moment beyond is not in a recording, and all sums fit. */
#define SECONDS_MAX INT64_C(9000000000)

/* What was typed; `unit` is how exact it is. */
struct moment {
	int year, month, day; /* year 0 = none was typed */
	int hour, minute, second;
	int64_t fraction_ns;
	int64_t unit_ns;
	bool has_offset;
	int offset_s; /* east of UTC */
};

/* Exactly `digits` digits. */
static bool take_number(const char **p, int digits, int min, int max, int *out)
{
	int value = 0;
	for (int i = 0; i < digits; i++) {
		if (!isdigit((unsigned char)(*p)[i]))
			return false;
		value = value * 10 + ((*p)[i] - '0');
	}
	*p += digits;
	*out = value;
	return value >= min && value <= max;
}

static bool take_char(const char **p, const char *any)
{
	if (!**p || !strchr(any, **p))
		return false;
	(*p)++;
	return true;
}

static bool take_date(const char **p, struct moment *m)
{
	if (strnlen(*p, 5) < 5 || (*p)[4] != '-')
		return true; /* a time of day alone */
	return take_number(p, 4, 1970, 2200, &m->year) && take_char(p, "-") &&
	       take_number(p, 2, 1, 12, &m->month) && take_char(p, "-") &&
	       take_number(p, 2, 1, 31, &m->day) && take_char(p, "Tt ");
}

static bool take_fraction(const char **p, struct moment *m)
{
	if (!take_char(p, "."))
		return true;
	if (!isdigit((unsigned char)**p))
		return false;
	for (; isdigit((unsigned char)**p); (*p)++) {
		m->unit_ns /= 10;
		m->fraction_ns += (**p - '0') * m->unit_ns;
	}
	if (m->unit_ns == 0)
		m->unit_ns = 1;
	return true;
}

static bool take_clock(const char **p, struct moment *m)
{
	m->unit_ns = 60 * NS_PER_SECOND;
	if (!take_number(p, 2, 0, 23, &m->hour) || !take_char(p, ":") ||
	    !take_number(p, 2, 0, 59, &m->minute))
		return false;
	if (!take_char(p, ":"))
		return true;
	m->unit_ns = NS_PER_SECOND;
	return take_number(p, 2, 0, 59, &m->second) && take_fraction(p, m);
}

static bool take_zone(const char **p, struct moment *m)
{
	int hours, minutes;
	if (**p == '\0')
		return true;
	m->has_offset = true;
	if (take_char(p, "Zz"))
		return true;
	bool is_west = **p == '-';
	if (!take_char(p, "+-") || !take_number(p, 2, 0, 23, &hours))
		return false;
	take_char(p, ":");
	if (!take_number(p, 2, 0, 59, &minutes))
		return false;
	m->offset_s = (hours * 60 + minutes) * (is_west ? -60 : 60);
	return true;
}

static bool parse_moment(const char *text, struct moment *m)
{
	*m = (struct moment){ 0 };
	return take_date(&text, m) && take_clock(&text, m) && take_zone(&text, m) &&
	       *text == '\0';
}

/* The date, in the zone of `m`, `days` after the one at that second. */
static bool date_at(int64_t seconds, int days, const struct moment *m, struct tm *out)
{
	time_t at = (time_t)(seconds + m->offset_s);
	if (!(m->has_offset ? gmtime_r(&at, out) : localtime_r(&at, out)))
		return false;
	out->tm_mday += days;
	return true;
}

/* False: there is no such day (February 30), or it is beyond all recordings. */
static bool moment_ns(const struct moment *m, struct tm date, int64_t *out)
{
	date.tm_hour = m->hour;
	date.tm_min = m->minute;
	date.tm_sec = m->second;
	date.tm_isdst = -1;
	int day = date.tm_mday;
	int64_t seconds = m->has_offset ? (int64_t)timegm(&date) - m->offset_s
					: (int64_t)mktime(&date);
	if (seconds < -SECONDS_MAX || seconds > SECONDS_MAX ||
	    (m->year && date.tm_mday != day))
		return false;
	*out = seconds * NS_PER_SECOND + m->fraction_ns;
	return true;
}

/* Inside, or in front of it by less than what was typed can tell. */
static bool fits(int64_t *ns, int64_t unit, int64_t first, int64_t last)
{
	if (*ns<first && * ns + unit> first)
		*ns = first;
	return *ns >= first && *ns <= last;
}

/* A time of day may be that of the first day or of the one that began after it. */
static int find_moment(const struct moment *m, int64_t first, int64_t last,
		       int64_t *out, bool *is_day)
{
	struct tm date = { .tm_year = m->year - 1900,
			   .tm_mon = m->month - 1,
			   .tm_mday = m->day };
	*is_day = true;
	if (m->year) {
		*is_day = moment_ns(m, date, out);
		return *is_day && fits(out, m->unit_ns, first, last) ? 0 : -1;
	}
	for (int days = 0; days <= 1; days++)
		if (date_at(first / NS_PER_SECOND, days, m, &date) &&
		    moment_ns(m, date, out) && fits(out, m->unit_ns, first, last))
			return 0;
	return -1;
}

/* As the screen shows it: local, and with the zone, so that it can be typed back. */
static const char *print_local(int64_t ns, char *out, size_t size)
{
	time_t seconds = (time_t)(ns / NS_PER_SECOND);
	struct tm tm;
	if (!localtime_r(&seconds, &tm) ||
	    !strftime(out, size, "%Y-%m-%dT%H:%M:%S%z", &tm))
		snprintf(out, size, "?");
	return out;
}

static int not_inside(const char *text, int64_t first, int64_t last, struct error *err)
{
	char from[64], to[64];
	return error_set(err, ERROR_USAGE,
			 "'%.40s' is not in the recording, which goes from %s to %s",
			 text, print_local(first, from, sizeof(from)),
			 print_local(last, to, sizeof(to)));
}

/* `+10m` and `-5m`. */
static int parse_distance(const char *text, int64_t first, int64_t last, int64_t *out,
			  struct error *err)
{
	uint64_t ms;
	if (duration_parse(text + 1, &ms, err))
		return -1;
	if (ms > (uint64_t)(last - first) / NS_PER_MS)
		return not_inside(text, first, last, err);
	int64_t ns = (int64_t)ms * NS_PER_MS;
	*out = *text == '+' ? first + ns : last - ns;
	return 0;
}

int time_parse_at(const char *text, int64_t first_ns, int64_t last_ns, int64_t *out_ns,
		  struct error *err)
{
	struct moment m;
	int64_t found;
	bool is_day;
	if (*text == '+' || *text == '-')
		return parse_distance(text, first_ns, last_ns, out_ns, err);
	bool is_time = parse_moment(text, &m);
	if (is_time && find_moment(&m, first_ns, last_ns, &found, &is_day) == 0) {
		*out_ns = found;
		return 0;
	}
	if (is_time && is_day)
		return not_inside(text, first_ns, last_ns, err);
	return error_set(err, ERROR_USAGE,
			 "'%.40s' is not a time; write 18:00, 18:00:05, "
			 "2026-11-20T18:00:05Z, +10m (from the start) or -5m (from the "
			 "end)",
			 text);
}
