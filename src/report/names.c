/* SPDX-License-Identifier: MIT */
#include "names.h"

#include <string.h>

#include "conn-doctor/text.h"

/* Valid UTF-8 from `start` on to ASCII, in place: it never grows. */
static void fold_to_ascii(struct strbuf *sb, size_t start)
{
	size_t to = start;
	for (size_t from = start; from < sb->len;) {
		unsigned char c = (unsigned char)sb->text[from++];
		if (c < 0x80) {
			sb->text[to++] = (char)c;
			continue;
		}
		while (from < sb->len && (sb->text[from] & 0xc0) == 0x80)
			from++;
		sb->text[to++] = '?';
	}
	sb->len = to;
	if (sb->text)
		sb->text[to] = '\0';
}

void put_outside(struct strbuf *out, const char *text, const struct render_options *o)
{
	size_t start = out->len;
	text_sanitize(out, text, strlen(text));
	if (o && !o->use_utf8)
		fold_to_ascii(out, start);
}

void put_word(struct strbuf *out, const char *text)
{
	size_t start = out->len;
	text_sanitize(out, text, strlen(text));
	for (size_t i = start; i < out->len; i++)
		if (out->text[i] == ' ')
			out->text[i] = '_';
	if (out->len == start)
		strbuf_add_char(out, '-');
}

void put_process(struct strbuf *out, const struct report *r, const struct process *p,
		 const struct render_options *o)
{
	const char *name = process_name(r, p);
	if (name[0])
		put_outside(out, name, o);
	else
		strbuf_add(out, "pid");
	strbuf_addf(out, "[%d]", p->pid);
}

const char *netns_name(const struct report *r, uint16_t netns)
{
	return netns < r->snap->netns_count ? r->snap->namespaces[netns].name : "";
}

void put_service_port(struct strbuf *out, const struct report *r,
		      const struct service *s, const struct render_options *o)
{
	const char *name = netns_name(r, s->netns);
	if (strcmp(name, "self") != 0)
		put_outside(out, name, o);
	strbuf_addf(out, ":%u", s->port);
}

const struct service *finding_service(const struct report *r, const struct finding *f)
{
	return f->service == NO_INDEX ? NULL : &r->services[f->service];
}

const struct process *finding_process(const struct report *r, const struct finding *f)
{
	return f->process == NO_INDEX ? NULL : &r->snap->processes[f->process];
}

void put_service(struct strbuf *out, const struct report *r, const struct service *s,
		 const struct finding *f, const struct render_options *o)
{
	put_service_port(out, r, s, o);
	const struct process *p = f ? finding_process(r, f) : NULL;
	if (!p && s->process_count == 0)
		return;
	strbuf_add_char(out, ' ');
	put_process(out, r, p ? p : &r->snap->processes[s->processes[0]], o);
	if (!p && s->process_count > 1)
		strbuf_addf(out, " +%zu", s->process_count - 1);
}

void put_scope(struct strbuf *out, const struct report *r, const struct finding *f,
	       const struct render_options *o)
{
	const struct service *s = finding_service(r, f);
	const struct process *p = finding_process(r, f);
	if (p)
		put_process(out, r, p, o);
	else if (s)
		put_service_port(out, r, s, o);
	else
		/* Of one that is recovering, only its sentence is still known. */
		strbuf_add(out,
			   f->kind == FINDING_ORPHANS || f->phase == PHASE_RECOVERING
				   ? "this host"
				   : "outgoing connections");
}

const char *phase_name(enum finding_phase phase)
{
	static const char *const names[] = { "open", "pending", "recovering" };
	return names[phase];
}

const char *memory_name(enum memory_status status)
{
	static const char *const names[MEMORY_STATUS_COUNT] = {
		"none",    "new",     "continued", "restarted",
		"foreign", "damaged", "unusable",
	};
	return names[status];
}

void put_quantity(struct strbuf *out, size_t count, const char *noun)
{
	if (count)
		strbuf_addf(out, "%zu %s%s", count, noun, count == 1 ? "" : "s");
	else
		strbuf_addf(out, "no %ss", noun);
}

void put_counts(struct strbuf *out, const uint32_t verdicts[VERDICT_COUNT])
{
	size_t total = 0, complaints = 0;
	for (size_t v = 0; v < VERDICT_LISTENING; v++) {
		total += verdicts[v];
		complaints += verdict_table[v].is_complaint ? verdicts[v] : 0;
	}
	put_quantity(out, total, "connection");
	if (complaints)
		strbuf_addf(out, ", %zu to look at", complaints);
	else if (total)
		strbuf_add(out, ", none in trouble");
	const char *separator = ": ";
	for (size_t v = 0; v < VERDICT_LISTENING; v++) {
		if (!verdicts[v])
			continue;
		strbuf_addf(out, "%s%u %s", separator, verdicts[v],
			    verdict_table[v].code);
		separator = ", ";
	}
}

bool is_service_shown(const struct report *r, const struct service *s)
{
	if (s->connection_count)
		return true;
	for (size_t i = 0; i < s->listener_count; i++)
		if (r->assessments[s->listeners[i]].is_selected)
			return true;
	return false;
}

size_t selected_connections(const struct report *r)
{
	return r->selected_count - r->verdicts[VERDICT_LISTENING];
}
