/* SPDX-License-Identifier: MIT */
#include <stdlib.h>

#include "conn-doctor/memory.h"
#include "context.h"

/*
 * Services, by (namespace, local port). All listeners make services, whatever
 * the filter selects, because they decide the role of a connection.
 */
static uint64_t service_key(uint16_t netns, uint16_t port)
{
	return (uint64_t)netns << 16 | port;
}

static struct service *service_at(const struct report *r, uint16_t netns, uint16_t port)
{
	const uint32_t *index =
		u64_map_find(&r->service_index, service_key(netns, port));
	return index ? &r->services[*index] : NULL;
}

static bool covers(const struct tcp_socket *listener, const struct tcp_socket *sk)
{
	return ip_address_is_any(&listener->local) ||
	       ip_address_equal(&listener->local, &sk->local);
}

enum role role_of(const struct report *r, const struct tcp_socket *sk)
{
	if (sk->state == TCP_STATE_LISTEN || sk->state == TCP_STATE_CLOSED)
		return ROLE_NONE;
	const struct service *s = service_at(r, sk->netns, sk->local_port);
	for (size_t i = 0; s && i < s->listener_count; i++)
		if (covers(&r->snap->sockets[s->listeners[i]], sk))
			return ROLE_SERVER;
	return ROLE_CLIENT;
}

const struct service *report_service_of(const struct report *r, uint32_t row)
{
	const struct tcp_socket *sk = &r->snap->sockets[row];
	bool is_member = sk->state == TCP_STATE_LISTEN ||
			 r->assessments[row].role == ROLE_SERVER;
	return is_member ? service_at(r, sk->netns, sk->local_port) : NULL;
}

static void add_process(struct service *s, uint32_t process)
{
	for (size_t i = 0; i < s->process_count; i++)
		if (s->processes[i] == process)
			return;
	array_reserve(&s->processes, &s->process_capacity, s->process_count + 1,
		      sizeof(*s->processes));
	s->processes[s->process_count++] = process;
}

void services_add_listener(struct report *r, uint32_t row)
{
	const struct tcp_socket *sk = &r->snap->sockets[row];
	bool is_new;
	uint32_t *index = u64_map_insert(
		&r->service_index, service_key(sk->netns, sk->local_port), &is_new);
	if (is_new) {
		*index = (uint32_t)r->service_count;
		array_reserve(&r->services, &r->service_capacity, r->service_count + 1,
			      sizeof(*r->services));
		struct service *s = &r->services[r->service_count++];
		*s = (struct service){ .netns = sk->netns,
				       .port = sk->local_port,
				       .target = NO_INDEX };
		endpoint_print(&sk->local, sk->ip_version, sk->local_port,
			       s->listener_text);
	}
	struct service *s = &r->services[*index];
	array_reserve(&s->listeners, &s->listener_capacity, s->listener_count + 1,
		      sizeof(*s->listeners));
	s->listeners[s->listener_count++] = row;
	s->accept_queue_count += sk->recv_queue;
	s->accept_queue_limit += sk->send_queue;

	size_t count;
	const struct socket_owner *owners = snapshot_owners(r->snap, sk->inode, &count);
	for (size_t i = 0; i < count; i++)
		add_process(s, owners[i].process);
}

static void recognise_stack(const struct report *r, struct service *s)
{
	struct launch launch;
	stack_recognise_any(r->snap, s->processes, s->process_count, &launch);
	if (!launch.stack)
		return;
	s->stack = launch.stack->name;
	s->request_response_ms = stack_request_response_ms(&launch);
}

void services_recognise(struct report *r)
{
	for (size_t i = 0; i < r->service_count; i++)
		recognise_stack(r, &r->services[i]);
}
