/* SPDX-License-Identifier: MIT */
#include "conn-doctor/snapshot.h"

#include <stdlib.h>
#include <string.h>

#include "conn-doctor/memory.h"

/*
 * Rows are unique by cookie. The index that ensures it holds row numbers only
 * (4 bytes a slot, at most 3/4 full): with a million sockets a table that also
 * holds the cookies would cost as much as a tenth of the rows themselves.
 */

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
		.cookie_slots = snap->cookie_slots, /* stale until finish */
		.cookie_slot_count = snap->cookie_slot_count,
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
	free(snap->cookie_slots);
	u64_map_clear(&snap->cgroup_index);
	*snap = (struct snapshot){ 0 };
}

/* The slot that holds the cookie's row, or the free one where it belongs. */
static uint32_t *slot_of(const struct snapshot *snap, uint64_t cookie)
{
	size_t mask = snap->cookie_slot_count - 1;
	size_t i = (size_t)u64_hash(cookie) & mask;
	while (snap->cookie_slots[i] &&
	       snap->sockets[snap->cookie_slots[i] - 1].cookie != cookie)
		i = (i + 1) & mask;
	return &snap->cookie_slots[i];
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

static void reserve_cookie_slots(struct snapshot *snap)
{
	size_t count = 256;
	while (snap->socket_count >= count / 4 * 3)
		count *= 2;
	if (count == snap->cookie_slot_count) {
		memset(snap->cookie_slots, 0, count * sizeof(*snap->cookie_slots));
		return;
	}
	free(snap->cookie_slots);
	snap->cookie_slots = xcalloc(count, sizeof(*snap->cookie_slots));
	snap->cookie_slot_count = count;
}

/*
 * Done for all rows at once, when their number is known: the table never grows,
 * and the slot of a later row can be fetched while this one is compared.
 */
static void drop_duplicates(struct snapshot *snap)
{
	enum { AHEAD = 16 };
	reserve_cookie_slots(snap);
	size_t mask = snap->cookie_slot_count - 1, kept = 0;
	for (size_t i = 0; i < snap->socket_count; i++) {
		if (i + AHEAD < snap->socket_count) {
			uint64_t later = snap->sockets[i + AHEAD].cookie;
			__builtin_prefetch(
				&snap->cookie_slots[(size_t)u64_hash(later) & mask], 1);
		}
		uint32_t *slot = slot_of(snap, snap->sockets[i].cookie);
		if (*slot)
			continue;
		if (kept != i)
			snap->sockets[kept] = snap->sockets[i];
		*slot = (uint32_t)++kept;
	}
	snap->duplicate_count += snap->socket_count - kept;
	snap->socket_count = kept;
}

const struct tcp_socket *snapshot_find(const struct snapshot *snap, uint64_t cookie)
{
	if (snap->cookie_slot_count == 0)
		return NULL;
	uint32_t row = *slot_of(snap, cookie);
	return row ? &snap->sockets[row - 1] : NULL;
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
	array_reserve(&snap->owners, &snap->owner_capacity, snap->owner_count + 1,
		      sizeof(*snap->owners));
	snap->owners[snap->owner_count++] =
		(struct socket_owner){ .inode = inode, .process = process, .fd = fd };
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
	if (snap->owner_count)
		qsort(snap->owners, snap->owner_count, sizeof(*snap->owners),
		      compare_owners);
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
