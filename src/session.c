/* SPDX-License-Identifier: MIT */
#include "session.h"

#include <errno.h>
#include <stdio.h>
#include <time.h>

#include "conn-doctor/filter.h"
#include "conn-doctor/time_at.h"

/*
 * One run of a command: where passes come from, what is kept of those before the
 * last one, and the memory of earlier runs.
 */

enum { CHECK_INTERVAL_MS = 1000 };
/* With --at: the moment and what led to it, two minutes of the usual recording. */
enum { AT_PASSES = 24 };

/* To the passes that end with the one of --at; watch begins with that one. */
static int go_to_moment(struct session *s, struct error *err)
{
	const struct options *o = s->options;
	struct source_extent extent;
	int64_t moment_ns;
	size_t pass;
	if (source_extent(&s->source, &extent, err) ||
	    /* Of a recording without times, this is what says so. */
	    source_find_time(&s->source, extent.first_realtime_ns, &pass, err) ||
	    time_parse_at(o->at_text, (int64_t)extent.first_realtime_ns,
			  (int64_t)extent.last_realtime_ns, &moment_ns, err) ||
	    source_find_time(&s->source, (uint64_t)moment_ns, &pass, err))
		return error_wrap(err, "--at");
	uint64_t wanted = o->command == COMMAND_WATCH ? 1
			  : o->pass_count             ? o->pass_count
						      : AT_PASSES;
	s->passes_at = wanted <= pass ? wanted : pass + 1;
	return source_seek_pass(&s->source, pass + 1 - s->passes_at, err);
}

static int open_recording(struct session *s, struct error *err)
{
	if (source_open_recording(&s->source, s->options->read_path, err))
		return -1;
	return s->options->at_text ? go_to_moment(s, err) : 0;
}

/* `list`, unless told otherwise, and `check --once`. */
static bool is_single_pass(const struct options *o)
{
	if (o->command == COMMAND_LIST && o->pass_count == 0)
		return true;
	return o->command != COMMAND_WATCH && o->pass_count == 1;
}

int session_open(struct session *s, const struct options *o, struct error *err)
{
	*s = (struct session){ .options = o };
	if (filter_parse(strbuf_text(&o->filter), &s->filter, NULL, err) ||
	    filter_resolve(s->filter, &host_resolver, err) ||
	    policy_resolve(&o->config.policy, &host_resolver, err))
		return -1;
	if (o->verbosity > 1) {
		struct strbuf parsed = { 0 };
		filter_print(s->filter, &parsed);
		fprintf(stderr, "conn-doctor: filter: %s\n",
			parsed.len ? parsed.text : "(everything)");
		strbuf_clear(&parsed);
	}
	if (o->read_path)
		return open_recording(s, err);
	struct source_options source_options = {
		.filter = s->filter,
		.with_owners = !o->no_processes,
		.with_keepalive_audit = o->command != COMMAND_LIST,
		.with_server_settings = o->command != COMMAND_LIST,
		.is_single_pass = is_single_pass(o),
		.timeout_ms = o->timeout_ms,
		.record_path = o->record_path,
	};
	return source_open_kernel(&s->source, &source_options, err);
}

static int session_close(struct session *s, struct error *err)
{
	int result = source_close(&s->source, err);
	state_free(s->state);
	history_free(s->history);
	series_free(s->series);
	report_clear(&s->between);
	snapshot_clear(&s->snaps[0]);
	snapshot_clear(&s->snaps[1]);
	filter_free(s->filter);
	return result;
}

int session_end(struct session *s, int status, struct error *err)
{
	struct error close_error = { 0 };
	if (session_close(s, &close_error) && status >= 0) {
		*err = close_error;
		return -1;
	}
	return status;
}

static void wait_until(struct timespec *next, uint64_t interval_ms)
{
	next->tv_sec += (time_t)(interval_ms / 1000);
	next->tv_nsec += (long)(interval_ms % 1000 * 1000000);
	if (next->tv_nsec >= 1000000000) {
		next->tv_nsec -= 1000000000;
		next->tv_sec++;
	}
	while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, next, NULL) == EINTR)
		;
}

struct diagnose_options session_diagnose_options(const struct session *s)
{
	return (struct diagnose_options){
		.filter = s->filter->root ? s->filter : NULL,
		.policy = &s->options->config.policy,
		.series = s->series,
	};
}

/* What trends need of the last pass, before the next one takes its place. */
static void follow_trends(struct session *s)
{
	struct diagnose_options options = session_diagnose_options(s);
	if (!s->series || s->pass_count == 0)
		return;
	if (!s->is_followed) {
		series_update_counters(s->series, &s->snaps[s->last]);
		return;
	}
	diagnose(&s->snaps[s->last], s->history, &s->options->limits, &options,
		 &s->between);
	series_update(s->series, &s->between);
}

static void recall_state(struct session *s)
{
	state_recall(s->state, &s->snaps[s->last], s->filter->text, s->history);
	if (s->series)
		state_recall_series(s->state, s->series);
}

/* Takes one pass in; SOURCE_END leaves the last one as it was. */
static enum source_result take_pass(struct session *s, struct error *err)
{
	bool is_live = s->source.ops->is_live;
	follow_trends(s);
	/* The kernel never ends, so its passes can share one snapshot's memory. */
	size_t next = is_live ? s->last : !s->last;
	enum source_result result =
		s->source.ops->take(s->source.self, &s->snaps[next], err);
	if (result != SOURCE_OK)
		return result;
	s->last = next;
	s->pass_count++;
	s->duration_ns += s->snaps[next].duration_ns;
	if (s->state && s->pass_count == 1)
		recall_state(s);
	if (s->history)
		history_update(s->history, &s->snaps[next]);
	return SOURCE_OK;
}

int session_take_passes(struct session *s, uint64_t initial_count, struct error *err)
{
	const struct options *o = s->options;
	bool is_live = s->source.ops->is_live;
	uint64_t count = s->passes_at    ? s->passes_at
			 : o->pass_count ? o->pass_count
			 : is_live       ? initial_count
					 : UINT64_MAX;
	uint64_t interval_ms = o->interval_ms ? o->interval_ms : CHECK_INTERVAL_MS;
	if (count > 1 || s->state)
		s->history = history_new();
	if ((count > 1 || s->state) && o->command != COMMAND_LIST)
		s->series = series_new();
	s->is_followed = count >= o->limits.value[LIMIT_TREND_POINTS];

	struct timespec next;
	clock_gettime(CLOCK_MONOTONIC, &next);
	while (s->pass_count < count) {
		if (is_live && s->pass_count)
			wait_until(&next, interval_ms);
		enum source_result result = take_pass(s, err);
		if (result == SOURCE_ERROR)
			return -1;
		if (result == SOURCE_END)
			break;
	}
	return 0;
}

void session_open_state(struct session *s)
{
	const struct options *o = s->options;
	if (o->state_path)
		s->state = state_open(o->state_path, o->timeout_ms, &s->state_error);
}

void session_note_state(struct session *s)
{
	const char *complaint = s->state ? state_complaint(s->state) : "";
	if (*complaint)
		fprintf(stderr, "conn-doctor: %s\n", complaint);
	if (s->state_error.code)
		complaint = s->state_error.text;
	if (*complaint)
		snapshot_add_degraded(&s->snaps[s->last], "earlier runs", complaint);
}

int session_save_state(struct session *s, const struct report *r, struct error *err)
{
	if (s->state_error.code) {
		*err = s->state_error;
		return -1;
	}
	if (!s->state)
		return 0;
	if (s->series) {
		series_update(s->series, r);
		state_keep_series(s->state, s->series);
	}
	return state_save(s->state, &s->snaps[s->last], s->history, err);
}
