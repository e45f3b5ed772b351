/* SPDX-License-Identifier: MIT */
#include "conn-doctor/diagnose.h"

#include "conn-doctor/memory.h"
#include "context.h"

static bool is_selected(const struct filter *filter, const struct context *c,
			const struct assessment *a)
{
	if (!filter)
		return true;
	struct filter_subject subject = {
		.snap = c->report->snap,
		.socket = c->sk,
		.past = c->past,
		.age_ms = c->d.age_ms,
		.verdict = a->verdict,
		.role = a->role,
	};
	return filter_match(filter, &subject);
}

/* Of a server-role row; its listener made the service. */
static struct service *service_of(const struct report *r, const struct tcp_socket *sk)
{
	uint32_t *index = u64_map_find(&r->service_index,
				       (uint64_t)sk->netns << 16 | sk->local_port);
	return &r->services[*index];
}

static void count_for_service(struct service *s, const struct context *c,
			      const struct assessment *a)
{
	s->verdicts[a->verdict]++;
	s->connection_count++;
	detection_add(&s->detection, c);
}

static void assess_row(struct report *r, uint32_t row, const struct filter *filter,
		       bool has_past)
{
	struct context c;
	struct socket_past past;
	struct assessment *a = &r->assessments[row];
	const struct tcp_socket *sk = &r->snap->sockets[row];
	bool is_known = has_past && history_find(r->history, sk->cookie, &past);
	const struct socket_past *seen = is_known ? &past : NULL;
	*a = (struct assessment){ .target = target_of_row(r, row, seen) };
	context_init(&c, r, row, seen);
	a->role = c.d.role & 3;
	verdict_decide(&c, a);
	a->is_selected = is_selected(filter, &c, a);
	if (a->is_selected && is_ignored(r, sk)) {
		a->is_selected = false;
		r->ignored_count++;
	}
	if (!a->is_selected)
		return;
	r->selected_count++;
	r->verdicts[a->verdict]++;
	if (a->role == ROLE_SERVER)
		count_for_service(service_of(r, c.sk), &c, a);
}

/* A service has the target of its listeners, else that of a connection. */
static void take_target(struct report *r, uint32_t row)
{
	const struct service *of_row = report_service_of(r, row);
	if (!of_row || !r->assessments[row].target)
		return;
	struct service *s = &r->services[of_row - r->services];
	bool is_listener = r->snap->sockets[row].state == TCP_STATE_LISTEN;
	if (s->target == NO_INDEX || (is_listener && !s->is_target_of_listener))
		s->target = r->assessments[row].target - 1;
	s->is_target_of_listener |= is_listener;
}

static void find_targets_of_services(struct report *r)
{
	if (!r->policy || !r->policy->target_count)
		return;
	for (size_t i = 0; i < r->snap->socket_count; i++)
		take_target(r, (uint32_t)i);
}

/* What the verdicts of other rows ask for. */
static void note_row(struct report *r, uint32_t row)
{
	uint8_t state = r->snap->sockets[row].state;
	if (state == TCP_STATE_LISTEN)
		services_add_listener(r, row);
	else if (state == TCP_STATE_FIN_WAIT_2)
		half_closed_add(r, row);
}

void diagnose(const struct snapshot *snap, const struct history *past,
	      const struct limits *limits, const struct diagnose_options *options,
	      struct report *out)
{
	report_reset(out);
	out->snap = snap;
	out->history = past;
	out->series = options->series;
	out->limits = limits;
	out->policy = options->policy;
	out->filter_text = options->filter ? options->filter->text : "";
	array_reserve(&out->assessments, &out->assessment_capacity, snap->socket_count,
		      sizeof(*out->assessments));
	for (size_t i = 0; i < snap->socket_count; i++)
		note_row(out, (uint32_t)i);
	services_recognise(out);
	/* The first pass has no past worth a look-up for each row. */
	bool has_past = past && history_pass_count(past) > 1;
	for (size_t i = 0; i < snap->socket_count; i++)
		assess_row(out, (uint32_t)i, options->filter, has_past);
	find_targets_of_services(out);
	series_values_build(out);
	if (options->with_findings)
		findings_build(out);
}
