/* SPDX-License-Identifier: MIT */
#include "conn-doctor/state.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "conn-doctor/format.h"
#include "conn-doctor/frame.h"
#include "conn-doctor/memory.h"
#include "conn-doctor/u64_map.h"
#include "state_disk.h"
#include "state_parts.h"

enum { FILTER_SIZE = 8 };

struct state {
	char *path;
	int lock_fd;
	struct strbuf bytes; /* of the file, until they were recalled */
	enum memory_status status;
	uint64_t gap_ms;
	uint64_t filter; /* identity of this run's filter */
	struct episodes episodes;
	struct strbuf series; /* u64 identity of the filter, then the series */
	char *complaint;
};

struct state *state_open(const char *path, uint64_t timeout_ms, struct error *err)
{
	int fd = disk_lock(path, timeout_ms, err);
	if (fd < 0)
		return NULL;
	struct state *s = xcalloc(1, sizeof(*s));
	s->path = xstrdup(path);
	s->lock_fd = fd;
	s->status = MEMORY_NEW;
	if (disk_read(path, &s->bytes, err) == 0)
		return s;
	state_free(s);
	return NULL;
}

void state_free(struct state *s)
{
	if (!s)
		return;
	close(s->lock_fd);
	episodes_clear(&s->episodes);
	strbuf_clear(&s->series);
	strbuf_clear(&s->bytes);
	free(s->complaint);
	free(s->path);
	free(s);
}

static uint64_t identity_of(const char *text)
{
	uint64_t hash = strlen(text);
	for (const char *p = text; *p; p++)
		hash = u64_hash(hash ^ (uint8_t)*p) + 1;
	return hash;
}

/* The namespace this program runs in, whose counters the snapshot holds. */
static uint64_t own_netns(const struct snapshot *snap)
{
	for (size_t i = 0; i < snap->netns_count; i++)
		if (strcmp(snap->namespaces[i].name, "self") == 0)
			return snap->namespaces[i].inode;
	return snap->netns_count ? snap->namespaces[0].inode : 0;
}

/* 20261121T125015Z */
static char *stamp_print(uint64_t realtime_ns, char out[static FORMAT_SIZE])
{
	char text[FORMAT_SIZE], *end = out;
	time_print_utc(realtime_ns, text);
	for (const char *p = text; *p && *p != '.'; p++)
		if (*p != '-' && *p != ':')
			*end++ = *p;
	snprintf(end, (size_t)(out + FORMAT_SIZE - end), "Z");
	return out;
}

static void set_aside(struct state *s, const struct snapshot *snap, const char *why)
{
	char stamp[FORMAT_SIZE];
	auto_free char *target =
		disk_set_aside(s->path, stamp_print(snap->realtime_ns, stamp));
	int errnum = errno;
	s->status = MEMORY_DAMAGED;
	free(s->complaint);
	s->complaint =
		target ? xasprintf("the state file '%s' is not used, %s; set aside as "
				   "'%s'",
				   s->path, why, target)
		       : xasprintf("the state file '%s' is not used, %s; it could not "
				   "be set aside: %s",
				   s->path, why, strerror(errnum));
}

/* Whether the file speaks of this boot, namespace and clock. */
static enum memory_status relation(const struct state_head *head,
				   const struct snapshot *snap)
{
	if (!snap->boot_id[0])
		return MEMORY_FOREIGN;
	if (strcmp(head->boot_id, snap->boot_id) != 0)
		return strcmp(head->host, snap->host) == 0 ? MEMORY_RESTARTED
							   : MEMORY_FOREIGN;
	if (head->netns != own_netns(snap) || head->monotonic_ms > snap->monotonic_ms)
		return MEMORY_FOREIGN;
	return MEMORY_CONTINUED;
}

/* Nothing is taken from a file of which a part cannot be read. */
static bool take_parts(struct state *s, const struct state_file *file,
		       const struct snapshot *snap, struct history *h)
{
	if (file->episodes.bytes &&
	    !episodes_decode(&s->episodes, file->episodes.bytes, file->episodes.len,
			     snap->monotonic_ms)) {
		episodes_clear(&s->episodes);
		return false;
	}
	if (file->history.bytes &&
	    !history_decode(h, file->history.bytes, file->history.len,
			    snap->monotonic_ms)) {
		episodes_clear(&s->episodes);
		return false;
	}
	if (file->series.bytes)
		strbuf_add_len(&s->series, (const char *)file->series.bytes,
			       file->series.len);
	return true;
}

void state_recall(struct state *s, const struct snapshot *snap, const char *filter,
		  struct history *h)
{
	struct state_file file;
	s->filter = identity_of(filter);
	if (s->bytes.len == 0)
		return;
	const char *why = s->bytes.len > STATE_FILE_MAX
				  ? "it is too large"
				  : state_parse(&file, (const uint8_t *)s->bytes.text,
						s->bytes.len);
	if (!why) {
		s->status = relation(&file.head, snap);
		s->gap_ms = snap->monotonic_ms - file.head.monotonic_ms;
	}
	if (!why && s->status == MEMORY_CONTINUED && !take_parts(s, &file, snap, h))
		why = "it is damaged";
	if (why)
		set_aside(s, snap, why);
	strbuf_clear(&s->bytes);
}

const char *state_complaint(const struct state *s)
{
	return s->complaint ? s->complaint : "";
}

void state_follow(struct state *s, struct report *r, bool with_findings)
{
	r->memory = s->status;
	r->memory_gap_ms = s->status == MEMORY_CONTINUED ? s->gap_ms : 0;
	if (with_findings)
		episodes_follow(&s->episodes, r, s->filter);
}

static void add_sections(struct state *s, const struct history *h, struct strbuf *out)
{
	size_t at = state_begin_section(out, SECTION_HISTORY);
	history_encode(h, out);
	state_end_section(out, at);
	at = state_begin_section(out, SECTION_EPISODES);
	episodes_encode(&s->episodes, out);
	state_end_section(out, at);
	if (s->series.len == 0)
		return;
	at = state_begin_section(out, SECTION_SERIES);
	strbuf_add_len(out, s->series.text, s->series.len);
	state_end_section(out, at);
}

int state_save(struct state *s, const struct snapshot *snap, const struct history *h,
	       struct error *err)
{
	auto_strbuf struct strbuf out = { 0 };
	struct state_head head = {
		.realtime_ns = snap->realtime_ns,
		.monotonic_ms = snap->monotonic_ms,
		.netns = own_netns(snap),
	};
	snprintf(head.boot_id, sizeof(head.boot_id), "%s", snap->boot_id);
	snprintf(head.host, sizeof(head.host), "%s", snap->host);
	state_begin(&out, &head);
	add_sections(s, h, &out);
	state_end(&out);
	if (out.len > STATE_FILE_MAX)
		return error_set(err, ERROR_SYSTEM,
				 "the state of %zu sockets does not fit into '%s'; "
				 "select fewer with a filter",
				 snap->socket_count, s->path);
	return disk_replace(s->path, &out, err);
}

void state_recall_series(struct state *s, struct series *out)
{
	const uint8_t *bytes = (const uint8_t *)s->series.text;
	/* Another filter counts other connections. */
	if (s->series.len >= FILTER_SIZE && get_le64(bytes) == s->filter)
		series_decode(out, bytes + FILTER_SIZE, s->series.len - FILTER_SIZE);
}

void state_keep_series(struct state *s, const struct series *series)
{
	uint8_t filter[FILTER_SIZE];
	put_le64(filter, s->filter);
	strbuf_reset(&s->series);
	strbuf_add_len(&s->series, (const char *)filter, sizeof(filter));
	series_encode(series, &s->series);
}
