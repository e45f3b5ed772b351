/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>

#include "conn-doctor/memory.h"
#include "conn-doctor/report.h"

/* Every row that the report's own parts name is a listener: those are always there. */
static uint32_t *with_listeners(const struct report *from, const uint32_t *rows,
				size_t *count)
{
	size_t listeners = 0;
	for (size_t i = 0; i < from->service_count; i++)
		listeners += from->services[i].listener_count;
	uint32_t *all = xcalloc(*count + listeners + 1, sizeof(*all));
	if (*count)
		memcpy(all, rows, *count * sizeof(*all));
	for (size_t i = 0; i < from->service_count; i++) {
		const struct service *s = &from->services[i];
		for (size_t j = 0; j < s->listener_count; j++)
			all[(*count)++] = s->listeners[j];
	}
	return all;
}

/* Where the row is now. */
static uint32_t row_in(const struct report *out, const struct report *from,
		       uint32_t row)
{
	uint64_t cookie = from->snap->sockets[row].cookie;
	return (uint32_t)(snapshot_find(out->snap, cookie) - out->snap->sockets);
}

static void copy_counts(struct report *out, const struct report *from)
{
	out->limits = from->limits;
	out->policy = from->policy;
	out->filter_text = from->filter_text;
	out->pass_count = from->pass_count;
	out->duration_ns = from->duration_ns;
	out->memory = from->memory;
	out->memory_gap_ms = from->memory_gap_ms;
	out->selected_count = from->selected_count;
	out->ignored_count = from->ignored_count;
	memcpy(out->verdicts, from->verdicts, sizeof(out->verdicts));
	out->now = from->now;
	out->severity = from->severity;
}

static void copy_assessments(struct report *out, const struct report *from,
			     const uint32_t *rows)
{
	size_t count = out->snap->socket_count;
	array_reserve(&out->assessments, &out->assessment_capacity, count,
		      sizeof(*out->assessments));
	for (size_t i = 0; i < count; i++)
		out->assessments[i] = from->assessments[rows[i]];
}

static uint32_t *copy_numbers(const uint32_t *from, size_t count)
{
	uint32_t *copy = xcalloc(count + 1, sizeof(*copy));
	if (count)
		memcpy(copy, from, count * sizeof(*copy));
	return copy;
}

static void copy_service(struct report *out, const struct report *from, size_t i)
{
	const struct service *s = &from->services[i];
	struct service *copy = &out->services[i];
	*copy = *s;
	copy->listeners = copy_numbers(s->listeners, s->listener_count);
	copy->listener_capacity = s->listener_count + 1;
	for (size_t j = 0; j < s->listener_count; j++)
		copy->listeners[j] = row_in(out, from, s->listeners[j]);
	copy->processes = copy_numbers(s->processes, s->process_count);
	copy->process_capacity = s->process_count + 1;
}

static void copy_services(struct report *out, const struct report *from)
{
	array_reserve(&out->services, &out->service_capacity, from->service_count,
		      sizeof(*out->services));
	for (size_t i = 0; i < from->service_count; i++)
		copy_service(out, from, i);
	out->service_count = from->service_count;
	u64_map_copy(&out->service_index, &from->service_index);
}

static void copy_texts(char **out, char *const *from, size_t count)
{
	for (size_t i = 0; i < count; i++)
		out[i] = xstrdup(from[i]);
}

static void copy_findings(struct report *out, const struct report *from)
{
	array_reserve(&out->findings, &out->finding_capacity, from->finding_count,
		      sizeof(*out->findings));
	for (size_t i = 0; i < from->finding_count; i++) {
		const struct finding *f = &from->findings[i];
		struct finding *copy = &out->findings[i];
		*copy = *f;
		copy->summary = xstrdup(f->summary);
		copy_texts(copy->evidence, f->evidence, f->evidence_count);
		copy_texts(copy->next, f->next, f->next_count);
		if (f->listener != NO_INDEX)
			copy->listener =
				(int32_t)row_in(out, from, (uint32_t)f->listener);
	}
	out->finding_count = from->finding_count;
}

static void copy_unknown(struct report *out, const struct report *from)
{
	for (size_t i = 0; i < from->unknown_count; i++) {
		out->unknown[i] = from->unknown[i];
		out->unknown[i].reason = xstrdup(from->unknown[i].reason);
	}
	out->unknown_count = from->unknown_count;
}

/* Afterwards the rows that would tell are not there any more. */
static void drop_unconcerned(struct snapshot *snap, const struct report *from)
{
	size_t kept = 0;
	for (size_t i = 0; i < snap->degraded_count; i++) {
		struct degraded d = snap->degraded[i];
		if (report_is_concerned(from, &d)) {
			snap->degraded[kept++] = d;
			continue;
		}
		free(d.what);
		free(d.why);
	}
	snap->degraded_count = kept;
}

void report_excerpt(const struct report *from, const uint32_t *rows, size_t count,
		    struct snapshot *snap, struct report *out)
{
	auto_free uint32_t *all = with_listeners(from, rows, &count);
	snapshot_excerpt(snap, from->snap, all, count);
	drop_unconcerned(snap, from);
	report_reset(out);
	out->snap = snap;
	copy_counts(out, from);
	copy_assessments(out, from, all);
	copy_services(out, from);
	copy_findings(out, from);
	copy_unknown(out, from);
}
