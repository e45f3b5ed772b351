/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "finding_groups.h"

/*
 * What to change, in the words of the server that is running. The words are in
 * knowledge/; here is only which of them fit this case.
 */

static bool is_uvicorn_worker(const struct launch *l)
{
	return strstr(l->worker_class, "UvicornWorker") != NULL;
}

/* gthread and the like: several requests at a time, none in an event loop of ASGI. */
static bool is_thread_worker(const struct launch *l)
{
	return l->is_visible && !stack_is_sync(l) && !is_uvicorn_worker(l);
}

static bool is_one_worker(const struct launch *l)
{
	const struct flag_value *workers = &l->flags[STACK_WORKERS];
	return workers->origin == FLAG_DEFAULT ||
	       (workers->origin == FLAG_GIVEN && workers->value <= 1);
}

/* The main thread of a gthread worker is never silent, whatever the rest do. */
static bool has_watchdog(const struct launch *l)
{
	return stack_is_gunicorn(l) && !is_thread_worker(l);
}

static bool is_watchdog_off(const struct launch *l)
{
	const struct flag_value *timeout = &l->flags[STACK_TIMEOUT];
	return has_watchdog(l) && timeout->origin == FLAG_GIVEN && timeout->value <= 0;
}

static bool is_watchdog_late(const struct launch *l)
{
	const struct flag_value *timeout = &l->flags[STACK_TIMEOUT];
	return has_watchdog(l) && timeout->origin == FLAG_GIVEN && timeout->value > 60;
}

static bool is_sync_watchdog_late(const struct launch *l)
{
	return stack_is_sync(l) && is_watchdog_late(l);
}

/* WHEN of "CODE:WHEN": true of the command line, or the aspect of a finding. */
static const struct situation {
	const char *name;
	bool (*holds)(const struct launch *l); /* NULL = an aspect */
} situations[] = {
	{ "sync-worker", stack_is_sync },
	{ "uvicorn-worker", is_uvicorn_worker },
	{ "thread-worker", is_thread_worker },
	{ "one-worker", is_one_worker },
	{ "watchdog-off", is_watchdog_off },
	{ "watchdog-late", is_watchdog_late },
	{ "sync-watchdog-late", is_sync_watchdog_late },
	{ "threads-full", NULL },
	{ "kept-idle", NULL },
	{ "at-limit", NULL },
	{ "reload", NULL },
	{ "development", NULL },
	{ "one-sync-worker", NULL },
	{ "keep-alive-short", NULL },
	{ "pings-late", NULL },
	{ "pings-off", NULL },
	{ "limit-concurrency", NULL },
};
enum { SITUATION_COUNT = sizeof(situations) / sizeof(*situations) };

static const struct situation *situation_of(const char *name)
{
	for (size_t i = 0; i < SITUATION_COUNT; i++)
		if (strcmp(situations[i].name, name) == 0)
			return &situations[i];
	return NULL;
}

bool remedy_is_condition(const char *when)
{
	return situation_of(when) != NULL;
}

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
	if (s && !out->stack)
		stack_recognise_any(r->snap, s->processes, s->process_count, out);
	return out->stack != NULL;
}

const char *process_stack(const struct report *r, const struct process *p)
{
	struct launch l;
	stack_recognise(r->snap, p, &l);
	return l.stack ? l.stack->name : NULL;
}

const char *process_name(const struct report *r, const struct process *p)
{
	const char *stack = process_stack(r, p);
	return stack_is_program_name(stack) ? stack : p->comm;
}

const char *finding_stack(const struct report *r, const struct finding *f)
{
	struct launch l;
	return launch_of_finding(r, f, &l) ? l.stack->name : NULL;
}

/* A finding with an aspect wants remedies for that, the others what fits any. */
static bool fits(const char *when, const struct finding *f, const struct launch *l)
{
	if (f->aspect)
		return when && strcmp(when, f->aspect) == 0;
	if (!when)
		return true;
	const struct situation *c = situation_of(when);
	return c && c->holds && c->holds(l);
}

static bool is_for(const struct knowledge_remedy *remedy, const struct finding *f,
		   const struct launch *l)
{
	const char *code = finding_table[f->kind].code;
	size_t len = strlen(code);
	for (const char *const *c = remedy->codes; *c; c++)
		if (strncmp(*c, code, len) == 0 && ((*c)[len] == ':' || !(*c)[len]) &&
		    fits((*c)[len] ? *c + len + 1 : NULL, f, l))
			return true;
	return false;
}

size_t report_remedies(const struct report *r, const struct finding *f,
		       const struct knowledge_remedy **out, size_t max)
{
	enum { OF_STACK_MAX = 2, GENERAL_MAX = 2, BESIDE_STACK_MAX = 1 };
	struct launch l;
	size_t count = 0;
	if (f->is_remedy_told)
		return 0;
	const struct knowledge_code *k = knowledge_find(finding_table[f->kind].code);
	const struct knowledge_stack *s = launch_of_finding(r, f, &l)
						  ? knowledge_find_stack(l.stack->name)
						  : NULL;
	for (size_t i = 0; s && s->remedies[i].text; i++)
		if (count < max && count < OF_STACK_MAX &&
		    is_for(&s->remedies[i], f, &l))
			out[count++] = &s->remedies[i];
	size_t end = count + (count ? BESIDE_STACK_MAX : GENERAL_MAX);
	for (size_t i = 0; k && k->remedies[i].text && count < max && count < end; i++)
		out[count++] = &k->remedies[i];
	return count;
}

/* "a; b;" needs no comma in between. */
static void put_typed(struct strbuf *out, const char *const *lines, const char *between)
{
	for (const char *const *line = lines; *line; line++) {
		bool is_ended = line > lines && line[-1][strlen(line[-1]) - 1] == ';';
		strbuf_add(out, line == lines || is_ended ? " " : between);
		strbuf_add(out, *line);
	}
}

void remedy_put(const struct knowledge_remedy *remedy, struct strbuf *out)
{
	size_t len = strlen(remedy->text);
	bool is_typed = remedy->flags[0] || remedy->settings[0];
	if (is_typed && remedy->text[len - 1] == '.')
		len--;
	strbuf_add_len(out, remedy->text, len);
	if (is_typed && remedy->text[len - 1] != ':')
		strbuf_add_char(out, ':');
	put_typed(out, remedy->flags, " ");
	put_typed(out, remedy->settings, ", ");
}

/* What gunicorn's watchdog does about a stuck worker, and when. */
void say_watchdog(struct finding *f, const struct launch *l)
{
	const struct flag_value *timeout = &l->flags[STACK_TIMEOUT];
	if (!has_watchdog(l))
		return;
	if (timeout->origin == FLAG_NOT_VISIBLE)
		add_evidence(f, "when gunicorn replaces a silent worker is not visible "
				"(--timeout, or gunicorn.conf.py; by default 30 s)");
	else if (timeout->value <= 0)
		add_evidence(f, "gunicorn never replaces it: --timeout 0 has switched "
				"the watchdog off");
	else
		add_evidence(f,
			     "gunicorn kills a worker that is silent for %.0f s, with "
			     "all its connections (--timeout, %s)",
			     timeout->value, stack_flag_origin(l, STACK_TIMEOUT));
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
	f->aspect = "threads-full";
	return true;
}
