/* SPDX-License-Identifier: MIT */
#ifndef CONN_DOCTOR_TUI_COLLECTOR_H
#define CONN_DOCTOR_TUI_COLLECTOR_H

#include <stdbool.h>
#include <stdint.h>

#include "conn-doctor/error.h"
#include "conn-doctor/filter.h"
#include "conn-doctor/limits.h"
#include "conn-doctor/source.h"
#include "frame.h"
#include "replay.h"

/*
 * Collection in a thread of its own, so that keys never wait for it.
 *
 * Source, history, the pass and two frames belong to the thread. A pass is every
 * row there is, a frame what a screen may show of it. A finished frame is handed
 * over whole: from collector_take() until the next one, the frame belongs to the
 * screen (which may re-sort it), and the thread makes the other. At no time do both
 * threads see the same frame, so nothing is locked but the hand-over itself, which
 * is a few words long. What a frame needs of the past is in its assessments: the
 * history, which the next pass changes, is not reachable from it. A frame that the
 * screen did not want (it is frozen, or its terminal is slow) is overwritten; the
 * history has seen it all the same.
 *
 * What needs the history of one row (its detail) is asked of the thread by
 * cookie. It arrives with each frame to come, and at once for the frame that the
 * screen holds, if that is the newest: then the thread, between two passes, looks
 * into it. The screen must not change snap and report of a frame, ever.
 *
 * A frame that has all connections can be put into any order. Of one that has not,
 * another one is asked for, which the thread makes of the same pass.
 */
struct collector;

struct collector_options {
	struct source source;
	const struct limits *limits;
	const struct filter *filter;
	const struct policy *policy;            /* NULL = nothing was declared */
	const struct filter_resolver *resolver; /* for the live filter; may be NULL */
	uint64_t interval_ms;
	bool plays_by_interval; /* a recording: not by its own times */
	size_t frame_rows;      /* see pass.h; 0 = the usual number */
	bool use_utf8;
};

struct collector_status {
	bool is_ended;      /* the recording is over */
	bool is_hopeless;   /* nothing was ever collected: `error` says why */
	struct error error; /* of the last pass; ERROR_NONE = it went well */
	struct replay_state replay;
};

int collector_start(struct collector **out, const struct collector_options *options,
		    struct error *err);

/* Readable when there is a new frame or status; collector_take() empties it. */
int collector_fd(const struct collector *c);

/*
 * The newest frame, if wanted and if there is one that was not taken yet, else
 * NULL. Taking one gives the frame taken before back to the thread.
 */
struct frame *collector_take(struct collector *c, bool is_wanted,
			     struct collector_status *status);

/* The next pass starts at once. While paused, that is one pass. */
void collector_refresh(struct collector *c);
void collector_set_interval(struct collector *c, uint64_t interval_ms);
/*
 * A recording waits. A live source goes on, for its history, as long as frames have
 * all connections; else it waits too, so that they can be arranged.
 */
void collector_set_paused(struct collector *c, bool is_paused);
void collector_set_speed(struct collector *c, unsigned speed);

/*
 * To another place of the recording, also while it is paused or at its end, and
 * there are no frames until it is reached. Some passes before it are taken in without
 * being handed over; the story (history, journal, series) begins with them. A step is
 * counted from the frame that the screen holds, or from where it is on its way to;
 * to the pass that comes next anyway the story goes on.
 *
 * Both return the number of this seek, which status.replay.done tells when it has
 * been done, in whatever way: then seek_error says why not, if so.
 */
uint64_t collector_seek(struct collector *c, const struct replay_goal *goal);
uint64_t collector_step(struct collector *c, int steps);

/* How the frames to come are arranged. The filter's text is known to be good. */
void collector_set_order(struct collector *c, enum column sort, bool is_reversed,
			 enum group_by group_by);
void collector_set_filter(struct collector *c, const char *text, uint64_t number);

/* A frame so arranged is wanted as soon as the pass that is running is over. */
void collector_arrange(struct collector *c);
/* The connection that each frame is to have, whatever the order; 0 = none. */
void collector_keep(struct collector *c, uint64_t cookie);

/* The connection whose detail is wanted, 0 = none. */
void collector_ask(struct collector *c, uint64_t cookie);
/* An answer about the frame that the screen holds; false = there is none. */
bool collector_take_answer(struct collector *c, struct detail *out);

/* Waits for the pass that is running. NULL is allowed. */
void collector_stop(struct collector *c);

#endif
