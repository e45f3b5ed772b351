/* SPDX-License-Identifier: MIT */
#include "monotonic.h"
#include "watch_state.h"

/*
 * Going through a recording. The collector does it in its thread; meanwhile the
 * screen shows what it has and answers keys.
 */

/* What takes less time is not worth a word. */
enum { SEEK_TELL_MS = 150 };

/* Says why not. */
static bool can_replay(struct watch *w)
{
	if (w->view.is_recording)
		return true;
	watch_say(w, "this is live: only a recording (watch --read FILE) has a past "
		     "to go to");
	return false;
}

static bool can_seek(struct watch *w)
{
	const struct replay_state *replay = &w->status.replay;
	if (!can_replay(w))
		return false;
	if (!w->frame)
		watch_say(w, "there is nothing to go through yet");
	else if (!replay->can_seek)
		watch_say(w, "only forward, with . : %s", replay->why_not.text);
	return w->frame && replay->can_seek;
}

static void expect(struct watch *w, uint64_t number)
{
	w->seek_number = number;
	if (!w->seek_ms)
		w->seek_ms = monotonic_now_ms();
}

/* What cannot be wound goes on for one pass. */
void watch_step(struct watch *w)
{
	if (!can_replay(w))
		return;
	if (w->frame && w->status.replay.can_seek)
		expect(w, collector_step(w->collector, 1));
	else
		collector_refresh(w->collector);
}

void watch_step_back(struct watch *w)
{
	if (can_seek(w))
		expect(w, collector_step(w->collector, -1));
}

static void go_to_pass(struct watch *w, uint64_t pass)
{
	struct replay_goal goal = { REPLAY_TO_PASS, pass };
	if (can_seek(w))
		expect(w, collector_seek(w->collector, &goal));
}

void watch_go_to_first(struct watch *w)
{
	go_to_pass(w, 0);
}

/* The last one by then: it may be growing. */
void watch_go_to_last(struct watch *w)
{
	go_to_pass(w, SIZE_MAX);
}

void watch_change_speed(struct watch *w)
{
	if (can_replay(w))
		collector_set_speed(w->collector, w->view.speed);
}

void watch_open_time(struct watch *w)
{
	if (!can_seek(w))
		return;
	w->view.is_help = false;
	w->view.is_editing = true;
	w->view.line = LINE_TIME;
	w->time_error.code = ERROR_NONE;
	editor_open(&w->time_editor, "");
	watch_follow(w);
}

static void keep_time(struct watch *w)
{
	struct replay_goal goal;
	const char *text = strbuf_text(&w->time_editor.text);
	w->is_dirty = true;
	if (w->time_editor.text.len &&
	    replay_parse_goal(text, &w->status.replay.extent, &goal, &w->time_error))
		return;
	if (w->time_editor.text.len) {
		editor_remember(&w->time_editor);
		expect(w, collector_seek(w->collector, &goal));
	}
	watch_close_line(w);
}

void watch_edit_time(struct watch *w, int key)
{
	switch (editor_act(&w->time_editor, keys_find(MODE_LINE, key), key)) {
	case EDIT_NOTHING:
		break;
	case EDIT_CHANGED:
		w->time_error.code = ERROR_NONE;
		w->is_dirty = true;
		break;
	case EDIT_MOVED:
		w->is_dirty = true;
		break;
	case EDIT_KEPT:
		keep_time(w);
		break;
	case EDIT_CANCELLED:
		watch_close_line(w);
		break;
	}
}

void watch_look_for_seek(struct watch *w)
{
	const struct replay_state *replay = &w->status.replay;
	if (!w->seek_ms || replay->done < w->seek_number)
		return;
	int rest_ms;
	w->is_dirty |= watch_is_seeking(w, &rest_ms);
	w->seek_ms = 0;
	if (replay->seek_error.code != ERROR_NONE) {
		watch_say(w, "%s", replay->seek_error.text);
		watch_follow(w);
	}
}

bool watch_is_seeking(const struct watch *w, int *rest_ms)
{
	uint64_t since_ms = w->seek_ms ? monotonic_now_ms() - w->seek_ms : 0;
	*rest_ms = w->seek_ms && since_ms < SEEK_TELL_MS ? SEEK_TELL_MS - (int)since_ms
							 : -1;
	return w->seek_ms && since_ms >= SEEK_TELL_MS;
}
