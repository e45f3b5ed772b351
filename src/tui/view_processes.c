/* SPDX-License-Identifier: MIT */
#include <inttypes.h>
#include <string.h>

#include "conn-doctor/text.h"
#include "summary.h"
#include "view.h"

/* The processes that own connections or listen, worst first. */

enum {
	NAME_WIDTH = 24,
	STACK_WIDTH = 12,
	GAUGE_WIDTH = 10,
	FD_WIDTH = 16, /* "12345/1048576 " */
	STACK_COLUMNS = 100,
	GAUGE_COLUMNS = 70,
	/* Below that, a short name and the share of the descriptors in use. */
	NARROW_COLUMNS = 60,
	NARROW_NAME_WIDTH = 18,
	NARROW_FD_WIDTH = 6,
};

static int name_width(int width)
{
	return width < NARROW_COLUMNS ? NARROW_NAME_WIDTH : NAME_WIDTH;
}

static size_t count_rows(const struct frame *f)
{
	return f->processes.count;
}

static uint64_t row_id(const struct frame *f, size_t position)
{
	return f->processes.rows[position].id;
}

static const struct process *process_of(const struct frame *f,
					const struct process_row *p)
{
	return &f->snap.processes[p->process];
}

/* NULL = not recognised */
static const char *stack_of(const struct frame *f, const struct process_row *p)
{
	return p->service == NO_INDEX ? NULL : f->report.services[p->service].stack;
}

static const char *or_dash(const char *text)
{
	return text ? text : "-";
}

static void draw_heading(const struct scene *s)
{
	const struct rect *r = &s->layout.heading;
	auto_strbuf struct strbuf text = { 0 };
	strbuf_addf(&text, "%-*s", name_width(r->width), "PROCESS");
	if (r->width >= STACK_COLUMNS)
		strbuf_addf(&text, "%-*s", STACK_WIDTH, "STACK");
	if (r->width < NARROW_COLUMNS)
		strbuf_addf(&text, "%*s ", NARROW_FD_WIDTH - 1, "FDS");
	else
		strbuf_addf(&text, "%*s ", FD_WIDTH - 1, "DESCRIPTORS");
	if (r->width >= GAUGE_COLUMNS)
		strbuf_addf(&text, "%-*s", GAUGE_WIDTH + 3, "USED");
	strbuf_add(&text, "CONNECTIONS");
	screen_put(r->y, r->x, r->width, strbuf_text(&text), PAINT_HEADING);
}

/* "[####......]": full only when nothing is left. */
static void put_gauge(int permille, struct strbuf *out)
{
	int used = permille * GAUGE_WIDTH / 1000;
	strbuf_add_char(out, '[');
	for (int i = 0; i < GAUGE_WIDTH; i++)
		strbuf_add_char(out, permille < 0 ? ' ' : i < used ? '#' : '.');
	strbuf_add(out, "] ");
}

static enum paint paint_of_fd_share(const struct report *r, int permille)
{
	if (permille >= 0 &&
	    (uint64_t)permille >= r->limits->value[LIMIT_FD_CRITICAL_SHARE])
		return paint_of_severity(SEVERITY_CRITICAL);
	if (permille >= 0 && (uint64_t)permille >= r->limits->value[LIMIT_FD_SHARE])
		return paint_of_severity(SEVERITY_WARNING);
	return PAINT_NORMAL;
}

static void put_descriptors(const struct process *p, struct strbuf *out)
{
	auto_strbuf struct strbuf text = { 0 };
	if (p->fd_count < 0)
		strbuf_add_char(&text, '-');
	else if (p->fd_limit <= 0)
		strbuf_addf(&text, "%" PRId64, p->fd_count);
	else
		strbuf_addf(&text, "%" PRId64 "/%" PRId64, p->fd_count, p->fd_limit);
	strbuf_addf(out, "%*s ", FD_WIDTH - 1, strbuf_text(&text));
}

static void put_share(int permille, struct strbuf *out)
{
	auto_strbuf struct strbuf text = { 0 };
	if (permille < 0)
		strbuf_add_char(&text, '-');
	else
		strbuf_addf(&text, "%d%%", permille / 10);
	strbuf_addf(out, "%*s ", NARROW_FD_WIDTH - 1, strbuf_text(&text));
}

/* The pid stays where the name is too long. */
static void put_name(const struct process *p, int width, struct strbuf *out)
{
	text_sanitize(out, p->comm, strlen(p->comm));
	strbuf_addf(out, "[%" PRId32 "]", p->pid);
	if ((int)text_width(strbuf_text(out)) >= width)
		columns_shorten_owner(out, width - 1);
}

static enum severity severity_of(const struct process_row *p)
{
	return p->count ? field_row_severity(&p->sample.worst) : SEVERITY_OK;
}

static int put_usage(const struct scene *s, const struct rect *line, int x,
		     const struct process *p)
{
	auto_strbuf struct strbuf text = { 0 };
	int share = process_fd_share(p);
	if (line->width < NARROW_COLUMNS)
		put_share(share, &text);
	else
		put_descriptors(p, &text);
	if (line->width >= GAUGE_COLUMNS)
		put_gauge(share, &text);
	return view_put_left(line, 0, x, strbuf_text(&text),
			     paint_of_fd_share(&s->frame->report, share));
}

static void put_connections(const struct process_row *p, struct strbuf *out)
{
	strbuf_addf(out, "%" PRIu32 "%s", p->count, p->count ? ": " : "");
	summary_put_verdicts(p->verdicts, out);
}

static void draw_row(const struct scene *s, size_t position, int y)
{
	const struct process_row *row = &s->frame->processes.rows[position];
	const struct process *p = process_of(s->frame, row);
	const struct rect line = { y, s->layout.table.x, 1, s->layout.table.width };
	auto_strbuf struct strbuf name = { 0 }, counts = { 0 };
	enum severity severity = severity_of(row);
	int x = name_width(line.width);
	put_name(p, x, &name);
	screen_put(y, line.x, x, strbuf_text(&name), PAINT_NORMAL);
	if (line.width >= STACK_COLUMNS) {
		screen_put(y, line.x + x, STACK_WIDTH, or_dash(stack_of(s->frame, row)),
			   PAINT_NORMAL);
		x += STACK_WIDTH;
	}
	x = put_usage(s, &line, x, p);
	put_connections(row, &counts);
	view_put_left(&line, 0, x, strbuf_text(&counts),
		      severity > SEVERITY_OK ? paint_of_severity(severity)
					     : PAINT_NORMAL);
}

static void add_usage(struct page *page, const struct report *r,
		      const struct process *p)
{
	auto_strbuf struct strbuf text = { 0 };
	char limit[32];
	int share = process_fd_share(p);
	if (p->fd_count < 0) {
		page_add(page, "descriptors", "not known: no permission", PAINT_NORMAL);
		return;
	}
	strbuf_addf(&text, "%" PRId64 " open", p->fd_count);
	if (share >= 0)
		strbuf_addf(&text, " of %" PRId64 ", %d %% (limit %s)", p->fd_limit,
			    share / 10,
			    limit_print(LIMIT_FD_SHARE,
					r->limits->value[LIMIT_FD_SHARE], limit));
	page_add(page, "descriptors", strbuf_text(&text), paint_of_fd_share(r, share));
}

static const char *state_meaning(char state)
{
	static const struct {
		char state;
		const char *meaning;
	} meanings[] = {
		{ 'R', "R: runs or wants to" },
		{ 'S', "S: sleeps until something happens" },
		{ 'D', "D: waits for a device or file system, cannot be interrupted" },
		{ 'T', "T: stopped by a signal; it does nothing until SIGCONT" },
		{ 't', "t: stopped by a debugger" },
		{ 'Z', "Z: dead, its parent has not asked how it ended" },
		{ 'I', "I: idle thread of the kernel" },
	};
	for (size_t i = 0; i < sizeof(meanings) / sizeof(*meanings); i++)
		if (meanings[i].state == state)
			return meanings[i].meaning;
	return "not known";
}

static void add_state(struct page *page, const struct process *p)
{
	auto_strbuf struct strbuf text = { 0 };
	strbuf_add(&text, state_meaning(p->state));
	if (p->wchan[0] && strcmp(p->wchan, "0") != 0) {
		strbuf_add(&text, "; in the kernel's ");
		text_sanitize(&text, p->wchan, strlen(p->wchan));
	}
	page_add(page, "state", strbuf_text(&text), PAINT_NORMAL);
}

/* Everything it listens for. */
static void add_services(struct page *page, const struct report *r, uint32_t process)
{
	const char *label = "listens on";
	for (size_t i = 0; i < r->service_count; i++) {
		const struct service *s = &r->services[i];
		for (size_t j = 0; j < s->process_count; j++) {
			if (s->processes[j] != process)
				continue;
			page_add(page, label, s->listener_text, PAINT_NORMAL);
			label = "";
		}
	}
}

/* What was found about it, the flags it was started with among them. */
static void add_findings(struct page *page, const struct report *r, uint32_t process)
{
	const char *label = "findings";
	for (size_t i = 0; i < r->finding_count; i++) {
		const struct finding *f = &r->findings[i];
		auto_strbuf struct strbuf line = { 0 };
		if (f->process != (int32_t)process)
			continue;
		strbuf_addf(&line, "%s: ", finding_table[f->kind].code);
		text_sanitize(&line, f->summary, strlen(f->summary));
		page_add(page, label, strbuf_text(&line),
			 paint_of_severity(f->severity));
		label = "";
	}
}

static bool write_page(const struct frame *f, uint64_t id, struct page *out)
{
	size_t position = view_find(&view_processes, f, id);
	if (position == VIEW_NOT_FOUND)
		return false;
	const struct process_row *row = &f->processes.rows[position];
	const struct process *p = process_of(f, row);
	auto_strbuf struct strbuf title = { 0 }, counts = { 0 };
	page_clear(out);
	strbuf_add(&title, "process ");
	text_sanitize(&title, p->comm, strlen(p->comm));
	strbuf_addf(&title, "[%" PRId32 "]", p->pid);
	page_set_title(out, strbuf_text(&title));
	add_findings(out, &f->report, row->process);
	page_add(out, "software", or_dash(stack_of(f, row)), PAINT_NORMAL);
	add_state(out, p);
	add_usage(out, &f->report, p);
	add_services(out, &f->report, row->process);
	put_connections(row, &counts);
	page_add(out, "connections", strbuf_text(&counts), PAINT_NORMAL);
	page_add_heading(out, "Its connections, worst first");
	view_add_connections(out, &f->report, row->sample.rows, row->sample.count,
			     row->count);
	return true;
}

/* What was found about the process itself, or its worst connection's verdict. */
static const char *code_of(const struct frame *f, const struct process_row *row)
{
	for (size_t i = 0; i < f->report.finding_count; i++)
		if (f->report.findings[i].process == (int32_t)row->process)
			return finding_table[f->report.findings[i].kind].code;
	return row->count ? verdict_table[row->sample.worst.verdict].code : NULL;
}

static bool find_subject(const struct frame *f, uint64_t id, struct row_subject *out)
{
	size_t position = view_find(&view_processes, f, id);
	if (position == VIEW_NOT_FOUND)
		return false;
	const struct process_row *row = &f->processes.rows[position];
	*out = (struct row_subject){ .code = code_of(f, row),
				     .stack = stack_of(f, row) };
	return true;
}

const struct view_ops view_processes = {
	.name = "processes",
	.empty = "no owner of a connection is known (not looked up, or no permission)",
	.count = count_rows,
	.id = row_id,
	.draw_heading = draw_heading,
	.draw_row = draw_row,
	.write_page = write_page,
	.subject = find_subject,
};
