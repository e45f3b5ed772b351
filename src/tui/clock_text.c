/* SPDX-License-Identifier: MIT */
#include "clock_text.h"

#include <time.h>

char *clock_print_day(uint64_t realtime_ns, char out[static 32])
{
	time_t seconds = (time_t)(realtime_ns / 1000000000);
	struct tm tm;
	if (!localtime_r(&seconds, &tm) || !strftime(out, 32, "%Y-%m-%d %H:%M:%S", &tm))
		out[0] = '\0';
	return out;
}

char *clock_print(uint64_t realtime_ns, char out[static CLOCK_TEXT_SIZE])
{
	time_t seconds = (time_t)(realtime_ns / 1000000000);
	struct tm tm;
	if (!localtime_r(&seconds, &tm) ||
	    !strftime(out, CLOCK_TEXT_SIZE, "%H:%M:%S", &tm))
		out[0] = '\0';
	return out;
}
