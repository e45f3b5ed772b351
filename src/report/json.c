/* SPDX-License-Identifier: MIT */
#include "json_parts.h"

#include <stdlib.h>
#include <string.h>
#include <threads.h>

#include "conn-doctor/diagnose.h"
#include "conn-doctor/memory.h"
#include "conn-doctor/policy.h"
#include "formats.h"
#include "names.h"

/*
 * The documents conn-doctor.report/1 and conn-doctor.list/1. The long arrays are
 * written element by element into a hand-made frame, so that a million sockets
 * need the memory of one. Fifteen digits write 31.2 as 31.2, not as 31.1999...
 */
#define DUMP_FLAGS (JSON_COMPACT | JSON_REAL_PRECISION(15))

struct writer {
	const struct report *r;
	FILE *out;
	char *buffer;
	size_t capacity;
	bool is_failed;
};

static json_t *verdict_counts(const uint32_t verdicts[VERDICT_COUNT])
{
	json_t *counts = json_object();
	for (size_t v = 0; v < VERDICT_COUNT; v++)
		if (verdicts[v])
			set_integer(counts, verdict_table[v].code, verdicts[v]);
	return counts;
}

static json_t *process_object(const struct process *p, const char *stack)
{
	json_t *o = json_object();
	set_new(o, "pid", json_integer(p->pid));
	set_text(o, "command", p->comm);
	set_text(o, "stack", stack);
	return o;
}

static json_t *service_object(const struct report *r, const struct service *s)
{
	json_t *o = json_object();
	json_t *processes = json_array();
	set_word(o, "listener", s->listener_text);
	const struct target *target = service_target(r, s);
	if (target)
		set_word(o, "target", target->name);
	set_text(o, "namespace", netns_name(r, s->netns));
	set_word(o, "severity", severity_name(s->severity));
	for (size_t i = 0; i < s->process_count; i++)
		json_array_append_new(
			processes,
			process_object(&r->snap->processes[s->processes[i]], s->stack));
	set_new(o, "processes", processes);
	set_integer(o, "accept_queue_count", s->accept_queue_count);
	set_integer(o, "accept_queue_limit_count", s->accept_queue_limit);
	set_new(o, "verdicts", verdict_counts(s->verdicts));
	if (s->detection.count)
		set_detection(o, s->detection.idle_ms,
			      detection_is_exact(&s->detection));
	return o;
}

static json_t *namespaces_array(const struct snapshot *snap)
{
	auto_free size_t *counts = xcalloc(snap->netns_count, sizeof(*counts));
	for (size_t i = 0; i < snap->socket_count; i++)
		if (snap->sockets[i].netns < snap->netns_count)
			counts[snap->sockets[i].netns]++;
	json_t *array = json_array();
	for (size_t i = 0; i < snap->netns_count; i++) {
		json_t *o = json_object();
		set_text(o, "name", snap->namespaces[i].name);
		set_identity(o, "inode", snap->namespaces[i].inode);
		set_integer(o, "sockets",
			    counts[i] + snap->namespaces[i].omitted_count);
		json_array_append_new(array, o);
	}
	return array;
}

static json_t *degraded_array(const struct report *r)
{
	const struct snapshot *snap = r->snap;
	json_t *array = json_array();
	for (size_t i = 0; i < snap->degraded_count; i++) {
		if (!report_is_concerned(r, &snap->degraded[i]))
			continue;
		json_t *o = json_object();
		set_text(o, "what", snap->degraded[i].what);
		set_text(o, "why", snap->degraded[i].why);
		json_array_append_new(array, o);
	}
	return array;
}

/* Rules that could not be asked: neither sick nor healthy. */
static json_t *unknown_array(const struct report *r)
{
	json_t *array = json_array();
	for (size_t i = 0; i < r->unknown_count; i++) {
		json_t *o = json_object();
		set_word(o, "check", finding_table[r->unknown[i].kind].code);
		set_text(o, "reason", r->unknown[i].reason);
		json_array_append_new(array, o);
	}
	return array;
}

static json_t *memory_object(const struct report *r)
{
	json_t *o = json_object();
	set_word(o, "status", memory_name(r->memory));
	if (r->memory == MEMORY_CONTINUED)
		set_seconds(o, "gap_seconds", (int64_t)r->memory_gap_ms);
	return o;
}

/* Connections that were selected, and are not in an excerpt. */
static size_t count_omitted(const struct report *r)
{
	size_t here = 0;
	for (size_t i = 0; i < r->snap->socket_count; i++)
		here += r->assessments[i].is_selected;
	return r->selected_count - here;
}

static json_t *collection_object(const struct report *r)
{
	const struct snapshot *snap = r->snap;
	json_t *o = json_object();
	set_integer(o, "passes", r->pass_count);
	set_new(o, "duration_seconds",
		json_real((double)(r->duration_ns / 1000) / 1e6));
	set_integer(o, "sockets", snap->socket_count + snapshot_omitted_count(snap));
	set_flag(o, "complete", snap->is_complete);
	if (snap->unreadable_count)
		set_integer(o, "unreadable_count", snap->unreadable_count);
	if (r->ignored_count)
		set_integer(o, "ignored_count", r->ignored_count);
	if (count_omitted(r))
		set_integer(o, "omitted_count", count_omitted(r));
	set_new(o, "namespaces", namespaces_array(snap));
	set_new(o, "degraded", degraded_array(r));
	if (r->memory != MEMORY_NONE)
		set_new(o, "memory", memory_object(r));
	return o;
}

/* The element, compact, into the reused buffer and out. Consumes it. */
static void write_value(struct writer *w, json_t *value)
{
	size_t len = json_dumpb(value, w->buffer, w->capacity, DUMP_FLAGS);
	if (len > w->capacity) {
		array_reserve(&w->buffer, &w->capacity, len, 1);
		len = json_dumpb(value, w->buffer, w->capacity, DUMP_FLAGS);
	}
	json_decref(value);
	w->is_failed |= len == 0;
	fwrite(w->buffer, 1, len, w->out);
}

/* The members of `head` without the closing brace, which close_document() adds. */
static void open_document(struct writer *w, json_t *head)
{
	auto_free char *text = json_dumps(head, DUMP_FLAGS);
	json_decref(head);
	w->is_failed |= !text;
	if (text)
		fwrite(text, 1, strlen(text) - 1, w->out);
}

static void open_array(struct writer *w, const char *key)
{
	fprintf(w->out, ",\n\"%s\":[", key);
}

static void write_element(struct writer *w, bool is_first, json_t *value)
{
	fputs(is_first ? "\n" : ",\n", w->out);
	write_value(w, value);
}

static void close_array(struct writer *w)
{
	fputc(']', w->out);
}

static void write_services(struct writer *w)
{
	bool is_first = true;
	open_array(w, "services");
	for (size_t i = 0; i < w->r->service_count; i++) {
		if (!is_service_shown(w->r, &w->r->services[i]))
			continue;
		write_element(w, is_first, service_object(w->r, &w->r->services[i]));
		is_first = false;
	}
	close_array(w);
}

static void write_findings(struct writer *w)
{
	open_array(w, "findings");
	for (size_t i = 0; i < w->r->finding_count; i++)
		write_element(w, i == 0, finding_object(w->r, &w->r->findings[i]));
	close_array(w);
}

static void write_connections(struct writer *w, const uint32_t *rows, size_t count)
{
	open_array(w, "connections");
	for (size_t i = 0; i < count; i++)
		write_element(w, i == 0, connection_object(w->r, rows[i]));
	close_array(w);
}

/* Running out of memory ends the program, here as everywhere (memory.h). */
static void use_our_memory(void)
{
	json_set_alloc_funcs(xmalloc, free);
}

/* watch may show one thing while another thread saves all of them. */
static void prepare_jansson(void)
{
	static once_flag is_done = ONCE_FLAG_INIT;
	call_once(&is_done, use_our_memory);
}

static void writer_init(struct writer *w, const struct report *r, FILE *out)
{
	prepare_jansson();
	*w = (struct writer){ .r = r, .out = out };
	array_reserve(&w->buffer, &w->capacity, 4096, 1);
}

static json_t *document_head(const struct report *r, const char *schema)
{
	json_t *head = stamped_object(r, schema);
	set_new(head, "filter", safe_string(r->filter_text, strlen(r->filter_text)));
	return head;
}

static int close_document(struct writer *w, struct error *err)
{
	fputs("}\n", w->out);
	free(w->buffer);
	return w->is_failed ? error_set(err, ERROR_SYSTEM, "cannot encode JSON") : 0;
}

int json_check(const struct report *r, const struct render_options *o, FILE *out,
	       struct error *err)
{
	struct writer w;
	auto_free uint32_t *rows = NULL;
	size_t count = o->rows ? o->row_count
			       : report_worst_first(r, o->all_connections, &rows);
	writer_init(&w, r, out);
	json_t *head = document_head(r, "conn-doctor.report/1");
	set_word(head, "severity", severity_name(r->severity));
	set_new(head, "collection", collection_object(r));
	set_new(head, "verdicts", verdict_counts(r->verdicts));
	if (r->unknown_count)
		set_new(head, "unknown", unknown_array(r));
	open_document(&w, head);
	write_services(&w);
	write_findings(&w);
	write_connections(&w, o->rows ? o->rows : rows, count);
	return close_document(&w, err);
}

static json_t *subject_object(const struct report *r,
			      const struct report_subject *subject)
{
	switch (subject->kind) {
	case SUBJECT_FINDING:
		return finding_object(r, &r->findings[subject->index]);
	case SUBJECT_SERVICE:
		return service_object(r, &r->services[subject->index]);
	case SUBJECT_CONNECTION:
	default:
		return connection_object(r, subject->index);
	}
}

int json_subject(const struct report *r, const struct report_subject *subject,
		 FILE *out, struct error *err)
{
	prepare_jansson();
	json_t *object = subject_object(r, subject);
	int result = json_dumpf(object, out, JSON_INDENT(2) | JSON_REAL_PRECISION(15));
	json_decref(object);
	return result ? error_set(err, ERROR_SYSTEM, "cannot encode JSON") : 0;
}

int json_list(const struct report *r, const struct render_options *o, FILE *out,
	      struct error *err)
{
	(void)o;
	struct writer w;
	auto_free uint32_t *rows = NULL;
	size_t count = report_by_address(r, &rows);
	writer_init(&w, r, out);
	json_t *head = document_head(r, "conn-doctor.list/1");
	set_new(head, "collection", collection_object(r));
	set_new(head, "verdicts", verdict_counts(r->verdicts));
	open_document(&w, head);
	write_connections(&w, rows, count);
	return close_document(&w, err);
}
