/* SPDX-License-Identifier: MIT */
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "conn-doctor/memory.h"
#include "finding_groups.h"

uint64_t limit_value(const struct report *r, enum limit_id id)
{
	return r->limits->value[id];
}

bool is_older(const struct report *r, const struct group *g, enum limit_id id)
{
	return g->oldest_cs * 10ULL >= limit_value(r, id);
}

static char *__attribute__((format(printf, 1, 0)))
copy_format(const char *fmt, va_list args)
{
	struct strbuf sb = { 0 };
	strbuf_vaddf(&sb, fmt, args);
	return strbuf_steal(&sb);
}

void add_evidence(struct finding *f, const char *fmt, ...)
{
	va_list args;
	va_start(args, fmt);
	if (f->evidence_count < FINDING_EVIDENCE_MAX)
		f->evidence[f->evidence_count++] = copy_format(fmt, args);
	va_end(args);
}

void add_next(struct finding *f, const char *fmt, ...)
{
	va_list args;
	va_start(args, fmt);
	if (f->next_count < FINDING_NEXT_MAX)
		f->next[f->next_count++] = copy_format(fmt, args);
	va_end(args);
}

void set_summary(struct finding *f, const char *fmt, ...)
{
	va_list args;
	va_start(args, fmt);
	free(f->summary);
	f->summary = copy_format(fmt, args);
	va_end(args);
}

static void __attribute__((format(printf, 3, 0)))
note_unknown(struct report *r, struct unknown_check unknown, const char *fmt,
	     va_list args)
{
	for (size_t i = 0; i < r->unknown_count; i++)
		if (r->unknown[i].kind == unknown.kind)
			return;
	unknown.reason = copy_format(fmt, args);
	r->unknown[r->unknown_count++] = unknown;
}

void add_unknown(struct report *r, enum finding_kind kind, const char *fmt, ...)
{
	va_list args;
	va_start(args, fmt);
	note_unknown(r, (struct unknown_check){ .kind = kind }, fmt, args);
	va_end(args);
}

void add_untimed(struct report *r, enum finding_kind kind, const char *fmt, ...)
{
	struct unknown_check unknown = { .kind = kind, .needs_time = true };
	va_list args;
	va_start(args, fmt);
	note_unknown(r, unknown, fmt, args);
	va_end(args);
}

void add_partly_unknown(struct report *r, enum finding_kind kind, const char *fmt, ...)
{
	struct unknown_check unknown = { .kind = kind, .is_partial = true };
	va_list args;
	va_start(args, fmt);
	note_unknown(r, unknown, fmt, args);
	va_end(args);
}

void add_not_ours(struct report *r, enum finding_kind kind, const char *fmt, ...)
{
	struct unknown_check unknown = { .kind = kind, .is_of_host = true };
	va_list args;
	va_start(args, fmt);
	note_unknown(r, unknown, fmt, args);
	va_end(args);
}

uint64_t permille_of(uint64_t count, uint64_t whole)
{
	return whole ? count * 1000 / whole : 0;
}

double below_share(const struct report *r, uint64_t whole, enum limit_id share)
{
	return (double)((whole * limit_value(r, share) + 999) / 1000) - 1;
}

/* "≥" is written by the renderer's locale; sentences say it in a word. */
const char *at_least(const struct group *g)
{
	return g->is_oldest_exact ? "" : "at least ";
}

const char *plural(uint64_t count)
{
	return count == 1 ? "" : "s";
}

static uint64_t fnv1a(uint64_t hash, const void *bytes, size_t len)
{
	const unsigned char *p = bytes;
	for (size_t i = 0; i < len; i++)
		hash = (hash ^ p[i]) * 0x100000001b3ULL;
	return hash;
}

/*
 * The same trouble keeps its fingerprint between runs and restarts: kind,
 * listener and program name, no counts, no pids.
 */
uint64_t finding_fingerprint(const struct report *r, const struct finding *f)
{
	const char *code = finding_table[f->kind].code;
	uint64_t hash = fnv1a(0xcbf29ce484222325ULL, code, strlen(code) + 1);
	if (f->service != NO_INDEX) {
		const struct service *s = &r->services[f->service];
		const char *ns = r->snap->namespaces[s->netns].name;
		char listener[ENDPOINT_TEXT_SIZE];
		finding_listener_print(r, f, listener);
		hash = fnv1a(hash, ns, strlen(ns) + 1);
		hash = fnv1a(hash, listener, strlen(listener));
	}
	hash = fnv1a(hash, f->peer, strlen(f->peer));
	if (f->process != NO_INDEX && !f->is_process_owner) {
		const char *comm = r->snap->processes[f->process].comm;
		hash = fnv1a(hash, comm, strlen(comm));
	}
	return hash;
}

struct finding *add_finding(struct report *r, const struct group *g)
{
	array_reserve(&r->findings, &r->finding_capacity, r->finding_count + 1,
		      sizeof(*r->findings));
	struct finding *f = &r->findings[r->finding_count++];
	*f = (struct finding){
		.kind = g->kind,
		.severity = SEVERITY_WARNING,
		.confidence = g->proven_count   ? CONFIDENCE_PROVEN
			      : g->likely_count ? CONFIDENCE_LIKELY
						: CONFIDENCE_SUSPECT,
		.service = g->service,
		.listener = g->service == NO_INDEX
				    ? NO_INDEX
				    : (int32_t)r->services[g->service].listeners[0],
		.process = g->process,
		.part_of = NO_INDEX,
		.value = (double)g->count,
		.unit = "{connection}",
		.warning = NAN,
		.critical = NAN,
		.since_cs = g->oldest_cs ? g->oldest_cs : ASSESSMENT_SINCE_UNKNOWN,
		.is_since_exact = g->is_oldest_exact,
	};
	return f;
}

struct finding *findings_add(struct report *r, enum finding_kind kind)
{
	struct group nobody = {
		.kind = kind,
		.service = NO_INDEX,
		.process = NO_INDEX,
	};
	struct finding *f = add_finding(r, &nobody);
	f->value = NAN;
	f->unit = NULL;
	return f;
}

void name_owner(struct finding *f, const struct group *g)
{
	if (!g->count || f->process != NO_INDEX || g->owner == NO_INDEX)
		return;
	f->process = g->owner;
	f->is_process_owner = true;
}

const struct process *process_at(const struct report *r, int32_t index)
{
	return index == NO_INDEX ? NULL : &r->snap->processes[index];
}

char *oldest(const struct group *g, char out[static FORMAT_SIZE])
{
	return duration_print(g->oldest_cs * 10ULL, out);
}

struct queue_state queue_state_of(const struct report *r, const struct service *s)
{
	struct queue_state q = { 0 };
	for (size_t i = 0; i < s->listener_count; i++) {
		const struct tcp_socket *sk = &r->snap->sockets[s->listeners[i]];
		/* A backlog of n holds n + 1. */
		uint64_t permille = sk->recv_queue * 1000ULL / (sk->send_queue + 1ULL);
		q.dropped += history_drops_growth(r->history, sk->cookie, sk->drops);
		if (permille < q.permille)
			continue;
		q.row = s->listeners[i];
		q.permille = permille;
		q.count = sk->recv_queue;
		q.limit = sk->send_queue;
		q.is_full = sk->recv_queue > sk->send_queue;
	}
	return q;
}
