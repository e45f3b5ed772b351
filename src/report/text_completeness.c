/* SPDX-License-Identifier: MIT */
#include "text_page.h"

#include <string.h>

#include "conn-doctor/format.h"
#include "names.h"
#include "paint.h"

/* The last lines: a report that does not say what it left out is not believed. */

static bool is_all_seen(const struct report *r)
{
	const struct snapshot *snap = r->snap;
	for (size_t i = 0; i < snap->degraded_count; i++)
		if (report_is_concerned(r, &snap->degraded[i]))
			return false;
	return snap->is_complete && !snap->unreadable_count;
}

/* Not for want of time, and not because this namespace is not the place to ask. */
static bool is_refused(const struct unknown_check *u)
{
	return !u->needs_time && !u->is_of_host;
}

/* Rules that could not be asked. */
static size_t count_refused(const struct report *r)
{
	size_t count = 0;
	for (size_t i = 0; i < r->unknown_count; i++)
		count += is_refused(&r->unknown[i]);
	return count;
}

/* "not everything could be seen, 2 checks not made in full" */
static void put_completeness(struct page *p)
{
	bool is_seen = is_all_seen(p->r);
	size_t refused = count_refused(p->r);
	if (!is_seen)
		strbuf_add(&p->line, "not everything could be seen");
	if (refused)
		strbuf_addf(&p->line, "%s%zu check%s not made in full",
			    is_seen ? "" : ", ", refused, refused == 1 ? "" : "s");
	if (is_seen && !refused)
		strbuf_add(&p->line, "nothing left out");
}

/* What takes more passes is no lack of this run: said in passing, without alarm. */
static void put_untimed(struct page *p)
{
	const char *before = " (too short for ";
	for (size_t i = 0; i < p->r->unknown_count; i++) {
		if (!p->r->unknown[i].needs_time)
			continue;
		strbuf_addf(&p->line, "%s%s", before,
			    finding_table[p->r->unknown[i].kind].code);
		before = ", ";
	}
	if (*before == ',')
		strbuf_add(&p->line, ")");
}

/* "37 connections in 3 ms, 2 passes; nothing left out" */
static void write_totals(struct page *p)
{
	char text[FORMAT_SIZE];
	uint64_t ms = p->r->duration_ns / 1000000;
	strbuf_reset(&p->line);
	put_quantity(&p->line, selected_connections(p->r), "connection");
	if (p->r->ignored_count)
		strbuf_addf(&p->line, " (%zu more ignored as configured)",
			    p->r->ignored_count);
	if (ms < 1000)
		strbuf_addf(&p->line, " in %u ms, ", (unsigned)ms);
	else
		strbuf_addf(&p->line, " in %s, ", duration_print(ms, text));
	strbuf_addf(&p->line, "%zu pass%s; ", p->r->pass_count,
		    p->r->pass_count == 1 ? "" : "es");
	put_completeness(p);
	put_untimed(p);
	fprintf(p->out, "%s\n", strbuf_text(&p->line));
}

/* What is missing is said in as many words, in the colour of a warning. */
static void write_lack(struct page *p, const char *start, const char *what,
		       const char *why)
{
	strbuf_reset(&p->line);
	put_outside(&p->line, what, p->o);
	strbuf_add(&p->line, ": ");
	put_outside(&p->line, why, p->o);
	fprintf(p->out, "%s%s%s", paint_on(SEVERITY_WARNING, p->o), start,
		paint_off(SEVERITY_WARNING, p->o));
	write_wrapped(p->out, strbuf_text(&p->line), strlen(start), strlen(start),
		      p->o);
}

static void write_missing(struct page *p, const char *what, const char *why)
{
	write_lack(p, "could not see: ", what, why);
}

/* One line about the runs before this one. */
static void write_memory(struct page *p)
{
	static const char *const words[MEMORY_STATUS_COUNT] = {
		[MEMORY_NEW] = "ages and findings are remembered from this run on",
		[MEMORY_CONTINUED] = "ages and findings go on from the last run",
		[MEMORY_RESTARTED] = "the host was restarted since the last run; ages "
				     "and findings begin anew",
		[MEMORY_FOREIGN] =
			"the last run was on another host, in another network "
			"namespace or on another clock; ages and findings "
			"begin anew",
		[MEMORY_DAMAGED] = "ages and findings begin anew",
		[MEMORY_UNUSABLE] = "nothing is known of earlier runs",
	};
	char gap[FORMAT_SIZE];
	if (p->r->memory == MEMORY_NONE)
		return;
	strbuf_reset(&p->line);
	strbuf_addf(&p->line, "memory: %s", words[p->r->memory]);
	if (p->r->memory == MEMORY_CONTINUED)
		strbuf_addf(&p->line, ", %s ago",
			    duration_print(p->r->memory_gap_ms, gap));
	write_wrapped(p->out, strbuf_text(&p->line), 0, 0, p->o);
}

static bool is_same_lack(const struct unknown_check *a, const struct unknown_check *b)
{
	return !a->needs_time && !b->needs_time && a->is_partial == b->is_partial &&
	       strcmp(a->reason, b->reason) == 0;
}

/* Told with an earlier one of the same reason. */
static bool is_lack_told(const struct report *r, size_t index)
{
	for (size_t i = 0; i < index; i++)
		if (is_same_lack(&r->unknown[i], &r->unknown[index]))
			return true;
	return false;
}

/*
 * A reason may end with why something was not seen; the lines above have said that.
 * Returns how much of it is left to be told.
 */
static size_t untold_length(const struct report *r, const char *reason)
{
	size_t len = strlen(reason);
	for (size_t i = 0; i < r->snap->degraded_count; i++) {
		const char *why = r->snap->degraded[i].why;
		size_t why_len = strlen(why);
		if (why_len && len > why_len + 2 &&
		    strcmp(reason + len - why_len, why) == 0)
			return len - why_len - 2; /* ": " */
	}
	return len;
}

/* One line for each reason, however many rules it keeps from being asked. */
static void write_unchecked(struct page *p)
{
	const struct report *r = p->r;
	for (size_t i = 0; i < r->unknown_count; i++) {
		auto_strbuf struct strbuf codes = { 0 };
		if (!is_refused(&r->unknown[i]) || is_lack_told(r, i))
			continue;
		for (size_t j = i; j < r->unknown_count; j++)
			if (is_same_lack(&r->unknown[i], &r->unknown[j]))
				strbuf_addf(&codes, "%s%s", codes.len ? ", " : "",
					    finding_table[r->unknown[j].kind].code);
		auto_strbuf struct strbuf why = { 0 };
		const char *reason = r->unknown[i].reason;
		strbuf_addf(&why, "%.*s", (int)untold_length(r, reason), reason);
		write_lack(p,
			   r->unknown[i].is_partial ? "not fully checked: "
						    : "not checked: ",
			   strbuf_text(&codes), strbuf_text(&why));
	}
}

void write_completeness(struct page *p)
{
	const struct snapshot *snap = p->r->snap;
	char why[64];
	write_totals(p);
	write_memory(p);
	if (!snap->is_complete)
		write_missing(p, "all connections",
			      "this pass is incomplete, there may be more than shown");
	if (snap->unreadable_count) {
		snprintf(why, sizeof(why), "%zu could not be decoded",
			 snap->unreadable_count);
		write_missing(p, "some records", why);
	}
	for (size_t i = 0; i < snap->degraded_count; i++)
		if (report_is_concerned(p->r, &snap->degraded[i]))
			write_missing(p, snap->degraded[i].what, snap->degraded[i].why);
	write_unchecked(p);
}
