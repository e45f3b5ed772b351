/* SPDX-License-Identifier: MIT */
#ifndef CONN_DOCTOR_TUI_REPLAY_H
#define CONN_DOCTOR_TUI_REPLAY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "conn-doctor/error.h"
#include "conn-doctor/source.h"
#include "conn-doctor/strbuf.h"

/*
 * Going through a recording: how fast, where to, and how that is told. Pure: no
 * thread, no clock, no screen.
 */

/* A quarter of the speed at which it was recorded, up to 64 times that. */
enum { REPLAY_SPEED_COUNT = 9, REPLAY_SPEED_NORMAL = 2 };

/* "1/4x", "1x", "64x" */
const char *replay_speed_name(unsigned speed);

/* One faster or slower; itself at the ends. */
unsigned replay_speed_step(unsigned speed, bool is_faster);

/*
 * Time between a pass and the next as recorded, `otherwise_ms` where that is not
 * known (0) or the clock was set back. Nobody waits out a break of the recorder: at
 * most a minute.
 */
uint64_t replay_gap_ms(uint64_t now_ns, uint64_t next_ns, uint64_t otherwise_ms);

/* The same at that speed. */
uint64_t replay_wait_ms(uint64_t gap_ms, unsigned speed);

/* The passes before the wanted one that verdicts, events and sparklines look back on.
 */
enum { REPLAY_LEAD_PASSES = 10 };
size_t replay_lead_start(size_t pass);

/* `steps` away, kept within the passes that there are (at least one). */
size_t replay_step(size_t pass, int64_t steps, size_t pass_count);

enum replay_goal_kind { REPLAY_NOWHERE, REPLAY_TO_TIME, REPLAY_TO_PASS };

struct replay_goal {
	enum replay_goal_kind kind;
	uint64_t value; /* nanoseconds since 1970, or a pass counted from 0 */
};

/*
 * What a person types: a time as time_parse_at() takes it, or `50%` of the passes.
 * -1: it is neither, or not in the recording.
 */
int replay_parse_goal(const char *text, const struct source_extent *extent,
		      struct replay_goal *out, struct error *err);

/* What is known about the recording that is shown. */
struct replay_state {
	bool can_seek;
	struct error why_not;        /* when it cannot */
	struct source_extent extent; /* when it can */
	bool is_growing;             /* a recorder adds passes while it is shown */
	uint64_t done;               /* number of the seek that was done last */
	struct error seek_error;     /* of that one */
};

/* "pass 31 of 100", "pass 31 of 100+"; `number` counts from 1, 0 = not known. */
void replay_put_pass(const struct replay_state *r, size_t number, struct strbuf *out);

#endif
