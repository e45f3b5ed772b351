/* SPDX-License-Identifier: MIT */
#include "monotonic.h"
#include "watch_state.h"

#include <string.h>

/* The lines of input: the filter, which works while it is typed, and find. */

/* Rows that are looked at before the clock is asked; how long a key may wait. */
enum { FIND_ROWS = 64, FIND_MS = 20 };

/* Without the blanks at its end, which say nothing but that more may come. */
static void set_filter_text(struct watch *w, const char *text)
{
	size_t len = strlen(text);
	while (len && text[len - 1] == ' ')
		len--;
	strbuf_reset(&w->filter_text);
	strbuf_add_len(&w->filter_text, text, len);
}

/* What is wrong in the line leaves the filter that is in force. */
static void apply_filter(struct watch *w)
{
	const char *text = strbuf_text(&w->editor.text);
	w->editor_error.code = ERROR_NONE;
	w->is_dirty = true;
	if (live_filter_set(&w->filter, text, w->filter_count + 1, w->options->resolver,
			    &w->error_column, &w->editor_error))
		return;
	w->filter_count++;
	set_filter_text(w, text);
	collector_set_filter(w->collector, text, w->filter_count);
	watch_arrange_again(w);
}

void watch_close_line(struct watch *w)
{
	w->view.is_editing = false;
	watch_follow(w);
}

/* A line with an error cannot be kept: it stays, and says what is wrong. */
static void keep_filter(struct watch *w)
{
	if (w->editor_error.code != ERROR_NONE)
		return;
	editor_remember(&w->editor);
	watch_close_line(w);
}

static void edit_filter(struct watch *w, int key)
{
	switch (editor_act(&w->editor, keys_find(MODE_LINE, key), key)) {
	case EDIT_NOTHING:
		break;
	case EDIT_MOVED:
		w->is_dirty = true;
		break;
	case EDIT_CHANGED:
		apply_filter(w);
		break;
	case EDIT_KEPT:
		keep_filter(w);
		break;
	case EDIT_CANCELLED:
		apply_filter(w);
		watch_close_line(w);
		break;
	}
}

static void keep_find(struct watch *w)
{
	editor_remember(&w->find_editor);
	strbuf_reset(&w->find.text);
	strbuf_add(&w->find.text, strbuf_text(&w->find_editor.text));
	watch_close_line(w);
	watch_find_next(w, false);
}

static void edit_find(struct watch *w, int key)
{
	switch (editor_act(&w->find_editor, keys_find(MODE_LINE, key), key)) {
	case EDIT_NOTHING:
		break;
	case EDIT_MOVED:
	case EDIT_CHANGED:
		w->is_dirty = true;
		break;
	case EDIT_KEPT:
		keep_find(w);
		break;
	case EDIT_CANCELLED:
		watch_close_line(w);
		break;
	}
}

void watch_open_filter(struct watch *w)
{
	editor_open(&w->editor, strbuf_text(&w->filter_text));
}

/* The line begins with what was looked for last; typing Ctrl-U empties it. */
void watch_open_find(struct watch *w)
{
	editor_open(&w->find_editor, strbuf_text(&w->find.text));
	watch_follow(w);
}

void watch_edit(struct watch *w, int key)
{
	static void (*const edit[])(struct watch *, int) = {
		[LINE_FILTER] = edit_filter,
		[LINE_FIND] = edit_find,
		[LINE_TIME] = watch_edit_time,
	};
	edit[w->view.line](w, key);
}

void watch_find_next(struct watch *w, bool is_backward)
{
	if (!w->frame)
		return;
	if (!w->find.text.len) {
		watch_say(w, "nothing to find: F3 asks for a text");
		return;
	}
	w->find.at = view_list(&w->view)->selected;
	w->find.left = watch_ops(w)->count(w->frame);
	w->find.is_backward = is_backward;
	w->find.is_wrapped = false;
	w->find.is_running = true;
	watch_go_on_finding(w);
}

static size_t next_row(struct find *find, size_t count)
{
	size_t last = find->is_backward ? 0 : count - 1;
	bool is_end = find->at == last || find->at >= count;
	find->is_wrapped |= is_end;
	if (is_end)
		return find->is_backward ? count - 1 : 0;
	return find->is_backward ? find->at - 1 : find->at + 1;
}

/* What a row shows is what can be found in it, case aside. */
static bool shows(const struct watch *w, const struct scene *scene, size_t position)
{
	auto_strbuf struct strbuf text = { 0 };
	screen_capture(&text);
	watch_ops(w)->draw_row(scene, position, 0);
	screen_capture(NULL);
	return strcasestr(strbuf_text(&text), strbuf_text(&w->find.text)) != NULL;
}

static void stop_finding(struct watch *w, bool is_found)
{
	struct find *find = &w->find;
	find->is_running = false;
	bool is_part = w->view.view == VIEW_CONNECTIONS && !w->frame->is_whole;
	if (!is_found && is_part)
		watch_say(w, "not found in the rows listed (/ filters all): %s",
			  strbuf_text(&find->text));
	else if (!is_found)
		watch_say(w, "not found: %s", strbuf_text(&find->text));
	else if (find->is_wrapped)
		watch_say(w, "found again from the other end: %s",
			  strbuf_text(&find->text));
	else
		strbuf_reset(&w->message);
	if (is_found)
		watch_select(w, find->at);
	watch_follow(w);
}

/* Some rows; true when the search is over. */
static bool look_at_some(struct watch *w, const struct scene *scene)
{
	struct find *find = &w->find;
	size_t count = watch_ops(w)->count(w->frame);
	for (int i = 0; i < FIND_ROWS; i++) {
		if (!find->left || !count) {
			stop_finding(w, false);
			return true;
		}
		find->left--;
		find->at = next_row(find, count);
		if (shows(w, scene, find->at)) {
			stop_finding(w, true);
			return true;
		}
	}
	return false;
}

void watch_go_on_finding(struct watch *w)
{
	struct scene scene = watch_scene(w);
	uint64_t end = monotonic_now_ms() + FIND_MS;
	while (!look_at_some(w, &scene)) {
		if (monotonic_now_ms() < end)
			continue;
		watch_say(w, "looking for %s, any key stops it ...",
			  strbuf_text(&w->find.text));
		return;
	}
}
