/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "finding_groups.h"

/*
 * Command lines that do not fit production (domain-facts.md 6). Only what the
 * command line alone decides; what was not visible is not judged.
 */
struct subject {
	const struct launch *launch;
	bool is_public; /* a listener of the service is reachable from elsewhere */
};

static bool is_given(const struct subject *s, enum stack_flag flag)
{
	return s->launch->flags[flag].origin == FLAG_GIVEN;
}

static bool is_default(const struct subject *s, enum stack_flag flag)
{
	return s->launch->flags[flag].origin == FLAG_DEFAULT;
}

static double value_of(const struct subject *s, enum stack_flag flag)
{
	return s->launch->flags[flag].value;
}

static bool has_class(const struct subject *s, const char *part)
{
	return strstr(s->launch->worker_class, part) != NULL;
}

static bool is_sync(const struct subject *s)
{
	return stack_is_sync(s->launch);
}

static bool reloads_in_public(const struct subject *s)
{
	return s->is_public && is_given(s, STACK_RELOAD);
}

static bool is_development_in_public(const struct subject *s)
{
	return s->is_public && s->launch->stack->is_development;
}

static bool is_watchdog_off(const struct subject *s)
{
	return is_given(s, STACK_TIMEOUT) && value_of(s, STACK_TIMEOUT) <= 0;
}

static bool is_watchdog_slow(const struct subject *s)
{
	return is_sync(s) && is_given(s, STACK_TIMEOUT) &&
	       value_of(s, STACK_TIMEOUT) > 60;
}

static bool is_one_sync_worker(const struct subject *s)
{
	bool is_one = is_default(s, STACK_WORKERS) ||
		      (is_given(s, STACK_WORKERS) && value_of(s, STACK_WORKERS) <= 1);
	return is_sync(s) && is_one;
}

static bool is_uvicorn_worker_short(const struct subject *s)
{
	return has_class(s, "UvicornWorker") && is_default(s, STACK_KEEP_ALIVE);
}

static bool pings_late(const struct subject *s)
{
	double seconds = value_of(s, STACK_WS_PING_INTERVAL);
	return is_given(s, STACK_WS_PING_INTERVAL) && (seconds <= 0 || seconds > 50);
}

static bool pings_off(const struct subject *s)
{
	return is_default(s, STACK_WS_PING_INTERVAL);
}

static bool limits_concurrency(const struct subject *s)
{
	return is_given(s, STACK_LIMIT_CONCURRENCY);
}

static const struct risk {
	const char *stack; /* NULL = any */
	bool (*check)(const struct subject *s);
	enum severity severity;
	const char *summary, *evidence;
	const char *aspect; /* of the finding: names its remedies in knowledge/ */
} risks[] = {
	{ "uvicorn", reloads_in_public, SEVERITY_WARNING,
	  "uvicorn --reload on a public address",
	  "every changed file ends all connections, and only one worker serves",
	  "reload" },
	{ "gunicorn", reloads_in_public, SEVERITY_WARNING,
	  "gunicorn --reload on a public address",
	  "every changed file restarts the workers and ends their requests", "reload" },
	{ "hypercorn", reloads_in_public, SEVERITY_WARNING,
	  "hypercorn --reload on a public address",
	  "every changed file ends all connections", "reload" },
	{ NULL, is_development_in_public, SEVERITY_WARNING,
	  "a development server on a public address",
	  "it is made for one developer: no limits, no watchdog, debug pages",
	  "development" },
	{ "gunicorn", is_watchdog_off, SEVERITY_WARNING,
	  "gunicorn --timeout 0: a hung worker is never replaced",
	  "the watchdog that kills a silent worker is off (default 30 s)",
	  "watchdog-off" },
	{ "gunicorn", is_watchdog_slow, SEVERITY_INFO,
	  "gunicorn sync workers with --timeout above 60 s",
	  "a hung sync worker is replaced only after that time", "sync-watchdog-late" },
	{ "gunicorn", is_one_sync_worker, SEVERITY_INFO,
	  "gunicorn with one sync worker: one request at a time",
	  "one slow request makes all others wait in the accept queue",
	  "one-sync-worker" },
	{ "gunicorn", is_uvicorn_worker_short, SEVERITY_INFO,
	  "gunicorn with UvicornWorker keeps idle connections for 2 s only",
	  "no --keep-alive is given (default 2 s); --timeout bounds a blocked event "
	  "loop, not a request",
	  "keep-alive-short" },
	{ NULL, pings_late, SEVERITY_INFO,
	  "WebSocket pings off or rarer than every 50 s",
	  "dead WebSocket peers are noticed late or never, and proxies cut at 60 s",
	  "pings-late" },
	{ "hypercorn", pings_off, SEVERITY_INFO,
	  "hypercorn without --websocket-ping-interval",
	  "WebSocket pings are off by default: dead peers are not noticed",
	  "pings-off" },
	{ "uvicorn", limits_concurrency, SEVERITY_INFO,
	  "uvicorn --limit-concurrency: more clients get 503",
	  "idle kept connections count as well", "limit-concurrency" },
};

static bool is_service_public(const struct report *r, const struct service *s)
{
	for (size_t i = 0; i < s->listener_count; i++)
		if (!ip_address_is_loopback(&r->snap->sockets[s->listeners[i]].local))
			return true;
	return false;
}

bool is_service_selected(const struct report *r, const struct service *s)
{
	for (size_t i = 0; i < s->listener_count; i++)
		if (r->assessments[s->listeners[i]].is_selected)
			return true;
	return false;
}

bool has_selected_service(const struct report *r)
{
	for (size_t i = 0; i < r->service_count; i++)
		if (is_service_selected(r, &r->services[i]))
			return true;
	return false;
}

/* Workers with a listener each, or a second port: one command line, told once. */
static bool is_told_already(const struct report *r, const struct risk *risk,
			    const struct process *told_by)
{
	for (size_t i = 0; i < r->finding_count; i++) {
		const struct finding *f = &r->findings[i];
		if (f->kind != FINDING_RISKY_FLAGS ||
		    strcmp(f->summary, risk->summary) != 0)
			continue;
		const struct process *p = &r->snap->processes[f->process];
		bool is_same_line =
			p->cmdline_len && p->cmdline_len == told_by->cmdline_len &&
			memcmp(p->cmdline, told_by->cmdline, p->cmdline_len) == 0;
		if (p == told_by || is_same_line)
			return true;
	}
	return false;
}

static void add_risk(struct report *r, const struct risk *risk, int32_t service,
		     const struct launch *launch)
{
	const struct service *s = &r->services[service];
	struct group g = { .kind = FINDING_RISKY_FLAGS,
			   .service = service,
			   .process = (int32_t)(launch->told_by - r->snap->processes) };
	struct finding *f = add_finding(r, &g);
	f->severity = risk->severity;
	f->confidence = CONFIDENCE_PROVEN;
	f->acts = ACTS_LOCAL_APP;
	f->value = (double)s->process_count;
	f->unit = "{process}";
	set_summary(f, "%s", risk->summary);
	add_evidence(f, "%s", risk->evidence);
	add_evidence(f,
		     "seen on the command line of process %d (%s); %zu process%s on %s",
		     launch->told_by->pid, launch->stack->name, s->process_count,
		     s->process_count == 1 ? "" : "es", s->listener_text);
	f->aspect = risk->aspect;
}

/* Who started it may be the development server: nodemon, or a reloader. */
static bool recognise(const struct report *r, const struct process *p,
		      struct launch *launch)
{
	stack_recognise(r->snap, p, launch);
	const struct process *parent = process_parent(r->snap, p);
	struct launch above;
	if (!parent || (launch->stack && launch->stack->is_development))
		return launch->stack != NULL;
	stack_recognise(r->snap, parent, &above);
	if (above.stack && above.stack->is_development)
		*launch = above;
	return launch->stack != NULL;
}

enum { RISK_COUNT = sizeof(risks) / sizeof(*risks) };

static void find_in_process(struct report *r, int32_t service,
			    const struct launch *launch, bool is_told[RISK_COUNT])
{
	const struct subject subject = {
		launch,
		is_service_public(r, &r->services[service]),
	};
	for (size_t i = 0; i < RISK_COUNT; i++) {
		const struct risk *risk = &risks[i];
		if (is_told[i] ||
		    (risk->stack && strcmp(risk->stack, launch->stack->name) != 0) ||
		    !risk->check(&subject) || is_told_already(r, risk, launch->told_by))
			continue;
		is_told[i] = true;
		add_risk(r, risk, service, launch);
	}
}

/* Each risk once for a service, however many workers share its command line. */
void find_risky_flags(struct report *r)
{
	for (size_t i = 0; i < r->service_count; i++) {
		const struct service *s = &r->services[i];
		bool is_told[RISK_COUNT] = { false };
		struct launch launch;
		if (!is_service_selected(r, s))
			continue;
		for (size_t j = 0; j < s->process_count; j++)
			if (recognise(r, &r->snap->processes[s->processes[j]], &launch))
				find_in_process(r, (int32_t)i, &launch, is_told);
	}
}
