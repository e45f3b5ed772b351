/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>

#include "conn-doctor/memory.h"
#include "context.h"

/* From reports to series: which counts of a pass are followed over time. */

/* The kernel's counters that are followed. */
static const struct {
	enum series_metric metric;
	enum kernel_value value;
} counters[] = {
	{ SERIES_ATTEMPT_FAILS, KERNEL_ATTEMPT_FAILS },
	{ SERIES_ESTAB_RESETS, KERNEL_ESTAB_RESETS },
	{ SERIES_OUT_RSTS, KERNEL_OUT_RSTS },
	{ SERIES_ABORT_ON_DATA, KERNEL_ABORT_ON_DATA },
	{ SERIES_ABORT_ON_CLOSE, KERNEL_ABORT_ON_CLOSE },
	{ SERIES_ABORT_ON_MEMORY, KERNEL_ABORT_ON_MEMORY },
	{ SERIES_ABORT_ON_TIMEOUT, KERNEL_ABORT_ON_TIMEOUT },
	{ SERIES_ABORT_ON_LINGER, KERNEL_ABORT_ON_LINGER },
};

/* Nobody holds it any more: it goes by itself. */
static bool is_resting(const struct tcp_socket *sk)
{
	return sk->state == TCP_STATE_TIME_WAIT || sk->timer == TCP_TIMER_TIME_WAIT;
}

static void count_row(const struct tcp_socket *sk, const struct assessment *a,
		      struct series_values *values)
{
	values->of[SERIES_ESTABLISHED] += sk->state == TCP_STATE_ESTABLISHED;
	values->of[SERIES_CLOSE_WAIT] += sk->state == TCP_STATE_CLOSE_WAIT;
	values->of[SERIES_HALF_OPEN] += a->verdict == VERDICT_HALF_OPEN;
	values->of[SERIES_CONNECTIONS] += !is_resting(sk);
}

static void count_owner(struct report *r, uint32_t row)
{
	const struct process *p = report_process_of(r, row, NULL);
	if (p)
		r->process_close_wait[p - r->snap->processes]++;
}

static struct service *service_of_row(struct report *r, uint32_t row)
{
	const struct service *s = report_service_of(r, row);
	return s ? &r->services[s - r->services] : NULL;
}

static void count_rows(struct report *r)
{
	for (size_t i = 0; i < r->snap->socket_count; i++) {
		const struct tcp_socket *sk = &r->snap->sockets[i];
		const struct assessment *a = &r->assessments[i];
		if (!a->is_selected || sk->state == TCP_STATE_LISTEN)
			continue;
		count_row(sk, a, &r->now);
		struct service *s = service_of_row(r, (uint32_t)i);
		if (s)
			count_row(sk, a, &s->now);
		if (sk->state == TCP_STATE_CLOSE_WAIT)
			count_owner(r, (uint32_t)i);
	}
}

static void take_counters(const struct snapshot *snap, struct series_values *out)
{
	for (size_t i = 0; i < sizeof(counters) / sizeof(*counters); i++) {
		int64_t value = snap->kernel[counters[i].value];
		uint32_t low = (uint32_t)value;
		/* One value stands for unknown; the counter goes on in a moment. */
		out->of[counters[i].metric] =
			value < 0 || low == SERIES_UNKNOWN ? SERIES_UNKNOWN : low;
	}
}

void series_values_build(struct report *r)
{
	r->now = (struct series_values){ 0 };
	free(r->process_close_wait);
	r->process_close_wait =
		xcalloc(r->snap->process_count + 1, sizeof(*r->process_close_wait));
	count_rows(r);
	pools_count(r);
	take_counters(r->snap, &r->now);
	for (size_t i = 0; i < r->service_count; i++) {
		struct service *s = &r->services[i];
		s->now.of[SERIES_ACCEPT_QUEUE] = (uint32_t)s->accept_queue_count;
		r->now.of[SERIES_ACCEPT_QUEUE] += (uint32_t)s->accept_queue_count;
	}
}

struct series_scope series_of_host(void)
{
	return (struct series_scope){ .kind = SERIES_HOST };
}

struct series_scope series_of_service(const struct report *r, size_t service)
{
	const struct service *s = &r->services[service];
	/* The inode, not its index: that is of one snapshot only. */
	uint64_t netns = s->netns < r->snap->netns_count
				 ? r->snap->namespaces[s->netns].inode
				 : 0;
	return (struct series_scope){ .kind = SERIES_SERVICE,
				      .id = netns << 16 | s->port };
}

struct series_scope series_of_process(const struct report *r, size_t process)
{
	const struct process *p = &r->snap->processes[process];
	return (struct series_scope){ .kind = SERIES_PROCESS,
				      .id = (uint32_t)p->pid,
				      .start_ticks = p->start_ticks };
}

/* The process and where it connects to: what is left when all reconnect. */
struct series_scope series_of_pool(const struct report *r, size_t pool)
{
	uint32_t row = r->pools[pool].row;
	const struct tcp_socket *sk = &r->snap->sockets[row];
	const struct process *p = report_process_of(r, row, NULL);
	uint64_t parts[3] = { (uint64_t)(p ? p->pid : 0) << 16 | sk->peer_port };
	memcpy(parts + 1, sk->peer.bytes, sizeof(sk->peer.bytes));
	uint64_t id = 0;
	for (size_t i = 0; i < 3; i++)
		id = u64_hash(id ^ parts[i]) + 1;
	return (struct series_scope){ .kind = SERIES_POOL,
				      .id = id,
				      .start_ticks = p ? p->start_ticks : 0 };
}

static bool is_shown(const struct report *r, const struct service *s)
{
	for (size_t i = 0; i < s->listener_count; i++)
		if (r->assessments[s->listeners[i]].is_selected)
			return true;
	return s->connection_count > 0;
}

static void add_process(struct series *s, const struct report *r, size_t process)
{
	struct series_scope scope = series_of_process(r, process);
	struct series_values values = { 0 };
	int64_t count = r->snap->processes[process].fd_count;
	values.of[SERIES_CLOSE_WAIT] = r->process_close_wait[process];
	values.of[SERIES_DESCRIPTORS] =
		count < 0 || count >= SERIES_UNKNOWN ? SERIES_UNKNOWN : (uint32_t)count;
	series_add(s, &scope, r->snap->monotonic_ms, &values);
}

static void add_pool(struct series *s, const struct report *r, size_t pool)
{
	struct series_scope scope = series_of_pool(r, pool);
	struct series_values values = { 0 };
	values.of[SERIES_CONNECTIONS] = r->pools[pool].count;
	series_add(s, &scope, r->snap->monotonic_ms, &values);
}

void series_update_counters(struct series *s, const struct snapshot *snap)
{
	struct series_scope host = series_of_host();
	struct series_values values;
	for (size_t i = 0; i < SERIES_METRIC_COUNT; i++)
		values.of[i] = SERIES_UNKNOWN;
	take_counters(snap, &values);
	series_add(s, &host, snap->monotonic_ms, &values);
}

void series_update(struct series *s, const struct report *r)
{
	struct series_scope scope = series_of_host();
	uint64_t now_ms = r->snap->monotonic_ms;
	series_add(s, &scope, now_ms, &r->now);
	for (size_t i = 0; i < r->service_count; i++) {
		scope = series_of_service(r, i);
		if (is_shown(r, &r->services[i]))
			series_add(s, &scope, now_ms, &r->services[i].now);
	}
	for (size_t i = 0; i < r->snap->process_count; i++)
		add_process(s, r, i);
	for (size_t i = 0; i < r->pool_count; i++)
		add_pool(s, r, i);
}

size_t series_with_report(const struct report *r, const struct series_scope *scope,
			  enum series_metric metric, uint32_t now,
			  struct series_point out[static SERIES_POINTS + 1])
{
	size_t count = series_points(r->series, scope, metric, out);
	uint64_t now_ms = r->snap->monotonic_ms;
	if (now != SERIES_UNKNOWN &&
	    (count == 0 || now_ms >= out[count - 1].at_ms + 10))
		out[count++] = (struct series_point){ now_ms, now };
	return count;
}
