/* SPDX-License-Identifier: MIT */
#include "json_parts.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "conn-doctor/diagnose.h"
#include "conn-doctor/format.h"
#include "names.h"

/* A finding that stands alone: stamped, with the attributes of OpenTelemetry. */

static void set_fingerprint(json_t *object, const char *key, const struct finding *f)
{
	set_new(object, key,
		json_sprintf("%016llx", (unsigned long long)f->fingerprint));
}

static json_t *strings(char *const *texts, size_t count)
{
	json_t *array = json_array();
	for (size_t i = 0; i < count; i++)
		json_array_append_new(array, safe_string(texts[i], strlen(texts[i])));
	return array;
}

/* Whole numbers as integers: 129, not 129.0. */
static json_t *number(double value)
{
	if (fabs(value) < 1e15 && trunc(value) == value)
		return json_integer((json_int_t)value);
	return json_real(value);
}

/* "~:96": everything above 96 is an alert. */
static void set_range(json_t *o, const char *key, double limit)
{
	if (!(fabs(limit) < 1e12))
		return;
	long long milli = llround(limit * 1000);
	const char *sign = milli < 0 ? "-" : "";
	milli = llabs(milli);
	if (milli % 1000)
		set_new(o, key,
			json_sprintf("~:%s%lld.%03lld", sign, milli / 1000,
				     milli % 1000));
	else
		set_new(o, key, json_sprintf("~:%s%lld", sign, milli / 1000));
}

static void set_listener_attributes(json_t *attributes, const struct report *r,
				    const struct service *s, int32_t listener)
{
	const struct tcp_socket *sk = &r->snap->sockets[listener];
	char address[IP_TEXT_SIZE];
	set_word(attributes, "network.type", sk->ip_version == 4 ? "ipv4" : "ipv6");
	set_word(attributes, "network.local.address",
		 ip_address_print(&sk->local, sk->ip_version, address));
	set_integer(attributes, "network.local.port", s->port);
	if (s->netns < r->snap->netns_count)
		set_identity(attributes, "conn_doctor.netns.inode",
			     r->snap->namespaces[s->netns].inode);
	if (stack_is_program_name(s->stack))
		set_text(attributes, "service.name", s->stack);
}

/* "10.0.3.7:5432", "[fd00::7]:5432" or an address alone; a prefix is no peer. */
static void set_peer_attributes(json_t *attributes, const char *peer)
{
	char address[ENDPOINT_TEXT_SIZE];
	const char *colon = strrchr(peer, ':');
	bool is_bracketed = peer[0] == '[';
	bool has_port =
		colon && (is_bracketed ? colon[-1] == ']' : strchr(peer, ':') == colon);
	size_t len = has_port ? (size_t)(colon - peer) : strlen(peer);
	if (!peer[0] || strchr(peer, '/'))
		return;
	if (is_bracketed && len > 2)
		snprintf(address, sizeof(address), "%.*s", (int)len - 2, peer + 1);
	else
		snprintf(address, sizeof(address), "%.*s", (int)len, peer);
	set_text(attributes, "network.peer.address", address);
	unsigned long port = has_port ? strtoul(colon + 1, NULL, 10) : 0;
	if (port && port <= UINT16_MAX)
		set_integer(attributes, "network.peer.port", port);
}

static json_t *finding_attributes(const struct report *r, const struct finding *f)
{
	const struct service *s = finding_service(r, f);
	const struct process *p = finding_process(r, f);
	json_t *attributes = json_object();
	set_word(attributes, "network.transport", "tcp");
	if (s && f->listener != NO_INDEX)
		set_listener_attributes(attributes, r, s, f->listener);
	set_peer_attributes(attributes, f->peer);
	if (f->kind == FINDING_ACCEPT_QUEUE_FULL)
		set_word(attributes, "network.connection.state", "listen");
	if (p) {
		set_new(attributes, "process.pid", json_integer(p->pid));
		set_text(attributes, "process.executable.name", p->comm);
		set_text(attributes, "conn_doctor.stack", process_stack(r, p));
	}
	return attributes;
}

static void set_measure(json_t *o, const struct finding *f)
{
	if (isfinite(f->value))
		set_new(o, "value", number(f->value));
	set_text(o, "unit", f->unit);
	set_range(o, "warning", f->warning);
	set_range(o, "critical", f->critical);
}

/* Where it stands over several runs; only with --state. */
static void set_phase(json_t *o, const struct report *r, const struct finding *f)
{
	char time[FORMAT_SIZE];
	const struct snapshot *snap = r->snap;
	if (r->memory == MEMORY_NONE)
		return;
	set_word(o, "phase", phase_name(f->phase));
	if (f->has_value_before)
		set_new(o, "value_before", number(f->value_before));
	if (f->phase == PHASE_PENDING)
		set_word(o, "severity_when_open", severity_name(f->full_severity));
	if (!f->first_seen_ms || f->first_seen_ms > snap->monotonic_ms)
		return;
	uint64_t ago_ns = (snap->monotonic_ms - f->first_seen_ms) * 1000000;
	if (ago_ns <= snap->realtime_ns)
		set_word(o, "first_seen",
			 time_print_utc(snap->realtime_ns - ago_ns, time));
}

static json_t *words(const char *const *texts)
{
	json_t *array = json_array();
	for (; *texts; texts++)
		json_array_append_new(array, json_string_nocheck(*texts));
	return array;
}

static void set_words(json_t *o, const char *key, const char *const *texts)
{
	if (*texts)
		set_new(o, key, words(texts));
}

/* The stack whose remedy it is; those that are true for all name none. */
static const char *remedy_stack(const struct report *r, const struct finding *f,
				const struct knowledge_remedy *remedy)
{
	return remedy->codes[0] ? finding_stack(r, f) : NULL;
}

/* What the knowledge base says of it: causes, most usual first, and remedies. */
static void set_knowledge(json_t *o, const struct report *r, const struct finding *f)
{
	enum { REMEDIES_MAX = 3 };
	const struct knowledge_remedy *remedies[REMEDIES_MAX];
	size_t count = report_remedies(r, f, remedies, REMEDIES_MAX);
	const struct knowledge_code *k = knowledge_find(finding_table[f->kind].code);
	json_t *array = json_array();
	for (size_t i = 0; i < count; i++) {
		json_t *remedy = json_object();
		set_word(remedy, "text", remedies[i]->text);
		set_words(remedy, "settings", remedies[i]->settings);
		set_words(remedy, "flags", remedies[i]->flags);
		set_word(remedy, "versions", remedies[i]->versions);
		set_word(remedy, "source", remedies[i]->source);
		set_text(remedy, "stack", remedy_stack(r, f, remedies[i]));
		json_array_append_new(array, remedy);
	}
	const char *const own[] = { f->cause, NULL };
	set_new(o, "causes",
		f->cause ? words(own)
		: k      ? words(k->causes)
			 : json_array());
	set_new(o, "remedies", array);
}

json_t *finding_object(const struct report *r, const struct finding *f)
{
	char listener[ENDPOINT_TEXT_SIZE];
	json_t *o = stamped_object(r, "conn-doctor.finding/1");
	set_fingerprint(o, "fingerprint", f);
	set_word(o, "check", finding_table[f->kind].code);
	set_word(o, "severity", severity_name(f->severity));
	if (*finding_listener_print(r, f, listener))
		set_word(o, "listener", listener);
	set_text(o, "summary", f->summary);
	set_word(o, "confidence", confidence_name(f->confidence));
	set_word(o, "acts", acts_name(f->acts));
	set_since(o, f->since_cs, f->is_since_exact);
	if (f->part_of != NO_INDEX)
		set_fingerprint(o, "part_of", &r->findings[f->part_of]);
	set_phase(o, r, f);
	set_measure(o, f);
	set_new(o, "attributes", finding_attributes(r, f));
	set_new(o, "evidence", strings(f->evidence, f->evidence_count));
	set_new(o, "next", strings(f->next, f->next_count));
	set_knowledge(o, r, f);
	return o;
}
