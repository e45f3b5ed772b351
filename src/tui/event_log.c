/* SPDX-License-Identifier: MIT */
#include "event_log.h"

#include <stdlib.h>
#include <string.h>

#include "conn-doctor/memory.h"
#include "conn-doctor/text.h"

const char *event_kind_name(enum event_kind kind)
{
	static const char *const names[EVENT_KIND_COUNT] = {
		[EVENT_WATCH] = "watch",           [EVENT_TRAFFIC] = "traffic",
		[EVENT_CONNECTION] = "connection", [EVENT_FINDING] = "finding",
		[EVENT_SERVICE] = "service",       [EVENT_ERROR] = "error",
	};
	return names[kind];
}

size_t event_log_count(const struct event_log *log)
{
	return log->total < EVENTS_MAX ? (size_t)log->total : EVENTS_MAX;
}

uint64_t event_log_dropped(const struct event_log *log)
{
	return log->total - event_log_count(log);
}

static struct event *place_of(const struct event_log *log, uint64_t number)
{
	return &log->ring[(number - 1) % EVENTS_MAX];
}

const struct event *event_log_find(const struct event_log *log, uint64_t number)
{
	if (number > log->total || number <= event_log_dropped(log))
		return NULL;
	return place_of(log, number);
}

struct event *event_log_newest(struct event_log *log)
{
	return log->total ? place_of(log, log->total) : NULL;
}

void event_set_text(struct event *e, const char *text)
{
	auto_strbuf struct strbuf safe = { 0 };
	text_sanitize(&safe, text, strlen(text));
	size_t len = safe.len;
	/* Back to the beginning of a character. */
	if (len >= EVENT_TEXT_SIZE)
		for (len = EVENT_TEXT_SIZE - 1; (safe.text[len] & 0xc0) == 0x80;)
			len--;
	memcpy(e->text, strbuf_text(&safe), len);
	e->text[len] = '\0';
}

static void make_room(struct event_log *log)
{
	if (!log->ring)
		log->ring = xcalloc(EVENTS_MAX, sizeof(*log->ring));
}

struct event *event_log_add(struct event_log *log, enum event_kind kind,
			    uint64_t realtime_ns, const char *text)
{
	make_room(log);
	struct event *e = place_of(log, ++log->total);
	*e = (struct event){ .realtime_ns = realtime_ns, .kind = (uint8_t)kind };
	event_set_text(e, text);
	return e;
}

void event_log_copy(struct event_log *to, const struct event_log *from)
{
	if (!from->total)
		return;
	make_room(to);
	/* The newest one that `to` has may have been changed since. */
	uint64_t first = to->total ? to->total : 1;
	if (first <= event_log_dropped(from))
		first = event_log_dropped(from) + 1;
	for (uint64_t n = first; n <= from->total; n++)
		*place_of(to, n) = *place_of(from, n);
	to->total = from->total;
}

void event_log_clear(struct event_log *log)
{
	free(log->ring);
	*log = (struct event_log){ 0 };
}
