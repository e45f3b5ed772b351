/* SPDX-License-Identifier: MIT */
#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <threads.h>

#include "conn-doctor/diagnose.h"
#include "conn-doctor/format.h"
#include "conn-doctor/memory.h"
#include "conn-doctor/policy.h"
#include "conn-doctor/text.h"
#include "formats.h"
#include "names.h"

/*
 * The documents conn-doctor.report/1 and conn-doctor.list/1; their schemas are
 * in share/conn-doctor/schema. An unknown value has no key. The long arrays are
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

static void set_new(json_t *object, const char *key, json_t *value)
{
	json_object_set_new_nocheck(object, key, value);
}

/* Text that may come from outside: made valid UTF-8 without control characters. */
static json_t *safe_string(const char *text, size_t len)
{
	auto_strbuf struct strbuf sb = { 0 };
	text_sanitize(&sb, text, len);
	return json_stringn_nocheck(strbuf_text(&sb), sb.len);
}

/* Absent when the text is empty or NULL: nothing is known. */
static void set_text(json_t *object, const char *key, const char *text)
{
	if (text && text[0])
		set_new(object, key, safe_string(text, strlen(text)));
}

/* For words of our own tables. */
static void set_word(json_t *object, const char *key, const char *word)
{
	set_new(object, key, json_string_nocheck(word));
}

static void set_integer(json_t *object, const char *key, uint64_t value)
{
	set_new(object, key, json_integer((json_int_t)value));
}

static void set_flag(json_t *object, const char *key, bool value)
{
	set_new(object, key, json_boolean(value));
}

/* Identities of 64 bits are strings: jq 1.6 alters integers above 2^53. */
static void set_identity(json_t *object, const char *key, uint64_t value)
{
	set_new(object, key, json_sprintf("%llu", (unsigned long long)value));
}

static void set_cookie(json_t *object, const char *key, uint64_t cookie)
{
	set_new(object, key, json_sprintf("0x%llx", (unsigned long long)cookie));
}

static void set_fingerprint(json_t *object, const char *key, const struct finding *f)
{
	set_new(object, key,
		json_sprintf("%016llx", (unsigned long long)f->fingerprint));
}

static void set_seconds(json_t *object, const char *key, int64_t ms)
{
	if (ms >= 0)
		set_new(object, key, json_real((double)ms / 1000));
}

/* Two keys, or none when it is unknown. */
static void set_since(json_t *object, uint32_t since_cs, bool is_exact)
{
	if (since_cs == ASSESSMENT_SINCE_UNKNOWN)
		return;
	set_seconds(object, "since_seconds", since_cs * 10LL);
	set_flag(object, "since_exact", is_exact);
}

static void set_endpoint(json_t *object, const char *key, const struct tcp_socket *sk,
			 const struct ip_address *ip, uint16_t port)
{
	char text[ENDPOINT_TEXT_SIZE];
	set_word(object, key, endpoint_print(ip, sk->ip_version, port, text));
}

static json_t *verdict_counts(const uint32_t verdicts[VERDICT_COUNT])
{
	json_t *counts = json_object();
	for (size_t v = 0; v < VERDICT_COUNT; v++)
		if (verdicts[v])
			set_integer(counts, verdict_table[v].code, verdicts[v]);
	return counts;
}

/* One string for each line. */
static json_t *lines(const char *text)
{
	json_t *array = json_array();
	while (*text) {
		size_t len = strcspn(text, "\n");
		json_array_append_new(array, safe_string(text, len));
		text += len + (text[len] == '\n');
	}
	return array;
}

static json_t *strings(char *const *texts, size_t count)
{
	json_t *array = json_array();
	for (size_t i = 0; i < count; i++)
		json_array_append_new(array, safe_string(texts[i], strlen(texts[i])));
	return array;
}

/*
 * struct tcp_info under the kernel's names, without tcpi_, and in its units, which
 * the name tells where they are microseconds (the rest of the times are ms).
 */
#define KEY(name, member, bit, factor)                                            \
	{                                                                         \
		name, TCP_HAS_##bit, sizeof(((struct tcp_socket *)NULL)->member), \
			offsetof(struct tcp_socket, member), factor               \
	}
static const struct {
	const char *name;
	uint16_t has;
	uint16_t size;
	size_t offset;
	uint16_t factor;
} tcp_info_keys[] = {
	KEY("ca_state", ca_state, INFO, 1),
	KEY("retransmits", retransmits, INFO, 1),
	KEY("probes", probes, INFO, 1),
	KEY("backoff", backoff, INFO, 1),
	KEY("rto_us", rto_us, INFO, 1),
	KEY("unacked", unacked, INFO, 1),
	KEY("last_data_sent", last_data_sent_ms, INFO, 1),
	KEY("last_data_recv", last_data_recv_ms, INFO, 1),
	KEY("last_ack_recv", last_ack_recv_ms, INFO, 1),
	KEY("rtt_us", rtt_us, INFO, 1),
	KEY("rttvar_us", rttvar_us, INFO, 1),
	KEY("snd_cwnd", snd_cwnd, INFO, 1),
	KEY("total_retrans", total_retrans, INFO, 1),
	KEY("bytes_acked", bytes_acked, BYTES, 1),
	KEY("bytes_received", bytes_received, BYTES, 1),
	KEY("segs_in", segs_in, SEGS, 1),
	KEY("notsent_bytes", notsent_bytes, NOTSENT, 1),
	KEY("min_rtt_us", min_rtt_us, NOTSENT, 1),
	KEY("data_segs_out", data_segs_out, NOTSENT, 1),
	KEY("busy_time_us", busy_time_ms, BUSY, 1000),
	KEY("rwnd_limited_us", rwnd_limited_ms, BUSY, 1000),
	KEY("snd_wnd", snd_wnd, SND_WND, 1),
	KEY("rcv_wnd", rcv_wnd, RCV_WND, 1),
};
#undef KEY

static uint64_t number_at(const void *at, size_t size)
{
	uint8_t u8;
	uint32_t u32;
	uint64_t u64;
	switch (size) {
	case sizeof(u8):
		memcpy(&u8, at, sizeof(u8));
		return u8;
	case sizeof(u32):
		memcpy(&u32, at, sizeof(u32));
		return u32;
	default:
		memcpy(&u64, at, sizeof(u64));
		return u64;
	}
}

static json_t *tcp_info_object(const struct tcp_socket *sk)
{
	json_t *object = json_object();
	for (size_t i = 0; i < sizeof(tcp_info_keys) / sizeof(*tcp_info_keys); i++)
		if (sk->has & tcp_info_keys[i].has)
			set_integer(
				object, tcp_info_keys[i].name,
				number_at((const char *)sk + tcp_info_keys[i].offset,
					  tcp_info_keys[i].size) *
					tcp_info_keys[i].factor);
	return object;
}

/* Of a listener the queue fields count connections, of the others bytes. */
static void set_queues(json_t *o, const struct tcp_socket *sk)
{
	bool is_listener = sk->state == TCP_STATE_LISTEN;
	set_integer(o, is_listener ? "accept_queue_count" : "recv_queue_bytes",
		    sk->recv_queue);
	set_integer(o, is_listener ? "accept_queue_limit_count" : "send_queue_bytes",
		    sk->send_queue);
}

/* gives_up false: no kernel timer will ever end this connection. */
static void set_derived(json_t *o, const struct derived *d)
{
	if (d->turn != TURN_UNKNOWN)
		set_word(o, "turn", turn_name(d->turn));
	if (d->gives_up_ms != DERIVED_UNKNOWN)
		set_flag(o, "gives_up", d->gives_up_ms != DERIVED_NEVER);
	set_seconds(o, "gives_up_in_seconds", d->gives_up_ms);
	set_seconds(o, "idle_seconds", d->idle_ms);
	if (d->keepalive != KEEPALIVE_UNKNOWN)
		set_flag(o, "keepalive", d->keepalive == KEEPALIVE_ON);
}

/* dead_peer_detected false: while idle, a vanished peer is never noticed. */
static void set_detection(json_t *o, int64_t idle_ms, bool is_exact)
{
	if (idle_ms == DERIVED_UNKNOWN)
		return;
	set_flag(o, "dead_peer_detected", idle_ms != DERIVED_NEVER);
	if (idle_ms == DERIVED_NEVER)
		return;
	set_seconds(o, "dead_peer_detection_seconds", idle_ms);
	set_flag(o, "dead_peer_detection_exact", is_exact);
}

static void set_keepalive(json_t *o, const struct derived *d)
{
	set_seconds(o, "keepalive_idle_seconds", d->keepidle_ms);
	set_seconds(o, "keepalive_interval_seconds", d->keepintvl_ms);
	if (d->keepcnt >= 0)
		set_integer(o, "keepalive_count", (uint64_t)d->keepcnt);
	set_seconds(o, "user_timeout_seconds", d->user_timeout_ms);
	set_detection(o, d->detects_idle_ms, d->is_detects_exact);
}

static void set_owner(json_t *o, const struct report *r, uint32_t row)
{
	int32_t fd;
	const struct process *p = report_process_of(r, row, &fd);
	if (!p) {
		set_word(o, "owner_absent", report_why_not_owned(r, row));
		return;
	}
	set_new(o, "process.pid", json_integer(p->pid));
	set_new(o, "process.fd", json_integer(fd));
	set_text(o, "process.executable.name", p->comm);
	set_text(o, "conn_doctor.stack", process_stack(r, p));
}

static void set_assessment(json_t *o, const struct assessment *a)
{
	if (a->role != ROLE_NONE)
		set_word(o, "role", role_name(a->role));
	set_word(o, "verdict", verdict_table[a->verdict].code);
	set_word(o, "confidence", confidence_name(a->confidence));
	set_word(o, "acts", acts_name(a->acts));
	set_since(o, a->since_cs, a->is_since_exact);
}

static json_t *connection_object(const struct report *r, uint32_t row)
{
	const struct tcp_socket *sk = &r->snap->sockets[row];
	bool is_listener = sk->state == TCP_STATE_LISTEN;
	struct derived d;
	auto_strbuf struct strbuf evidence = { 0 };
	json_t *o = json_object();
	derive(r, row, &d);
	set_word(o, "schema", "conn-doctor.connection/1");
	set_cookie(o, "cookie", sk->cookie);
	set_text(o, "namespace", netns_name(r, sk->netns));
	set_endpoint(o, "local", sk, &sk->local, sk->local_port);
	if (!is_listener)
		set_endpoint(o, "peer", sk, &sk->peer, sk->peer_port);
	set_word(o, "state", tcp_state_id(sk->state));
	set_assessment(o, &r->assessments[row]);
	set_derived(o, &d);
	set_keepalive(o, &d);
	set_queues(o, sk);
	set_owner(o, r, row);
	verdict_evidence(r, row, &evidence);
	if (evidence.len)
		set_new(o, "evidence", lines(strbuf_text(&evidence)));
	if ((sk->has & TCP_HAS_INFO) && !is_listener)
		set_new(o, "tcp_info", tcp_info_object(sk));
	return o;
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

/* The keys every document and every finding begins with. */
static json_t *stamped_object(const struct report *r, const char *schema)
{
	char time[FORMAT_SIZE];
	json_t *o = json_object();
	set_word(o, "schema", schema);
	set_word(o, "time", time_print_utc(r->snap->realtime_ns, time));
	set_identity(o, "time_unix_nano", r->snap->realtime_ns);
	set_text(o, "host.name", r->snap->host);
	return o;
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

static json_t *finding_object(const struct report *r, const struct finding *f)
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
		set_integer(o, "sockets", counts[i]);
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

static json_t *collection_object(const struct report *r)
{
	const struct snapshot *snap = r->snap;
	json_t *o = json_object();
	set_integer(o, "passes", r->pass_count);
	set_new(o, "duration_seconds",
		json_real((double)(r->duration_ns / 1000) / 1e6));
	set_integer(o, "sockets", snap->socket_count);
	set_flag(o, "complete", snap->is_complete);
	if (snap->unreadable_count)
		set_integer(o, "unreadable_count", snap->unreadable_count);
	if (r->ignored_count)
		set_integer(o, "ignored_count", r->ignored_count);
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
