/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "finding_groups.h"

/*
 * What to change, in the words of the server that is running (domain-facts.md 2
 * and 5; what is popular and wrong is in its section 1). `explain` has more.
 */

static bool has_class(const struct launch *l, const char *part)
{
	return strstr(l->worker_class, part) != NULL;
}

static bool is_uvicorn_worker(const struct launch *l)
{
	return has_class(l, "UvicornWorker");
}

static bool is_sync(const struct launch *l)
{
	return stack_is_sync(l);
}

static bool is_sync_with_watchdog_late(const struct launch *l)
{
	const struct flag_value *timeout = &l->flags[STACK_TIMEOUT];
	return is_sync(l) && timeout->origin == FLAG_GIVEN && timeout->value > 60;
}

static bool is_other_class(const struct launch *l)
{
	return l->is_visible && !is_sync(l) && !is_uvicorn_worker(l);
}

static bool is_one_worker(const struct launch *l)
{
	const struct flag_value *workers = &l->flags[STACK_WORKERS];
	return workers->origin == FLAG_DEFAULT ||
	       (workers->origin == FLAG_GIVEN && workers->value <= 1);
}

#define UNBLOCK                                                           \
	"move blocking calls out of async handlers: plain def, or await " \
	"asyncio.to_thread(...)"
#define BOUND_HANDLERS                                              \
	"bound the handlers, none of its options does: async with " \
	"asyncio.timeout(55)"

static const struct advice {
	enum finding_kind kind;
	const char *stack;
	bool (*when)(const struct launch *l); /* NULL = always */
	const char *text;
} advices[] = {
	{ FINDING_STUCK_WORKER, "uvicorn", NULL, UNBLOCK },
	{ FINDING_STUCK_WORKER, "uvicorn", NULL,
	  "uvicorn has no watchdog; gunicorn -k uvicorn_worker.UvicornWorker --timeout "
	  "30 replaces a blocked worker" },
	{ FINDING_STUCK_WORKER, "uvicorn", is_one_worker,
	  "--workers 4: one blocked loop is then not the whole service" },
	{ FINDING_STUCK_WORKER, "gunicorn", is_uvicorn_worker, UNBLOCK },
	{ FINDING_STUCK_WORKER, "gunicorn", is_sync,
	  "--worker-class gthread --threads 8 (behind nginx), or more --workers: a "
	  "sync "
	  "worker serves one request at a time" },
	{ FINDING_STUCK_WORKER, "gunicorn", is_other_class,
	  "more --threads or --workers help only when the calls they wait for end" },
	{ FINDING_STUCK_WORKER, "hypercorn", NULL, UNBLOCK },
	{ FINDING_STUCK_WORKER, "daphne", NULL,
	  "wrap blocking calls: database_sync_to_async(...), sync_to_async(...)" },
	{ FINDING_STUCK_WORKER, "node", NULL,
	  "no synchronous fs, crypto or large JSON in handlers; "
	  "perf_hooks.monitorEventLoopDelay() shows it" },
	{ FINDING_STUCK_WORKER, "django", NULL,
	  "runserver is for development: serve with gunicorn or uvicorn" },
	{ FINDING_STUCK_WORKER, "redis", NULL,
	  "one slow command (KEYS, a script) holds up all clients; SLOWLOG GET 10 "
	  "names "
	  "it afterwards" },
	{ FINDING_SLOW_RESPONSE, "uvicorn", NULL, BOUND_HANDLERS },
	{ FINDING_SLOW_RESPONSE, "hypercorn", NULL, BOUND_HANDLERS },
	{ FINDING_SLOW_RESPONSE, "daphne", NULL,
	  "bound the handlers: async with asyncio.timeout(55), or --http-timeout 60" },
	{ FINDING_SLOW_RESPONSE, "gunicorn", is_uvicorn_worker,
	  "bound the handlers: async with asyncio.timeout(55); --timeout does not end "
	  "a request that merely waits" },
	{ FINDING_SLOW_RESPONSE, "gunicorn", is_sync_with_watchdog_late,
	  "a shorter --timeout (default 30) replaces a sync worker whose request takes "
	  "longer" },
	{ FINDING_SLOW_READER, "redis", NULL,
	  "redis-cli CLIENT LIST   shows who: omem is what waits for each client" },
	{ FINDING_SLOW_READER, "redis", NULL,
	  "client-output-buffer-limit pubsub 32mb 8mb 60   disconnects a subscriber "
	  "that does not read" },
	{ FINDING_SLOW_READER, "nginx", NULL, "send_timeout 60s;   gives up on it" },
	{ FINDING_SLOW_READER, "haproxy", NULL, "timeout client 60s   gives up on it" },
	{ FINDING_SLOW_READER, "apache", NULL, "TimeOut 60   gives up on it" },
	{ FINDING_SLOW_READER, "postgresql", NULL,
	  "pg_terminate_backend() ends the session of a client that does not read" },
	{ FINDING_SLOW_READER, "uvicorn", NULL,
	  "uvicorn has no write timeout: put nginx in front (send_timeout 60s), or "
	  "bound "
	  "the handler" },
};

/* The process itself, or what is known of those that hold the listener. */
bool launch_of_finding(const struct report *r, const struct finding *f,
		       struct launch *out)
{
	const struct process *p = process_at(r, f->process);
	*out = (struct launch){ 0 };
	if (p)
		stack_recognise(r->snap, p, out);
	const struct service *s =
		f->service == NO_INDEX ? NULL : &r->services[f->service];
	for (size_t i = 0; s && !out->stack && i < s->process_count; i++)
		stack_recognise(r->snap, &r->snap->processes[s->processes[i]], out);
	return out->stack != NULL;
}

/* Where a restart costs more than a request: all sessions, perhaps data. */
bool is_data_server(const struct launch *l)
{
	static const char *const names[] = { "postgresql", "redis", "mysql", "mariadb",
					     "pgbouncer" };
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (l->stack && strcmp(l->stack->name, names[i]) == 0)
			return true;
	return false;
}

/* What gunicorn's watchdog does about a stuck worker, and when. */
static void add_watchdog(struct finding *f, const struct launch *l)
{
	const struct flag_value *timeout = &l->flags[STACK_TIMEOUT];
	/* The main thread of a gthread worker is never silent, whatever the rest do. */
	if (is_other_class(l))
		return;
	if (timeout->origin == FLAG_NOT_VISIBLE)
		add_next(f, "--timeout of gunicorn replaces a silent worker (default "
			    "30 s); here it is not visible: see gunicorn.conf.py");
	else if (timeout->value <= 0)
		add_next(f, "--timeout 30: gunicorn then replaces a silent worker; "
			    "here 0 has switched that off");
	else
		add_next(f,
			 "--timeout %.0f (%s): gunicorn kills a worker that is silent "
			 "so long, and cuts all its connections",
			 timeout->value, stack_flag_origin(l, STACK_TIMEOUT));
}

void add_stack_advice(const struct report *r, struct finding *f)
{
	struct launch l;
	if (!launch_of_finding(r, f, &l))
		return;
	for (size_t i = 0; i < sizeof(advices) / sizeof(*advices); i++) {
		const struct advice *a = &advices[i];
		if (a->kind == f->kind && strcmp(a->stack, l.stack->name) == 0 &&
		    (!a->when || a->when(&l)))
			add_next(f, "%s", a->text);
	}
	if (f->kind == FINDING_STUCK_WORKER && strcmp(l.stack->name, "gunicorn") == 0)
		add_watchdog(f, &l);
}

/* Runs handlers that are no coroutines in threads, as Starlette and FastAPI do. */
static bool is_asgi(const struct launch *l)
{
	return strcmp(l->stack->name, "uvicorn") == 0 ||
	       strcmp(l->stack->name, "hypercorn") == 0 || is_uvicorn_worker(l);
}

bool say_thread_pool(const struct report *r, struct finding *f, const struct group *g)
{
	enum { ANYIO_THREADS = 40 };
	struct launch l;
	const struct process *p = process_at(r, f->process);
	if (!p || g->count < ANYIO_THREADS || !launch_of_finding(r, f, &l) ||
	    !is_asgi(&l) || (p->thread_count && p->thread_count <= ANYIO_THREADS))
		return false;
	if (p->thread_count)
		add_evidence(f,
			     "process %d has %d threads: the %d threads for plain def "
			     "handlers may all be taken",
			     p->pid, p->thread_count, ANYIO_THREADS);
	else
		add_evidence(f,
			     "so many fill the %d threads for plain def handlers; how "
			     "many threads process %d has is not known",
			     ANYIO_THREADS, p->pid);
	add_next(f, "py-spy dump --pid %d   shows what the threads wait for", p->pid);
	add_next(f, "more threads only buy time (anyio.to_thread."
		    "current_default_thread_limiter().total_tokens = 100)");
	return true;
}
