/* SPDX-License-Identifier: MIT */
#include "pass.h"

#include <stdlib.h>
#include <string.h>

#include "conn-doctor/diagnose.h"
#include "conn-doctor/memory.h"
#include "ranking.h"

bool pass_is_small(const struct pass *p)
{
	return p->connection_count <= p->frame_rows;
}

bool pass_is_connection(const struct pass *p, uint32_t row)
{
	return p->report.assessments[row].is_selected &&
	       p->snap.sockets[row].state != TCP_STATE_LISTEN;
}

static void find_worst(struct pass *p)
{
	struct ranking ranking = { 0 };
	ranking_begin(&ranking, &p->report, p->frame_rows);
	p->connection_count = 0;
	memset(p->verdicts, 0, sizeof(p->verdicts));
	for (uint32_t row = 0; row < p->snap.socket_count; row++) {
		if (!pass_is_connection(p, row))
			continue;
		struct sort_key key = { report_harm(&p->report, row), 0 };
		ranking_add(&ranking, key, row);
		p->connection_count++;
		p->verdicts[p->report.assessments[row].verdict]++;
	}
	ranking_end(&ranking);
	free(p->worst);
	p->worst = xcalloc(ranking.count + 1, sizeof(*p->worst));
	p->worst_count = ranking.count;
	for (size_t i = 0; i < ranking.count; i++)
		p->worst[i] = ranking.items[i].row;
	ranking_clear(&ranking);
}

/* All connections: the worst ones in their order, then the others. */
static uint32_t *list_connections(const struct pass *p)
{
	uint32_t *rows = xcalloc(p->connection_count + 1, sizeof(*rows));
	auto_free bool *is_listed = xcalloc(p->snap.socket_count + 1, 1);
	size_t count = p->worst_count;
	for (size_t i = 0; i < count; i++) {
		rows[i] = p->worst[i];
		is_listed[p->worst[i]] = true;
	}
	for (uint32_t row = 0; count < p->connection_count; row++)
		if (!is_listed[row] && pass_is_connection(p, row))
			rows[count++] = row;
	return rows;
}

struct service_item {
	enum severity severity;
	uint32_t connections;
	uint32_t index;
};

static int compare_services(const void *a, const void *b)
{
	const struct service_item *x = a, *y = b;
	if (x->severity != y->severity)
		return x->severity > y->severity ? -1 : 1;
	if (x->connections != y->connections)
		return x->connections > y->connections ? -1 : 1;
	return (x->index > y->index) - (x->index < y->index);
}

static void order_services(struct pass *p)
{
	size_t count = p->report.service_count;
	auto_free struct service_item *items = xcalloc(count + 1, sizeof(*items));
	for (size_t i = 0; i < count; i++) {
		const struct service *s = &p->report.services[i];
		items[i] = (struct service_item){ s->severity, s->connection_count,
						  (uint32_t)i };
	}
	qsort(items, count, sizeof(*items), compare_services);
	free(p->services);
	p->services = xcalloc(count + 1, sizeof(*p->services));
	for (size_t i = 0; i < count; i++)
		p->services[i] = items[i].index;
	p->service_count = count;
}

/* More services than a screen has lines for are not looked into the future of. */
enum { FORESEEN_MAX = 16 };

static void measure_services(struct pass *p)
{
	free(p->gauges);
	p->gauges = xcalloc(p->report.service_count + 1, sizeof(*p->gauges));
	gauges_measure(&p->report, p->gauges);
	for (size_t i = 0; i < p->service_count && i < FORESEEN_MAX; i++)
		gauge_foresee(&p->report, &p->gauges[p->services[i]]);
}

static void update_journal(struct pass *p, const uint32_t *rows,
			   const struct pass_question *q)
{
	const struct follow_pass pass = {
		.report = &p->report,
		.past = p->report.history,
		.rows = rows,
		.row_count = p->connection_count,
		.filter = q->filter,
		.wanted = q->wanted,
	};
	if (q->journal)
		journal_update(q->journal, &pass);
}

void pass_diagnose(struct pass *p, const struct history *past,
		   const struct pass_question *q)
{
	struct diagnose_options options = { .filter = q->filter,
					    .policy = q->policy,
					    .with_findings = true,
					    .series = q->series };
	diagnose(&p->snap, past, q->limits, &options, &p->report);
	p->report.pass_count = history_pass_count(past);
	p->report.duration_ns = p->snap.duration_ns;
	p->frame_rows = q->frame_rows ? q->frame_rows : FRAME_ROWS;
	find_worst(p);
	order_services(p);
	measure_services(p);
	auto_free uint32_t *rows = list_connections(p);
	peers_make(&p->peers, &p->report, rows, p->connection_count);
	processes_make(&p->processes, &p->report, rows, p->connection_count);
	update_journal(p, rows, q);
	/* The series goes on at once, the history with the next pass. */
	p->report.series = NULL;
}

void pass_clear(struct pass *p)
{
	report_clear(&p->report);
	snapshot_clear(&p->snap);
	free(p->worst);
	free(p->services);
	free(p->gauges);
	peers_clear(&p->peers);
	processes_clear(&p->processes);
	*p = (struct pass){ 0 };
}
