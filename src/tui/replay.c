/* SPDX-License-Identifier: MIT */
#include "replay.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "conn-doctor/time_at.h"

enum { BREAK_MAX_MS = 60 * 1000 };

/* Quarters of the recorded speed. */
static const struct {
	const char *name;
	uint64_t quarters;
} speeds[REPLAY_SPEED_COUNT] = {
	{ "1/4x", 1 }, { "1/2x", 2 },  [REPLAY_SPEED_NORMAL] = { "1x", 4 },
	{ "2x", 8 },   { "4x", 16 },   { "8x", 32 },
	{ "16x", 64 }, { "32x", 128 }, { "64x", 256 },
};

const char *replay_speed_name(unsigned speed)
{
	return speeds[speed].name;
}

unsigned replay_speed_step(unsigned speed, bool is_faster)
{
	if (is_faster)
		return speed + 1 < REPLAY_SPEED_COUNT ? speed + 1 : speed;
	return speed ? speed - 1 : 0;
}

uint64_t replay_gap_ms(uint64_t now_ns, uint64_t next_ns, uint64_t otherwise_ms)
{
	if (!now_ns || next_ns <= now_ns)
		return otherwise_ms;
	uint64_t gap_ms = (next_ns - now_ns) / 1000000;
	return gap_ms < BREAK_MAX_MS ? gap_ms : BREAK_MAX_MS;
}

uint64_t replay_wait_ms(uint64_t gap_ms, unsigned speed)
{
	return gap_ms * speeds[REPLAY_SPEED_NORMAL].quarters / speeds[speed].quarters;
}

size_t replay_lead_start(size_t pass)
{
	return pass > REPLAY_LEAD_PASSES ? pass - REPLAY_LEAD_PASSES : 0;
}

size_t replay_step(size_t pass, int64_t steps, size_t pass_count)
{
	size_t last = pass_count ? pass_count - 1 : 0;
	if (pass > last)
		pass = last;
	if (steps < 0)
		return (uint64_t)-steps > pass ? 0 : pass - (size_t)-steps;
	return (uint64_t)steps > last - pass ? last : pass + (size_t)steps;
}

/* False: it is no percentage. */
static bool parse_percent(const char *text, const struct source_extent *extent,
			  struct replay_goal *out)
{
	char *end;
	if (!isdigit((unsigned char)*text))
		return false;
	unsigned long percent = strtoul(text, &end, 10);
	if (strcmp(end, "%") != 0 || percent > 100)
		return false;
	size_t last = extent->pass_count ? extent->pass_count - 1 : 0;
	*out = (struct replay_goal){ REPLAY_TO_PASS, last * percent / 100 };
	return true;
}

static int refuse_percent(const char *text, struct error *err)
{
	return error_set(err, ERROR_USAGE,
			 "'%.40s' is no share of the recording; write 0%% to 100%%",
			 text);
}

int replay_parse_goal(const char *text, const struct source_extent *extent,
		      struct replay_goal *out, struct error *err)
{
	int64_t ns;
	if (parse_percent(text, extent, out))
		return 0;
	if (strchr(text, '%'))
		return refuse_percent(text, err);
	if (!extent->first_realtime_ns)
		return error_set(err, ERROR_INPUT,
				 "the recording does not say when its passes were "
				 "taken; write 0%% to 100%%");
	if (time_parse_at(text, (int64_t)extent->first_realtime_ns,
			  (int64_t)extent->last_realtime_ns, &ns, err))
		return -1;
	*out = (struct replay_goal){ REPLAY_TO_TIME, (uint64_t)ns };
	return 0;
}

void replay_put_pass(const struct replay_state *r, size_t number, struct strbuf *out)
{
	if (!number)
		return;
	strbuf_addf(out, "pass %zu", number);
	if (r->can_seek)
		strbuf_addf(out, " of %zu%s", r->extent.pass_count,
			    r->is_growing ? "+" : "");
}
