/* SPDX-License-Identifier: MIT */
#include "conn-doctor/report.h"

#include <stdlib.h>
#include <string.h>

#include "conn-doctor/memory.h"

const struct finding_info finding_table[FINDING_KIND_COUNT] = {
#define X(id, code) { code },
	FINDINGS(X)
#undef X
};

/* unit.knowledge: every code has its text. */
const char *finding_title(enum finding_kind kind)
{
	const struct knowledge_code *k = knowledge_find(finding_table[kind].code);
	return k ? k->title : finding_table[kind].code;
}

const char *finding_usual_cause(enum finding_kind kind)
{
	const struct knowledge_code *k = knowledge_find(finding_table[kind].code);
	return k ? k->causes[0] : "";
}

const char *finding_cause(const struct finding *f)
{
	return f->cause ? f->cause : finding_usual_cause(f->kind);
}

void finding_clear(struct finding *f)
{
	free(f->summary);
	for (size_t i = 0; i < f->evidence_count; i++)
		free(f->evidence[i]);
	for (size_t i = 0; i < f->next_count; i++)
		free(f->next[i]);
}

void report_reset(struct report *r)
{
	for (size_t i = 0; i < r->finding_count; i++)
		finding_clear(&r->findings[i]);
	for (size_t i = 0; i < r->service_count; i++) {
		free(r->services[i].listeners);
		free(r->services[i].processes);
	}
	for (size_t i = 0; i < r->unknown_count; i++)
		free(r->unknown[i].reason);
	r->unknown_count = 0;
	r->finding_count = r->service_count = r->selected_count = 0;
	r->ignored_count = 0;
	u64_map_reset(&r->service_index);
	u64_map_reset(&r->half_closed);
	memset(r->verdicts, 0, sizeof(r->verdicts));
	r->severity = SEVERITY_OK;
	r->memory = MEMORY_NONE;
	r->memory_gap_ms = 0;
}

void report_clear(struct report *r)
{
	report_reset(r);
	free(r->assessments);
	u64_map_clear(&r->life_index);
	u64_map_clear(&r->half_closed);
	free(r->life_signs);
	free(r->pools);
	free(r->process_close_wait);
	free(r->services);
	free(r->findings);
	u64_map_clear(&r->service_index);
	*r = (struct report){ 0 };
}

static int compare_u32(uint32_t a, uint32_t b)
{
	return (a > b) - (a < b);
}

static int compare_by_address(const void *a, const void *b, void *ptr)
{
	const struct report *r = ptr;
	const struct tcp_socket *x = &r->snap->sockets[*(const uint32_t *)a];
	const struct tcp_socket *y = &r->snap->sockets[*(const uint32_t *)b];
	int order = compare_u32(x->netns, y->netns);
	if (!order)
		order = compare_u32(x->local_port, y->local_port);
	if (!order)
		order = memcmp(&x->local, &y->local, sizeof(x->local));
	if (!order)
		order = memcmp(&x->peer, &y->peer, sizeof(x->peer));
	if (!order)
		order = compare_u32(x->peer_port, y->peer_port);
	if (!order)
		order = (x->cookie > y->cookie) - (x->cookie < y->cookie);
	return order;
}

size_t report_by_address(const struct report *r, uint32_t **out)
{
	uint32_t *rows = xmalloc(r->selected_count * sizeof(*rows));
	size_t count = 0;
	for (size_t i = 0; i < r->snap->socket_count; i++)
		if (r->assessments[i].is_selected)
			rows[count++] = (uint32_t)i;
	/* The comparison only reads the report; qsort_r's argument is not const. */
	struct report view = *r;
	qsort_r(rows, count, sizeof(*rows), compare_by_address, &view);
	*out = rows;
	return count;
}

/*
 * A row with what decides its place in nearly all cases, so that a million rows
 * are sorted without looking at one of them.
 */
struct harm_item {
	uint64_t key; /* verdict, then longest first, unknown last */
	uint32_t row;
};

static int compare_by_harm(const void *a, const void *b, void *ptr)
{
	const struct harm_item *x = a, *y = b;
	if (x->key != y->key)
		return x->key < y->key ? -1 : 1;
	return compare_by_address(&x->row, &y->row, ptr);
}

/*
 * By the time when it began, not by its age: the kernel's clocks, asked row by row,
 * are off by milliseconds from pass to pass, and rows that began together would
 * change places on the screen each time. A tenth of a second is what is shown.
 */
uint64_t report_begin(const struct report *r, uint32_t row)
{
	enum { TENTH_MS = 100 };
	/* Older than the clock, in a recording that somebody made up. */
	const uint64_t before_boot = UINT64_C(1) << 40;
	const struct assessment *a = &r->assessments[row];
	uint64_t now = r->snap->monotonic_ms + before_boot * TENTH_MS;
	if (a->since_cs == ASSESSMENT_SINCE_UNKNOWN)
		return REPORT_BEGIN_UNKNOWN;
	uint64_t begin = (now - a->since_cs * UINT64_C(10)) / TENTH_MS;
	return begin < REPORT_BEGIN_UNKNOWN ? begin : REPORT_BEGIN_UNKNOWN - 1;
}

uint64_t report_harm(const struct report *r, uint32_t row)
{
	return (uint64_t)r->assessments[row].verdict << 56 | report_begin(r, row);
}

int report_compare_harm(const struct report *r, uint32_t a, uint32_t b)
{
	const struct harm_item x = { report_harm(r, a), a };
	const struct harm_item y = { report_harm(r, b), b };
	struct report view = *r;
	return compare_by_harm(&x, &y, &view);
}

size_t report_worst_first(const struct report *r, bool all, uint32_t **out)
{
	auto_free struct harm_item *items = NULL;
	size_t count = 0, capacity = 0;
	for (size_t i = 0; i < r->snap->socket_count; i++) {
		const struct assessment *a = &r->assessments[i];
		if (!a->is_selected ||
		    (!all && !verdict_table[a->verdict].is_complaint))
			continue;
		array_reserve(&items, &capacity, count + 1, sizeof(*items));
		items[count++] =
			(struct harm_item){ report_harm(r, (uint32_t)i), (uint32_t)i };
	}
	struct report view = *r;
	if (count)
		qsort_r(items, count, sizeof(*items), compare_by_harm, &view);
	uint32_t *rows = xmalloc(count * sizeof(*rows));
	for (size_t i = 0; i < count; i++)
		rows[i] = items[i].row;
	*out = rows;
	return count;
}

char *finding_listener_print(const struct report *r, const struct finding *f,
			     char out[static ENDPOINT_TEXT_SIZE])
{
	*out = '\0';
	if (f->listener == NO_INDEX)
		return out;
	const struct tcp_socket *sk = &r->snap->sockets[f->listener];
	return endpoint_print(&sk->local, sk->ip_version, sk->local_port, out);
}

const struct process *report_process_of(const struct report *r, uint32_t row,
					int32_t *fd)
{
	size_t count;
	const struct socket_owner *owner =
		snapshot_owners(r->snap, r->snap->sockets[row].inode, &count);
	if (!owner)
		return NULL;
	if (fd)
		*fd = owner->fd;
	return &r->snap->processes[owner->process];
}

/* The process, or one that it started: a master's workers hold its connections. */
static bool is_owned_by(const struct report *r, uint32_t row, int32_t pid)
{
	size_t count;
	const struct socket_owner *owners =
		snapshot_owners(r->snap, r->snap->sockets[row].inode, &count);
	for (size_t i = 0; i < count; i++) {
		const struct process *p = &r->snap->processes[owners[i].process];
		if (p->pid == pid || p->ppid == pid)
			return true;
	}
	return false;
}

/* Ports of the selected rows: of this side, and of the other. */
struct ports {
	bool local[UINT16_MAX + 1], peer[UINT16_MAX + 1];
};

static bool is_at_other_end(const struct ports *ports, const struct tcp_socket *sk)
{
	return sk->state != TCP_STATE_LISTEN && ports->peer[sk->local_port] &&
	       ports->local[sk->peer_port];
}

/* Owns a selected row, or (by the ports) the other end of one. */
static bool is_process_concerned(const struct report *r, int32_t pid)
{
	auto_free struct ports *ports = xcalloc(1, sizeof(*ports));
	const struct tcp_socket *rows = r->snap->sockets;
	for (uint32_t i = 0; i < r->snap->socket_count; i++) {
		if (!r->assessments[i].is_selected)
			continue;
		if (is_owned_by(r, i, pid))
			return true;
		ports->local[rows[i].local_port] = true;
		if (rows[i].state != TCP_STATE_LISTEN)
			ports->peer[rows[i].peer_port] = true;
	}
	for (uint32_t i = 0; i < r->snap->socket_count; i++)
		if (is_at_other_end(ports, &rows[i]) && is_owned_by(r, i, pid))
			return true;
	return false;
}

bool report_is_concerned(const struct report *r, const struct degraded *d)
{
	static const char of_nginx[] = DEGRADED_NGINX;
	size_t len = sizeof(of_nginx) - 1;
	if (strncmp(d->what, of_nginx, len) != 0)
		return true;
	return is_process_concerned(r, (int32_t)strtol(d->what + len, NULL, 10));
}

static bool is_owner_search_degraded(const struct snapshot *snap)
{
	for (size_t i = 0; i < snap->degraded_count; i++)
		if (strcmp(snap->degraded[i].what, "process owners") == 0)
			return true;
	return false;
}

enum owner_search report_owner_search(const struct report *r, uint32_t row)
{
	if (!r->snap->sockets[row].inode)
		return OWNER_NONE;
	if (!r->snap->has_owners)
		return OWNER_NOT_SOUGHT;
	/* In flight between processes, held by io_uring, or of the kernel. */
	return is_owner_search_degraded(r->snap) ? OWNER_NOT_VISIBLE : OWNER_NOT_FOUND;
}

const char *report_why_not_owned(const struct report *r, uint32_t row)
{
	static const char *const words[] = {
		[OWNER_NOT_SOUGHT] = "not looked up",
		[OWNER_NOT_VISIBLE] = "no permission",
		[OWNER_NOT_FOUND] = "no descriptor found",
	};
	const struct tcp_socket *sk = &r->snap->sockets[row];
	enum owner_search search = report_owner_search(r, row);
	if (search != OWNER_NONE)
		return words[search];
	if (sk->state == TCP_STATE_ESTABLISHED || sk->state == TCP_STATE_CLOSE_WAIT)
		return "not accepted yet";
	bool is_minisock = sk->timer == TCP_TIMER_TIME_WAIT ||
			   sk->state == TCP_STATE_SYN_RECV ||
			   sk->state == TCP_STATE_NEW_SYN_RECV;
	return is_minisock ? "minisock" : "orphan";
}
