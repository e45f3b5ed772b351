/* SPDX-License-Identifier: MIT */
#include "watch_state.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "conn-doctor/memory.h"
#include "conn-doctor/text.h"

/*
 * The page of a row: all about it, or the same as JSON, or what its code means.
 * What has gone stays as it was last known.
 */

/* The page stays as it was last known, and says since when. */
static void note_page_gone(struct watch *w)
{
	time_t seconds = (time_t)(w->frame->snap.realtime_ns / 1000000000);
	struct tm tm;
	char text[16];
	if (w->page_gone.len)
		return;
	if (!localtime_r(&seconds, &tm) ||
	    !strftime(text, sizeof(text), "%H:%M:%S", &tm))
		text[0] = '\0';
	/* A recording can be wound back to before there was such a thing. */
	bool is_later = w->frame->snap.realtime_ns < w->page_ns;
	strbuf_addf(&w->page_gone,
		    is_later ? "NOT THERE at %s, as seen later: "
			     : "GONE since %s, as last seen: ",
		    text);
}

/*
 * From the collector, who knows the past, or from the frame alone; then he is
 * asked, and answers if the frame is his newest.
 */
static bool make_detail(struct watch *w)
{
	struct detail *detail = &w->frame->detail;
	bool is_connection = w->view.view == VIEW_CONNECTIONS;
	if (is_connection && detail->cookie == w->page_id) {
		page_move(&w->page, &detail->page);
		detail_clear(detail);
		return true;
	}
	if (is_connection)
		collector_ask(w->collector, w->page_id);
	return watch_ops(w)->write_page(w->frame, w->page_id, &w->page);
}

/* Lines of another's making, indented as they are. */
static void set_lines(struct page *page, const char *title, const char *text)
{
	page_clear(page);
	page_set_title(page, title);
	while (*text) {
		auto_strbuf struct strbuf line = { 0 };
		size_t len = strcspn(text, "\n");
		text_sanitize(&line, text, len);
		page_add(page, NULL, strbuf_text(&line), PAINT_NORMAL);
		text += len + (text[len] != '\0');
	}
}

static int write_json(const struct watch *w, const struct row_subject *row, FILE *out,
		      struct error *err)
{
	if (!row->has_json)
		return error_set(err, ERROR_UNSUPPORTED,
				 "there is none for the rows of this view");
	return w->options->ports->write_subject(&w->frame->report, &row->subject, out,
						err);
}

static int write_explanation(const struct watch *w, const struct row_subject *row,
			     FILE *out, struct error *err)
{
	struct scene scene = watch_scene(w);
	if (!row->code)
		return error_set(err, ERROR_UNSUPPORTED,
				 "nothing was found about this row");
	return w->options->ports->explain(row->code, row->stack,
					  (size_t)scene.layout.table.width, out, err);
}

typedef int port_function(const struct watch *w, const struct row_subject *row,
			  FILE *out, struct error *err);

static const struct {
	const char *title;
	port_function *write;
} kinds[] = {
	[PAGE_JSON] = { "JSON", write_json },
	[PAGE_EXPLAIN] = { "What it means", write_explanation },
};

/* What a port writes, or why it does not. */
static void make_from_port(struct watch *w, const struct row_subject *row)
{
	struct error err = { 0 };
	auto_free char *text = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&text, &len);
	if (!out)
		return;
	int result = kinds[w->view.page_kind].write(w, row, out, &err);
	fclose(out);
	set_lines(&w->page, kinds[w->view.page_kind].title, result ? err.text : text);
}

static bool make_page(struct watch *w)
{
	struct row_subject row;
	if (w->view.page_kind == PAGE_DETAIL)
		return make_detail(w);
	if (!watch_ops(w)->subject(w->frame, w->page_id, &row)) {
		if (w->page.count)
			return false;
		set_lines(&w->page, kinds[w->view.page_kind].title,
			  "there is none: it is no more, or not yet seen again");
		return true;
	}
	make_from_port(w, &row);
	return true;
}

void watch_update_page(struct watch *w)
{
	if (!w->view.is_open || !w->frame)
		return;
	if (make_page(w)) {
		strbuf_reset(&w->page_gone);
		w->page_ms = w->frame->snap.monotonic_ms;
		w->page_ns = w->frame->snap.realtime_ns;
	} else {
		note_page_gone(w);
	}
}

void watch_change_page(struct watch *w)
{
	page_clear(&w->page);
	strbuf_reset(&w->page_gone);
	w->page_id = view_list(&w->view)->held;
	collector_ask(w->collector, 0);
	watch_update_page(w);
	watch_follow(w);
}

/* An answer may come too late: about another row, or another frame. */
void watch_look_for_answer(struct watch *w)
{
	struct detail answer = { 0 };
	if (!collector_take_answer(w->collector, &answer))
		return;
	if (w->view.is_open && w->view.page_kind == PAGE_DETAIL &&
	    w->view.view == VIEW_CONNECTIONS && answer.cookie == w->page_id &&
	    answer.monotonic_ms == w->page_ms) {
		page_move(&w->page, &answer.page);
		watch_follow(w);
	}
	detail_clear(&answer);
}
