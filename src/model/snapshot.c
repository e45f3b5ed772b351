/* SPDX-License-Identifier: MIT */
#include "conn-doctor/snapshot.h"

#include <stdlib.h>
#include <string.h>

#include "conn-doctor/memory.h"

static void clear_texts(struct snapshot *snap)
{
	for (size_t i = 0; i < snap->process_count; i++) {
		free(snap->processes[i].comm);
		free(snap->processes[i].cmdline);
	}
	for (size_t i = 0; i < snap->degraded_count; i++) {
		free(snap->degraded[i].what);
		free(snap->degraded[i].why);
	}
	for (size_t i = 0; i < snap->setting_count; i++) {
		free(snap->settings[i].context);
		free(snap->settings[i].name);
		free(snap->settings[i].value);
		free(snap->settings[i].file);
	}
}

void snapshot_reset(struct snapshot *snap)
{
	clear_texts(snap);
	struct snapshot empty = {
		.sockets = snap->sockets,
		.socket_capacity = snap->socket_capacity,
		.namespaces = snap->namespaces,
		.netns_capacity = snap->netns_capacity,
		.cgroups = snap->cgroups,
		.cgroup_capacity = snap->cgroup_capacity,
		.cgroup_index = snap->cgroup_index,
		.host_addresses = snap->host_addresses,
		.host_address_capacity = snap->host_address_capacity,
		.processes = snap->processes,
		.process_capacity = snap->process_capacity,
		.owners = snap->owners,
		.owner_capacity = snap->owner_capacity,
		.socket_options = snap->socket_options,
		.socket_options_capacity = snap->socket_options_capacity,
		.settings = snap->settings,
		.setting_capacity = snap->setting_capacity,
		.degraded = snap->degraded,
		.degraded_capacity = snap->degraded_capacity,
		.cookie_index = snap->cookie_index, /* stale until finish */
		.is_complete = true,
	};
	*snap = empty;
	u64_map_reset(&snap->cgroup_index);
	for (size_t i = 0; i < KERNEL_VALUE_COUNT; i++)
		snap->kernel[i] = -1;
}

void snapshot_clear(struct snapshot *snap)
{
	clear_texts(snap);
	free(snap->sockets);
	free(snap->namespaces);
	free(snap->cgroups);
	free(snap->host_addresses);
	free(snap->processes);
	free(snap->owners);
	free(snap->socket_options);
	free(snap->settings);
	free(snap->degraded);
	row_index_clear(&snap->cookie_index);
	u64_map_clear(&snap->cgroup_index);
	*snap = (struct snapshot){ 0 };
}

struct tcp_socket *snapshot_new_socket(struct snapshot *snap)
{
	array_reserve(&snap->sockets, &snap->socket_capacity, snap->socket_count + 1,
		      sizeof(*snap->sockets));
	struct tcp_socket *sk = &snap->sockets[snap->socket_count];
	memset(sk, 0, sizeof(*sk));
	return sk;
}

void snapshot_commit(struct snapshot *snap)
{
	snap->socket_count++;
}

_Static_assert(offsetof(struct tcp_socket, cookie) == 0, "what row_index looks at");

/*
 * Done for all rows at once, when their number is known: the index never grows,
 * and the slot of a later row can be fetched while this one is inserted.
 */
static void drop_duplicates(struct snapshot *snap)
{
	enum { AHEAD = 16 };
	struct tcp_socket *rows = snap->sockets;
	uint32_t kept = 0;
	row_index_reset(&snap->cookie_index, snap->socket_count);
	for (size_t i = 0; i < snap->socket_count; i++) {
		if (i + AHEAD < snap->socket_count)
			row_index_prefetch(&snap->cookie_index, rows[i + AHEAD].cookie);
		if (row_index_insert(&snap->cookie_index, rows, sizeof(*rows),
				     rows[i].cookie, kept) != kept)
			continue;
		if (kept != i)
			rows[kept] = rows[i];
		kept++;
	}
	snap->duplicate_count += snap->socket_count - kept;
	snap->socket_count = kept;
}

const struct tcp_socket *snapshot_find(const struct snapshot *snap, uint64_t cookie)
{
	uint32_t row = row_index_find(&snap->cookie_index, snap->sockets,
				      sizeof(*snap->sockets), cookie);
	return row != ROW_NONE ? &snap->sockets[row] : NULL;
}

void snapshot_forget_index(struct snapshot *snap)
{
	row_index_clear(&snap->cookie_index);
}

uint16_t snapshot_add_netns(struct snapshot *snap, uint64_t inode, const char *name)
{
	for (size_t i = 0; i < snap->netns_count; i++)
		if (snap->namespaces[i].inode == inode)
			return (uint16_t)i;
	if (snap->netns_count == UINT16_MAX)
		return UINT16_MAX - 1;
	array_reserve(&snap->namespaces, &snap->netns_capacity, snap->netns_count + 1,
		      sizeof(*snap->namespaces));
	struct netns *ns = &snap->namespaces[snap->netns_count];
	*ns = (struct netns){ .inode = inode };
	strncpy(ns->name, name, sizeof(ns->name) - 1);
	return (uint16_t)snap->netns_count++;
}

uint16_t snapshot_add_cgroup(struct snapshot *snap, uint64_t id)
{
	bool is_new;
	uint32_t *index = u64_map_insert(&snap->cgroup_index, id, &is_new);
	if (!is_new)
		return (uint16_t)*index;
	/* Beyond what the row can name (kernel limit: 65535), share the last one. */
	if (snap->cgroup_count == UINT16_MAX)
		return UINT16_MAX - 1;
	*index = (uint32_t)snap->cgroup_count;
	array_reserve(&snap->cgroups, &snap->cgroup_capacity, snap->cgroup_count + 1,
		      sizeof(*snap->cgroups));
	snap->cgroups[snap->cgroup_count] = id;
	return (uint16_t)snap->cgroup_count++;
}

struct process *snapshot_add_process(struct snapshot *snap, int32_t pid)
{
	array_reserve(&snap->processes, &snap->process_capacity,
		      snap->process_count + 1, sizeof(*snap->processes));
	struct process *p = &snap->processes[snap->process_count++];
	*p = (struct process){
		.pid = pid,
		.comm = xstrdup(""),
		.fd_count = -1,
		.fd_limit = -1,
	};
	return p;
}

void snapshot_add_owner(struct snapshot *snap, uint32_t inode, uint32_t process,
			int32_t fd)
{
	enum {
		PROCESSES = 1 << OWNER_PROCESS_BITS,
		DESCRIPTORS = 1 << OWNER_FD_BITS,
	};
	_Static_assert(sizeof(struct socket_owner) == 10, "as snapshot.h says");
	if (process >= PROCESSES || fd < 0 || fd >= DESCRIPTORS)
		return;
	array_reserve(&snap->owners, &snap->owner_capacity, snap->owner_count + 1,
		      sizeof(*snap->owners));
	snap->owners[snap->owner_count++] = (struct socket_owner){
		.inode = inode,
		.process = process & (PROCESSES - 1),
		.fd = (uint32_t)fd & (DESCRIPTORS - 1),
	};
}

static int compare_owners(const void *a, const void *b)
{
	const struct socket_owner *x = a, *y = b;
	if (x->inode != y->inode)
		return x->inode < y->inode ? -1 : 1;
	if (x->process != y->process)
		return x->process < y->process ? -1 : 1;
	return (x->fd > y->fd) - (x->fd < y->fd);
}

enum { SORT_GROUPS = 256, SORT_SMALL = 64 };

/* Swaps each owner into the group that `shift` bits of its inode name. */
static void group_owners(struct socket_owner *owners, size_t count, uint32_t least,
			 unsigned shift, size_t ends[static SORT_GROUPS])
{
	size_t next[SORT_GROUPS], start = 0;
	memset(ends, 0, SORT_GROUPS * sizeof(*ends));
	for (size_t i = 0; i < count; i++)
		ends[(owners[i].inode - least) >> shift]++;
	for (size_t g = 0; g < SORT_GROUPS; g++) {
		next[g] = start;
		start = ends[g] += start;
	}
	for (size_t g = 0; g < SORT_GROUPS; g++)
		while (next[g] < ends[g]) {
			struct socket_owner *here = &owners[next[g]];
			size_t group = (here->inode - least) >> shift;
			struct socket_owner moved = *here;
			*here = owners[next[group]];
			owners[next[group]++] = moved;
		}
}

/*
 * Groups by the highest bits of the inode in which they differ, then sorts each
 * group: qsort() of all of them would take as much memory again.
 */
static void sort_owners(struct socket_owner *owners, size_t count)
{
	uint32_t least = UINT32_MAX, most = 0;
	for (size_t i = 0; i < count; i++) {
		least = owners[i].inode < least ? owners[i].inode : least;
		most = owners[i].inode > most ? owners[i].inode : most;
	}
	if (count <= SORT_SMALL || least == most) {
		if (count)
			qsort(owners, count, sizeof(*owners), compare_owners);
		return;
	}
	size_t ends[SORT_GROUPS];
	unsigned shift = 0;
	while ((most - least) >> shift >= SORT_GROUPS)
		shift++;
	group_owners(owners, count, least, shift, ends);
	for (size_t g = 0, start = 0; g < SORT_GROUPS; start = ends[g++])
		sort_owners(owners + start, ends[g] - start);
}

static int compare_addresses(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct ip_address));
}

static int compare_options(const void *a, const void *b)
{
	const struct socket_options *x = a, *y = b;
	return (x->cookie > y->cookie) - (x->cookie < y->cookie);
}

void snapshot_finish(struct snapshot *snap)
{
	if (snap->socket_options_count)
		qsort(snap->socket_options, snap->socket_options_count,
		      sizeof(*snap->socket_options), compare_options);
	drop_duplicates(snap);
	if (snap->host_address_count)
		qsort(snap->host_addresses, snap->host_address_count,
		      sizeof(*snap->host_addresses), compare_addresses);
	sort_owners(snap->owners, snap->owner_count);
}

const struct socket_owner *snapshot_owners(const struct snapshot *snap, uint32_t inode,
					   size_t *count)
{
	size_t low = 0, high = snap->owner_count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (snap->owners[middle].inode < inode)
			low = middle + 1;
		else
			high = middle;
	}
	size_t end = low;
	while (inode && end < snap->owner_count && snap->owners[end].inode == inode)
		end++;
	*count = end - low;
	return *count ? &snap->owners[low] : NULL;
}

void snapshot_add_socket_options(struct snapshot *snap,
				 const struct socket_options *options)
{
	array_reserve(&snap->socket_options, &snap->socket_options_capacity,
		      snap->socket_options_count + 1, sizeof(*snap->socket_options));
	snap->socket_options[snap->socket_options_count++] = *options;
}

const struct socket_options *snapshot_socket_options(const struct snapshot *snap,
						     uint64_t cookie)
{
	struct socket_options key = { .cookie = cookie };
	return snap->socket_options_count
		       ? bsearch(&key, snap->socket_options, snap->socket_options_count,
				 sizeof(key), compare_options)
		       : NULL;
}

struct server_setting *snapshot_add_setting(struct snapshot *snap, int32_t pid)
{
	array_reserve(&snap->settings, &snap->setting_capacity, snap->setting_count + 1,
		      sizeof(*snap->settings));
	struct server_setting *setting = &snap->settings[snap->setting_count++];
	*setting = (struct server_setting){ .pid = pid };
	return setting;
}

void snapshot_add_host_address(struct snapshot *snap, const struct ip_address *ip)
{
	array_reserve(&snap->host_addresses, &snap->host_address_capacity,
		      snap->host_address_count + 1, sizeof(*snap->host_addresses));
	snap->host_addresses[snap->host_address_count++] = *ip;
}

bool snapshot_is_local_address(const struct snapshot *snap, const struct ip_address *ip)
{
	if (ip_address_is_loopback(ip))
		return true;
	return snap->host_address_count &&
	       bsearch(ip, snap->host_addresses, snap->host_address_count, sizeof(*ip),
		       compare_addresses);
}

void snapshot_add_degraded(struct snapshot *snap, const char *what, const char *why)
{
	for (size_t i = 0; i < snap->degraded_count; i++) {
		if (strcmp(snap->degraded[i].what, what) == 0) {
			free(snap->degraded[i].why);
			snap->degraded[i].why = xstrdup(why);
			return;
		}
	}
	array_reserve(&snap->degraded, &snap->degraded_capacity,
		      snap->degraded_count + 1, sizeof(*snap->degraded));
	snap->degraded[snap->degraded_count++] =
		(struct degraded){ .what = xstrdup(what), .why = xstrdup(why) };
}
