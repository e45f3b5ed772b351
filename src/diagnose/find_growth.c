/* SPDX-License-Identifier: MIT */
#include "growth.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "conn-doctor/memory.h"
#include "conn-doctor/strbuf.h"
#include "tally.h"

/* What grows over the window, and when it meets its limit. */

static struct trend_demand demand_of(const struct report *r)
{
	return (struct trend_demand){
		.min_points = limit_value(r, LIMIT_TREND_POINTS),
		.min_window_ms = limit_value(r, LIMIT_TREND_WINDOW),
	};
}

bool growth_of(const struct report *r, const struct series_scope *scope,
	       enum series_metric metric, uint32_t now, struct trend *out)
{
	struct series_point points[SERIES_POINTS + 1];
	struct trend_demand demand = demand_of(r);
	size_t count = series_with_report(r, scope, metric, now, points);
	return trend_find(points, count, &demand, out);
}

/* "+3.0/s", "+12/min", "+5.0/h": the shortest unit in which it is 1 or more. */
static void put_rate(struct strbuf *out, double per_ms)
{
	static const struct {
		double ms;
		const char *name;
	} units[] = { { 1e3, "s" }, { 60e3, "min" }, { 3600e3, "h" } };
	size_t i = 0;
	while (i < 2 && per_ms * units[i].ms < 1)
		i++;
	double rate = per_ms * units[i].ms;
	strbuf_addf(out, "+%.*f/%s", rate < 10 ? 1 : 0, rate, units[i].name);
}

/* A duration of which only the first figures mean anything. */
static char *print_rough(double ms, char out[static FORMAT_SIZE])
{
	double step = ms < 120e3 ? 1e3 : ms < 7200e3 ? 60e3 : 3600e3;
	return duration_print((uint64_t)(round(ms / step) * step), out);
}

/* "; the limit of 1024 descriptors in 40m to 1h5m" */
static void put_eta(struct strbuf *out, const struct trend_eta *eta, uint64_t limit,
		    const char *what)
{
	char early[FORMAT_SIZE], late[FORMAT_SIZE];
	bool is_bounded = !isinf(eta->late_ms);
	strbuf_addf(out, "; the limit of %" PRIu64 " %s in %s%s", limit, what,
		    is_bounded ? "" : "at least ", print_rough(eta->early_ms, early));
	if (is_bounded && strcmp(early, print_rough(eta->late_ms, late)) != 0)
		strbuf_addf(out, " to %s", late);
}

/* "CLOSE_WAIT +12/min over 10m (40 samples)" */
static void put_trend(struct strbuf *out, const char *what, const struct trend *t)
{
	char window[FORMAT_SIZE];
	strbuf_addf(out, "%s ", what);
	put_rate(out, t->slope);
	strbuf_addf(out, " over %s (%zu samples)",
		    print_rough((double)t->window_ms, window), t->point_count);
}

/* When the process has no descriptors left if `t` goes on. */
static bool foresee_descriptors(const struct process *p, const struct trend *t,
				struct trend_eta *eta)
{
	return p && p->fd_count >= 0 && p->fd_limit > 0 &&
	       trend_foresee(t, (double)(p->fd_limit - p->fd_count), eta);
}

static void say_descriptors(struct finding *f, const char *what,
			    const struct process *p, const struct trend *t)
{
	auto_strbuf struct strbuf text = { 0 };
	struct trend_eta eta;
	put_trend(&text, what, t);
	if (foresee_descriptors(p, t, &eta))
		put_eta(&text, &eta, (uint64_t)p->fd_limit, "descriptors");
	add_evidence(f, "%s", strbuf_text(&text));
}

bool say_leak_growth(const struct report *r, struct finding *f)
{
	struct trend t;
	struct series_scope scope;
	uint32_t now;
	if (f->process != NO_INDEX) {
		scope = series_of_process(r, (size_t)f->process);
		now = r->process_close_wait[f->process];
	} else if (f->service != NO_INDEX) {
		scope = series_of_service(r, (size_t)f->service);
		now = r->services[f->service].now.of[SERIES_CLOSE_WAIT];
	} else {
		return false;
	}
	if (!growth_of(r, &scope, SERIES_CLOSE_WAIT, now, &t))
		return false;
	say_descriptors(f, "CLOSE_WAIT", process_at(r, f->process), &t);
	return true;
}

static bool descriptor_growth(const struct report *r, size_t process, struct trend *t)
{
	struct series_scope scope = series_of_process(r, process);
	int64_t count = r->snap->processes[process].fd_count;
	return count >= 0 && count < SERIES_UNKNOWN &&
	       growth_of(r, &scope, SERIES_DESCRIPTORS, (uint32_t)count, t);
}

bool say_descriptor_growth(const struct report *r, struct finding *f, size_t process)
{
	struct trend t;
	if (!descriptor_growth(r, process, &t))
		return false;
	say_descriptors(f, "descriptors", &r->snap->processes[process], &t);
	return true;
}

bool say_queue_growth(const struct report *r, struct finding *f)
{
	auto_strbuf struct strbuf text = { 0 };
	const struct service *s = &r->services[f->service];
	struct series_scope scope = series_of_service(r, (size_t)f->service);
	struct trend t;
	struct trend_eta eta;
	if (!growth_of(r, &scope, SERIES_ACCEPT_QUEUE, s->now.of[SERIES_ACCEPT_QUEUE],
		       &t))
		return false;
	put_trend(&text, "waiting", &t);
	/* A backlog of n holds n + 1. */
	uint64_t limit = s->accept_queue_limit + s->listener_count;
	if (trend_foresee(&t, (double)limit - (double)s->accept_queue_count, &eta))
		put_eta(&text, &eta, limit, "places");
	add_evidence(f, "%s", strbuf_text(&text));
	return true;
}

/* Enough to matter, and no small part of what was there. */
static bool matters(const struct report *r, const struct trend *t)
{
	double before = t->last - t->rise;
	double share = (double)limit_value(r, LIMIT_GROWTH_SHARE) / 1000;
	return t->rise >= (double)limit_value(r, LIMIT_GROWTH_MIN) &&
	       t->rise >= share * before;
}

/* Whether the process is at its limit soon, its descriptors growing as they do. */
static bool is_soon_full(const struct report *r, size_t process, struct trend *t)
{
	struct trend_eta eta;
	return descriptor_growth(r, process, t) && matters(r, t) &&
	       foresee_descriptors(&r->snap->processes[process], t, &eta) &&
	       eta.middle_ms <= (double)limit_value(r, LIMIT_GROWTH_ETA);
}

int64_t descriptors_end_in_ms(const struct report *r, size_t process)
{
	struct trend t;
	struct trend_eta eta;
	if (!r->series || !descriptor_growth(r, process, &t) || !matters(r, &t) ||
	    !foresee_descriptors(&r->snap->processes[process], &t, &eta) ||
	    !isfinite(eta.middle_ms))
		return DERIVED_UNKNOWN;
	return (int64_t)eta.middle_ms;
}

/* What grows, worst first. More clients are no fault, the others are. */
static const struct growth_kind {
	enum series_metric metric;
	const char *what, *name;
	bool is_fault;
	enum finding_kind told_by[2]; /* these explain it when they stand there */
} growth_kinds[] = {
	{ SERIES_CLOSE_WAIT,
	  "connections in CLOSE_WAIT",
	  "CLOSE_WAIT",
	  true,
	  { FINDING_CLOSE_WAIT_LEAK, FINDING_STUCK_WORKER } },
	{ SERIES_HALF_OPEN,
	  "half-open connections",
	  "half-open",
	  true,
	  { FINDING_HALF_OPEN, FINDING_HALF_OPEN } },
	{ SERIES_CONNECTIONS,
	  "connections",
	  "connections",
	  false,
	  { FINDING_KIND_COUNT, FINDING_KIND_COUNT } },
};

/* The finding of that service that tells the reason, NULL = none. */
static struct finding *explanation(struct report *r, const struct growth_kind *kind,
				   int32_t service)
{
	for (size_t i = 0; i < r->finding_count; i++) {
		struct finding *f = &r->findings[i];
		if (f->service == service &&
		    (f->kind == kind->told_by[0] || f->kind == kind->told_by[1]))
			return f;
	}
	return NULL;
}

/* A leak has said so of its process already. */
static void tell_explanation(struct finding *f, const struct growth_kind *kind,
			     const struct trend *t)
{
	if (f->kind != FINDING_CLOSE_WAIT_LEAK)
		say_descriptors(f, kind->name, NULL, t);
}

static struct finding *add_growth(struct report *r, const struct growth_kind *kind,
				  int32_t service, int32_t process,
				  const struct trend *t)
{
	struct group g = { .kind = FINDING_CONNECTION_GROWTH,
			   .service = service,
			   .process = process,
			   .likely_count = 1 };
	char window[FORMAT_SIZE];
	struct finding *f = add_finding(r, &g);
	f->acts = ACTS_LOCAL_APP;
	f->severity = kind && kind->is_fault ? SEVERITY_WARNING : SEVERITY_INFO;
	f->value = round(t->rise);
	f->unit = kind ? "{connection}" : "{descriptor}";
	f->warning = (double)limit_value(r, LIMIT_GROWTH_MIN) - 1;
	f->since_cs = (uint32_t)(t->window_ms / 10);
	set_summary(f, "%.0f more %s in %s, and growing; %.0f now", f->value,
		    kind ? kind->what : "descriptors",
		    print_rough((double)t->window_ms, window), t->last);
	return f;
}

/* Of all of the service's processes, the limits in sight. */
static void say_processes(const struct report *r, struct finding *f)
{
	const struct service *s = &r->services[f->service];
	struct trend t;
	for (size_t i = 0; i < s->process_count; i++) {
		if (!is_soon_full(r, s->processes[i], &t))
			continue;
		if (f->process == NO_INDEX)
			f->process = (int32_t)s->processes[i];
		f->severity = SEVERITY_WARNING;
		say_descriptors(f, "descriptors", &r->snap->processes[s->processes[i]],
				&t);
	}
}

static void advise(const struct report *r, struct finding *f)
{
	if (f->service != NO_INDEX)
		add_next(f, "conn-doctor watch :%u   shows what is being added",
			 r->services[f->service].port);
	const struct process *p = process_at(r, f->process);
	if (p)
		add_next(f,
			 "ls -l /proc/%d/fd | awk '{print $NF}' | sort | uniq -c | "
			 "sort -n",
			 p->pid);
}

static bool find_kind(struct report *r, size_t service, const struct growth_kind *kind)
{
	struct trend t;
	struct series_scope scope = series_of_service(r, service);
	if (!growth_of(r, &scope, kind->metric,
		       r->services[service].now.of[kind->metric], &t) ||
	    !matters(r, &t))
		return false;
	struct finding *f = explanation(r, kind, (int32_t)service);
	if (f) {
		tell_explanation(f, kind, &t);
		return true;
	}
	f = add_growth(r, kind, (int32_t)service, NO_INDEX, &t);
	say_descriptors(f, kind->name, NULL, &t);
	say_processes(r, f);
	advise(r, f);
	return true;
}

/* Of one service the worst growth is told, the rest is part of it. */
static void find_service(struct report *r, size_t service)
{
	size_t count = sizeof(growth_kinds) / sizeof(*growth_kinds);
	for (size_t i = 0; i < count; i++)
		if (find_kind(r, service, &growth_kinds[i]))
			return;
}

/* Another finding names the process, or a service it belongs to grows. */
static bool is_told(const struct report *r, size_t process)
{
	for (size_t i = 0; i < r->finding_count; i++) {
		const struct finding *f = &r->findings[i];
		bool is_about = f->kind == FINDING_FD_EXHAUSTION ||
				f->kind == FINDING_CLOSE_WAIT_LEAK ||
				f->kind == FINDING_CONNECTION_GROWTH;
		if (is_about && f->process == (int32_t)process)
			return true;
	}
	return false;
}

/* A client's leak shows in no service, but in its descriptors. */
static void find_process(struct report *r, size_t process)
{
	struct trend t;
	if (is_told(r, process) || !is_soon_full(r, process, &t))
		return;
	struct finding *f = add_growth(r, NULL, NO_INDEX, (int32_t)process, &t);
	f->severity = SEVERITY_WARNING;
	say_descriptors(f, "descriptors", &r->snap->processes[process], &t);
	advise(r, f);
}

/*
 * A pool that fills up is used up soon, or it leaks. That it grows is no fault: it
 * may be warming up.
 */
static void find_pool_growth(struct report *r, size_t pool)
{
	uint64_t size = 0;
	struct trend t;
	struct trend_eta eta;
	const struct pool_count *p = &r->pools[pool];
	struct series_scope scope = series_of_pool(r, pool);
	target_value(report_target_of(r, p->row), TARGET_POOL_SIZE, &size, NULL);
	if (p->count >= size || !growth_of(r, &scope, SERIES_CONNECTIONS, p->count, &t))
		return;
	double share = (double)limit_value(r, LIMIT_GROWTH_SHARE) / 1000;
	if (t.rise < share * (double)size ||
	    !trend_foresee(&t, (double)(size - p->count), &eta) ||
	    eta.middle_ms > (double)limit_value(r, LIMIT_GROWTH_ETA))
		return;
	auto_strbuf struct strbuf text = { 0 };
	struct finding *f =
		add_growth(r, &growth_kinds[2], NO_INDEX, process_index(r, p->row), &t);
	set_upstream(f, &r->snap->sockets[p->row]);
	put_trend(&text, "connections", &t);
	put_eta(&text, &eta, size, "connections of the pool");
	set_summary(f,
		    "pool to %s: %" PRIu32 " of %" PRIu64 " connections, and growing",
		    f->peer, p->count, size);
	add_evidence(f, "%s", strbuf_text(&text));
	add_next(f, "conn-doctor watch 'dst %s'   shows what is being added", f->peer);
}

bool has_connections(const struct report *r)
{
	return r->selected_count > r->verdicts[VERDICT_LISTENING];
}

bool has_growth_window(const struct report *r)
{
	struct series_point points[SERIES_POINTS + 1];
	struct series_scope host = series_of_host();
	struct trend_demand demand = demand_of(r);
	size_t count = series_with_report(r, &host, SERIES_CONNECTIONS,
					  r->now.of[SERIES_CONNECTIONS], points);
	return trend_is_askable(points, count, &demand);
}

void find_connection_growth(struct report *r)
{
	if (!has_growth_window(r))
		return;
	for (size_t i = 0; i < r->service_count; i++)
		if (r->services[i].connection_count)
			find_service(r, i);
	auto_free bool *is_owner = selected_owners(r);
	for (size_t i = 0; i < r->snap->process_count; i++)
		if (is_owner[i])
			find_process(r, i);
	for (size_t i = 0; i < r->pool_count; i++)
		find_pool_growth(r, i);
}
