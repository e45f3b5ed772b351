/* SPDX-License-Identifier: MIT */
#ifndef CONN_DOCTOR_TUI_EVENT_LOG_H
#define CONN_DOCTOR_TUI_EVENT_LOG_H

#include <stddef.h>
#include <stdint.h>

#include "conn-doctor/verdict.h"

/*
 * What happened, in a ring: the oldest are dropped, and how many is known. An
 * event's number is its identity, it counts from 1.
 */
enum event_kind {
	EVENT_WATCH, /* it began; the time was moved */
	EVENT_TRAFFIC,
	EVENT_CONNECTION,
	EVENT_FINDING,
	EVENT_SERVICE,
	EVENT_ERROR,
	EVENT_KIND_COUNT
};

/* 4096 are an hour of a host that has an event each second; 1 MiB at most. */
enum { EVENTS_MAX = 4096, EVENT_TEXT_SIZE = 232 };

struct event {
	uint64_t realtime_ns;
	uint64_t subject; /* cookie, fingerprint, ...; 0 = none */
	const char *code; /* that explain knows, of a table; NULL = none */
	enum severity severity;
	uint8_t kind;
	char text[EVENT_TEXT_SIZE]; /* sanitized */
};

struct event_log {
	struct event *ring;
	uint64_t total; /* ever added: the number of the newest */
};

const char *event_kind_name(enum event_kind kind);

size_t event_log_count(const struct event_log *log);
uint64_t event_log_dropped(const struct event_log *log);

/* The event with the number, NULL when it was dropped or has not happened. */
const struct event *event_log_find(const struct event_log *log, uint64_t number);
/* The newest one, to be changed; NULL when there is none. */
struct event *event_log_newest(struct event_log *log);

/* The text is sanitized, and cut where it is too long. */
struct event *event_log_add(struct event_log *log, enum event_kind kind,
			    uint64_t realtime_ns, const char *text);
void event_set_text(struct event *e, const char *text);

/* `to` is an older state of `from`, or empty: only what it lacks is copied. */
void event_log_copy(struct event_log *to, const struct event_log *from);
void event_log_clear(struct event_log *log);

#endif
