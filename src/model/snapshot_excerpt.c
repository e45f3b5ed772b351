/* SPDX-License-Identifier: MIT */
#include "conn-doctor/snapshot.h"

#include <stdlib.h>
#include <string.h>

#include "conn-doctor/memory.h"

/* What is not of one row: the machine, its settings, what could not be seen. */
static void copy_host(struct snapshot *out, const struct snapshot *from)
{
	out->realtime_ns = from->realtime_ns;
	out->monotonic_ms = from->monotonic_ms;
	out->duration_ns = from->duration_ns;
	memcpy(out->host, from->host, sizeof(out->host));
	memcpy(out->boot_id, from->boot_id, sizeof(out->boot_id));
	memcpy(out->kernel, from->kernel, sizeof(out->kernel));
	out->has_owners = from->has_owners;
	out->duplicate_count = from->duplicate_count;
	out->unreadable_count = from->unreadable_count;
	out->is_complete = from->is_complete;
	for (size_t i = 0; i < from->host_address_count; i++)
		snapshot_add_host_address(out, &from->host_addresses[i]);
	for (size_t i = 0; i < from->degraded_count; i++)
		snapshot_add_degraded(out, from->degraded[i].what,
				      from->degraded[i].why);
}

/* In the same places, since rows name them by index. */
static void copy_namespaces(struct snapshot *out, const struct snapshot *from)
{
	for (size_t i = 0; i < from->netns_count; i++)
		snapshot_add_netns(out, from->namespaces[i].inode,
				   from->namespaces[i].name);
	for (size_t i = 0; i < from->cgroup_count; i++)
		snapshot_add_cgroup(out, from->cgroups[i]);
	for (size_t i = 0; i < from->socket_count; i++)
		if (from->sockets[i].netns < out->netns_count)
			out->namespaces[from->sockets[i].netns].omitted_count++;
}

/* So here, too: owners, findings and services have their index. */
static void copy_processes(struct snapshot *out, const struct snapshot *from)
{
	for (size_t i = 0; i < from->process_count; i++) {
		const struct process *p = &from->processes[i];
		struct process *copy = snapshot_add_process(out, p->pid);
		free(copy->comm);
		*copy = *p;
		copy->comm = xstrdup(p->comm);
		if (!p->cmdline)
			continue;
		/* With the end that is not counted. */
		copy->cmdline = xmalloc((size_t)p->cmdline_len + 1);
		memcpy(copy->cmdline, p->cmdline, (size_t)p->cmdline_len + 1);
	}
}

static void copy_settings(struct snapshot *out, const struct snapshot *from)
{
	for (size_t i = 0; i < from->setting_count; i++) {
		const struct server_setting *s = &from->settings[i];
		struct server_setting *copy = snapshot_add_setting(out, s->pid);
		*copy = *s;
		copy->context = xstrdup(s->context);
		copy->name = xstrdup(s->name);
		copy->value = xstrdup(s->value);
		copy->file = xstrdup(s->file);
	}
}

static void copy_row(struct snapshot *out, const struct snapshot *from, uint32_t row)
{
	const struct tcp_socket *sk = &from->sockets[row];
	const struct socket_options *options =
		snapshot_socket_options(from, sk->cookie);
	size_t count;
	const struct socket_owner *owners = snapshot_owners(from, sk->inode, &count);
	*snapshot_new_socket(out) = *sk;
	snapshot_commit(out);
	if (sk->netns < out->netns_count)
		out->namespaces[sk->netns].omitted_count--;
	if (options)
		snapshot_add_socket_options(out, options);
	for (size_t i = 0; i < count; i++)
		snapshot_add_owner(out, owners[i].inode, owners[i].process,
				   owners[i].fd);
}

void snapshot_excerpt(struct snapshot *out, const struct snapshot *from,
		      const uint32_t *rows, size_t count)
{
	snapshot_reset(out);
	copy_host(out, from);
	copy_namespaces(out, from);
	copy_processes(out, from);
	copy_settings(out, from);
	for (size_t i = 0; i < count; i++)
		copy_row(out, from, rows[i]);
	snapshot_finish(out);
}

size_t snapshot_omitted_count(const struct snapshot *snap)
{
	size_t count = 0;
	for (size_t i = 0; i < snap->netns_count; i++)
		count += snap->namespaces[i].omitted_count;
	return count;
}
