/* SPDX-License-Identifier: MIT */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conn-doctor/format.h"
#include "conn-doctor/memory.h"
#include "conn-doctor/text.h"
#include "formats.h"
#include "names.h"

/*
 * One record a line for awk: columns separated by one blank, "-" for unknown or
 * none, blanks inside a value written as '_'; columns are only ever added.
 *
 * list, in the order of the kernel (a million rows are not sorted):
 *   VERDICT CONFIDENCE SINCE_SECONDS STATE ROLE RECVQ SENDQ LOCAL PEER PID FD
 *   PROCESS COOKIE
 *
 * check: the first word says which record it is; free text, if any, comes last.
 *   service SEVERITY LISTENER NAMESPACE STACK CONNECTIONS QUEUE QUEUE_LIMIT PIDS
 *   finding SEVERITY CODE CONFIDENCE ACTS SINCE_SECONDS LISTENER PID FINGERPRINT
 *           PART_OF VALUE SUMMARY...
 *   connection, then the columns of list; those that ask somebody to act
 *   degraded WHAT WHY...
 *   unknown CODE WHY...   a rule that could not be asked, or not of all
 *   summary SEVERITY CONNECTIONS LISTENERS PASSES DURATION_SECONDS COMPLETE
 *           UNKNOWN FILTER...   UNKNOWN: how many records of that kind
 */

/* The longest row: fixed columns of known size and a process name. */
enum { BUFFER_SIZE = 64 * 1024, ROW_SIZE = 1024, NAME_SIZE = 256 };

/* Names of the snapshot's processes, sanitized once for all their rows. */
struct names {
	struct strbuf text;
	size_t *starts; /* process_count + 1 */
};

struct writer {
	const struct report *r;
	FILE *out;
	struct names names;
	size_t used;
	char *buffer;
};

/* The kernel's names have 15 bytes; a recording may hold anything. */
static void add_name(struct strbuf *text, const char *comm)
{
	size_t start = text->len;
	put_word(text, comm);
	if (text->len - start <= NAME_SIZE)
		return;
	text->len = start + NAME_SIZE;
	while ((text->text[text->len] & 0xc0) == 0x80)
		text->len--;
	text->text[text->len] = '\0';
}

static void build_names(struct names *names, const struct snapshot *snap)
{
	names->starts = xcalloc(snap->process_count + 1, sizeof(*names->starts));
	for (size_t i = 0; i < snap->process_count; i++) {
		names->starts[i] = names->text.len;
		add_name(&names->text, snap->processes[i].comm);
	}
	names->starts[snap->process_count] = names->text.len;
}

static void writer_init(struct writer *w, const struct report *r, FILE *out)
{
	*w = (struct writer){ .r = r, .out = out, .buffer = xmalloc(BUFFER_SIZE) };
	build_names(&w->names, r->snap);
}

static void writer_flush(struct writer *w)
{
	fwrite(w->buffer, 1, w->used, w->out);
	w->used = 0;
}

static void writer_clear(struct writer *w)
{
	writer_flush(w);
	free(w->buffer);
	free(w->names.starts);
	strbuf_clear(&w->names.text);
}

static char *put_bytes(char *at, const char *bytes, size_t len)
{
	memcpy(at, bytes, len);
	at[len] = ' ';
	return at + len + 1;
}

static char *put_text(char *at, const char *text)
{
	return put_bytes(at, text, strlen(text));
}

static char *put_number(char *at, uint64_t value)
{
	at = u64_put(at, value);
	*at++ = ' ';
	return at;
}

static char *put_since(char *at, uint32_t since_cs)
{
	if (since_cs == ASSESSMENT_SINCE_UNKNOWN)
		return put_text(at, "-");
	at = u64_put(at, since_cs / 100);
	*at++ = '.';
	*at++ = (char)('0' + since_cs % 100 / 10);
	*at++ = ' ';
	return at;
}

static char *put_hex(char *at, uint64_t value)
{
	int shift = 60;
	while (shift && !(value >> shift))
		shift -= 4;
	*at++ = '0';
	*at++ = 'x';
	for (; shift >= 0; shift -= 4)
		*at++ = "0123456789abcdef"[value >> shift & 15];
	return at;
}

static char *put_endpoint(char *at, const struct ip_address *ip, uint8_t ip_version,
			  uint16_t port)
{
	at = endpoint_put(at, ip, ip_version, port);
	*at++ = ' ';
	return at;
}

/* PID FD PROCESS */
static char *put_owner(const struct writer *w, char *at, uint32_t row)
{
	int32_t fd;
	const struct process *p =
		w->r->snap->owner_count ? report_process_of(w->r, row, &fd) : NULL;
	if (!p)
		return put_text(at, "- - -");
	size_t index = (size_t)(p - w->r->snap->processes);
	size_t start = w->names.starts[index];
	size_t len = w->names.starts[index + 1] - start;
	at = put_number(at, (uint64_t)p->pid);
	at = put_number(at, (uint64_t)fd);
	return put_bytes(at, w->names.text.text + start, len);
}

/* The columns of `list`; the caller has made room for ROW_SIZE bytes. */
static char *put_row(const struct writer *w, char *at, uint32_t row)
{
	const struct tcp_socket *sk = &w->r->snap->sockets[row];
	const struct assessment *a = &w->r->assessments[row];
	at = put_text(at, verdict_table[a->verdict].code);
	at = put_text(at, confidence_name(a->confidence));
	at = put_since(at, a->since_cs);
	at = put_text(at, tcp_state_id(sk->state));
	at = put_text(at, a->role == ROLE_NONE ? "-" : role_name(a->role));
	at = put_number(at, sk->recv_queue);
	at = put_number(at, sk->send_queue);
	at = put_endpoint(at, &sk->local, sk->ip_version, sk->local_port);
	if (sk->state == TCP_STATE_LISTEN)
		at = put_text(at, "-");
	else
		at = put_endpoint(at, &sk->peer, sk->ip_version, sk->peer_port);
	at = put_owner(w, at, row);
	at = put_hex(at, sk->cookie);
	*at++ = '\n';
	return at;
}

static void write_row(struct writer *w, const char *kind, size_t kind_len, uint32_t row)
{
	if (w->used + ROW_SIZE > BUFFER_SIZE)
		writer_flush(w);
	char *at = w->buffer + w->used;
	memcpy(at, kind, kind_len);
	at = put_row(w, at + kind_len, row);
	w->used = (size_t)(at - w->buffer);
}

int plain_list(const struct report *r, const struct render_options *o, FILE *out,
	       struct error *err)
{
	(void)err;
	struct writer w;
	if (!o->no_header)
		fputs("VERDICT CONFIDENCE SINCE_SECONDS STATE ROLE RECVQ SENDQ LOCAL "
		      "PEER "
		      "PID FD PROCESS COOKIE\n",
		      out);
	writer_init(&w, r, out);
	for (size_t i = 0; i < r->snap->socket_count; i++)
		if (r->assessments[i].is_selected)
			write_row(&w, "", 0, (uint32_t)i);
	writer_clear(&w);
	return 0;
}

/* Whole numbers as such, others with three decimals, whatever the locale. */
static void add_value(struct strbuf *sb, double value)
{
	if (!(fabs(value) < 1e15)) {
		strbuf_add_char(sb, '-');
		return;
	}
	long long milli = llround(value * 1000);
	strbuf_addf(sb, "%s%lld", milli < 0 ? "-" : "", llabs(milli) / 1000);
	if (milli % 1000)
		strbuf_addf(sb, ".%03lld", llabs(milli) % 1000);
}

static void add_pids(struct strbuf *sb, const struct report *r, const struct service *s)
{
	if (s->process_count == 0)
		strbuf_add_char(sb, '-');
	for (size_t i = 0; i < s->process_count; i++)
		strbuf_addf(sb, "%s%d", i ? "," : "",
			    r->snap->processes[s->processes[i]].pid);
}

static void write_services(const struct report *r, FILE *out)
{
	auto_strbuf struct strbuf line = { 0 };
	for (size_t i = 0; i < r->service_count; i++) {
		const struct service *s = &r->services[i];
		if (!is_service_shown(r, s))
			continue;
		strbuf_reset(&line);
		strbuf_addf(&line, "service %s %s ", severity_name(s->severity),
			    s->listener_text);
		put_word(&line, netns_name(r, s->netns));
		strbuf_addf(&line, " %s %u %llu %llu ", s->stack ? s->stack : "-",
			    s->connection_count,
			    (unsigned long long)s->accept_queue_count,
			    (unsigned long long)s->accept_queue_limit);
		add_pids(&line, r, s);
		fprintf(out, "%s\n", strbuf_text(&line));
	}
}

static void add_subject(struct strbuf *sb, const struct report *r,
			const struct finding *f)
{
	const struct process *p = finding_process(r, f);
	char since[FORMAT_SIZE], listener[ENDPOINT_TEXT_SIZE];
	*put_since(since, f->since_cs) = '\0';
	finding_listener_print(r, f, listener);
	strbuf_addf(sb, "%s%s ", since, *listener ? listener : "-");
	if (p)
		strbuf_addf(sb, "%d ", p->pid);
	else
		strbuf_add(sb, "- ");
}

static void write_finding(const struct report *r, const struct finding *f, FILE *out)
{
	auto_strbuf struct strbuf line = { 0 };
	strbuf_addf(&line, "finding %s %s %s %s ", severity_name(f->severity),
		    finding_table[f->kind].code, confidence_name(f->confidence),
		    acts_name(f->acts));
	add_subject(&line, r, f);
	strbuf_addf(&line, "%016llx ", (unsigned long long)f->fingerprint);
	if (f->part_of == NO_INDEX)
		strbuf_add(&line, "- ");
	else
		strbuf_addf(&line, "%016llx ",
			    (unsigned long long)r->findings[f->part_of].fingerprint);
	add_value(&line, f->value);
	strbuf_add_char(&line, ' ');
	put_outside(&line, f->summary, NULL);
	fprintf(out, "%s\n", strbuf_text(&line));
}

static double seconds_since(const struct report *r, uint64_t ms)
{
	return ms && ms <= r->snap->monotonic_ms
		       ? (double)(r->snap->monotonic_ms - ms) / 1000
		       : NAN;
}

/* Only with --state; so lines that scripts know stay as they are. */
static void write_memory(const struct report *r, FILE *out)
{
	auto_strbuf struct strbuf line = { 0 };
	if (r->memory == MEMORY_NONE)
		return;
	for (size_t i = 0; i < r->finding_count; i++) {
		const struct finding *f = &r->findings[i];
		strbuf_addf(&line, "phase %016llx %s ",
			    (unsigned long long)f->fingerprint, phase_name(f->phase));
		add_value(&line, seconds_since(r, f->first_seen_ms));
		strbuf_add_char(&line, '\n');
	}
	strbuf_addf(&line, "memory %s ", memory_name(r->memory));
	add_value(&line, r->memory == MEMORY_CONTINUED ? (double)r->memory_gap_ms / 1000
						       : NAN);
	fprintf(out, "%s\n", strbuf_text(&line));
}

static void write_connections(const struct report *r, const struct render_options *o,
			      FILE *out)
{
	static const char kind[] = "connection ";
	struct writer w;
	auto_free uint32_t *rows = NULL;
	size_t count = report_worst_first(r, o->all_connections, &rows);
	writer_init(&w, r, out);
	for (size_t i = 0; i < count; i++)
		write_row(&w, kind, sizeof(kind) - 1, rows[i]);
	writer_clear(&w);
}

static void write_missing(FILE *out, const char *record, const char *what,
			  const char *why)
{
	auto_strbuf struct strbuf line = { 0 };
	strbuf_add(&line, record);
	strbuf_add_char(&line, ' ');
	put_word(&line, what);
	strbuf_add_char(&line, ' ');
	put_outside(&line, why[0] ? why : "-", NULL);
	fprintf(out, "%s\n", strbuf_text(&line));
}

static void write_summary(const struct report *r, FILE *out)
{
	auto_strbuf struct strbuf line = { 0 };
	unsigned long long ms = r->duration_ns / 1000000;
	strbuf_addf(&line, "summary %s %zu %u %zu %llu.%03llu %s %zu ",
		    severity_name(r->severity), selected_connections(r),
		    r->verdicts[VERDICT_LISTENING], r->pass_count, ms / 1000, ms % 1000,
		    r->snap->is_complete ? "yes" : "no", r->unknown_count);
	put_outside(&line, r->filter_text[0] ? r->filter_text : "-", NULL);
	fprintf(out, "%s\n", strbuf_text(&line));
}

int plain_check(const struct report *r, const struct render_options *o, FILE *out,
		struct error *err)
{
	(void)err;
	const struct snapshot *snap = r->snap;
	write_services(r, out);
	for (size_t i = 0; i < r->finding_count; i++)
		write_finding(r, &r->findings[i], out);
	write_memory(r, out);
	write_connections(r, o, out);
	if (snap->unreadable_count)
		write_missing(out, "degraded", "records", "some could not be decoded");
	for (size_t i = 0; i < snap->degraded_count; i++)
		if (report_is_concerned(r, &snap->degraded[i]))
			write_missing(out, "degraded", snap->degraded[i].what,
				      snap->degraded[i].why);
	for (size_t i = 0; i < r->unknown_count; i++)
		write_missing(out, "unknown", finding_table[r->unknown[i].kind].code,
			      r->unknown[i].reason);
	write_summary(r, out);
	return 0;
}
