/* SPDX-License-Identifier: MIT */
#include "tally.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conn-doctor/memory.h"

/* Compared as bytes: what the request leaves out is zero. */
struct tally_key {
	struct ip_address local, peer;
	int32_t service, process;
	uint16_t netns, peer_port;
	uint16_t family, target;
};
_Static_assert(sizeof(struct tally_key) == 48, "no padding");

/*
 * Where only large groups count, a sieve of counters by hash comes first: a group
 * is no larger than its counter. Of a million clients with one connection each
 * none gets through, and no entry is made.
 */
enum { SIEVE_SIZE = 65536 };

struct entry {
	uint32_t first_row, count;
	int32_t group; /* NO_INDEX until it is large enough */
};

struct tally {
	const struct report *r;
	const struct tally_request *request;
	uint32_t *sieve;      /* NULL: everything gets through */
	struct u64_map index; /* hash of the key -> entry */
	struct entry *entries;
	size_t count, capacity;
	struct group *groups;
	size_t group_count, group_capacity;
};

bool is_ipv4_socket(const struct tcp_socket *sk)
{
	return sk->ip_version == 4 && !(sk->has & TCP_IS_MAPPED);
}

static void cut_to_prefix(struct ip_address *ip, uint8_t ip_version)
{
	/* An IPv4 address is the last four of the sixteen bytes. */
	size_t kept = ip_version == 4 ? 15 : 8;
	memset(ip->bytes + kept, 0, sizeof(ip->bytes) - kept);
}

static struct tally_key key_of(const struct tally *t, uint32_t row)
{
	const struct tcp_socket *sk = &t->r->snap->sockets[row];
	unsigned by = t->request->by;
	struct tally_key key = { .netns = sk->netns };
	if (by & BY_SERVICE)
		key.service = service_index(t->r, row);
	if (by & BY_PROCESS)
		key.process = process_index(t->r, row);
	if (by & (BY_PEER | BY_PEER_PREFIX))
		key.peer = sk->peer;
	if (by & BY_PEER_PREFIX)
		cut_to_prefix(&key.peer, sk->ip_version);
	if (by & BY_PEER_PORT)
		key.peer_port = sk->peer_port;
	if (by & BY_LOCAL)
		key.local = sk->local;
	if (by & BY_FAMILY)
		key.family = is_ipv4_socket(sk) ? 4 : 6;
	if (by & BY_TARGET)
		key.target = t->r->assessments[row].target;
	return key;
}

static uint64_t hash_of(const struct tally_key *key)
{
	uint64_t words[sizeof(*key) / sizeof(uint64_t)], hash = 0;
	memcpy(words, key, sizeof(words));
	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++)
		hash = u64_hash(hash ^ words[i]);
	return hash;
}

/* Two keys of one hash are told apart by the first row of each. */
static struct entry *entry_of(struct tally *t, uint32_t row)
{
	struct tally_key key = key_of(t, row);
	for (uint64_t hash = hash_of(&key);; hash++) {
		bool is_new;
		uint32_t *position = u64_map_insert(&t->index, hash, &is_new);
		if (is_new) {
			*position = (uint32_t)t->count;
			array_reserve(&t->entries, &t->capacity, t->count + 1,
				      sizeof(*t->entries));
			t->entries[t->count++] = (struct entry){ row, 0, NO_INDEX };
		}
		struct entry *e = &t->entries[*position];
		struct tally_key first = key_of(t, e->first_row);
		if (memcmp(&first, &key, sizeof(key)) == 0)
			return e;
	}
}

static struct group *group_at(struct tally *t, struct entry *e)
{
	if (e->group != NO_INDEX)
		return &t->groups[e->group];
	unsigned by = t->request->by;
	e->group = (int32_t)t->group_count;
	array_reserve(&t->groups, &t->group_capacity, t->group_count + 1,
		      sizeof(*t->groups));
	t->groups[t->group_count++] = (struct group){
		.kind = t->request->kind,
		.service =
			by & BY_SERVICE ? service_index(t->r, e->first_row) : NO_INDEX,
		.process =
			by & BY_PROCESS ? process_index(t->r, e->first_row) : NO_INDEX,
	};
	return &t->groups[e->group];
}

static uint32_t *sieve_of(const struct tally *t, uint32_t row)
{
	struct tally_key key = key_of(t, row);
	return &t->sieve[hash_of(&key) % SIEVE_SIZE];
}

static bool is_wanted(const struct tally *t, size_t row)
{
	return t->r->assessments[row].is_selected &&
	       t->request->wants(t->r, (uint32_t)row);
}

/* Fills the sieve; false when nothing can get through. */
static bool sift_rows(struct tally *t)
{
	bool is_any = false;
	t->sieve = xcalloc(SIEVE_SIZE, sizeof(*t->sieve));
	for (size_t i = 0; i < t->r->snap->socket_count; i++)
		if (is_wanted(t, i))
			is_any |= ++*sieve_of(t, (uint32_t)i) >= t->request->min_count;
	return is_any;
}

static bool is_candidate(const struct tally *t, size_t row)
{
	return is_wanted(t, row) &&
	       (!t->sieve || *sieve_of(t, (uint32_t)row) >= t->request->min_count);
}

/* Returns whether any group is large enough. */
static bool count_rows(struct tally *t)
{
	bool is_any = false;
	for (size_t i = 0; i < t->r->snap->socket_count; i++)
		if (is_candidate(t, i))
			is_any |= ++entry_of(t, (uint32_t)i)->count >=
				  t->request->min_count;
	return is_any;
}

void tally_rows(struct report *r, const struct tally_request *request)
{
	struct tally t = { .r = r, .request = request };
	bool is_any = (request->min_count <= 1 || sift_rows(&t)) && count_rows(&t);
	for (size_t i = 0; is_any && i < r->snap->socket_count; i++) {
		if (!is_candidate(&t, i))
			continue;
		struct entry *e = entry_of(&t, (uint32_t)i);
		if (e->count >= request->min_count)
			group_add_row(group_at(&t, e), r, (uint32_t)i);
	}
	for (size_t i = 0; i < t.group_count; i++)
		request->find(r, &t.groups[i]);
	u64_map_clear(&t.index);
	free(t.sieve);
	free(t.entries);
	free(t.groups);
}

void set_upstream(struct finding *f, const struct tcp_socket *sk)
{
	endpoint_print(&sk->peer, sk->ip_version, sk->peer_port, f->peer);
}

void set_peer(struct finding *f, const struct tcp_socket *sk)
{
	ip_address_print(&sk->peer, sk->ip_version, f->peer);
}

void set_prefix(struct finding *f, const struct tcp_socket *sk)
{
	struct ip_address ip = sk->peer;
	cut_to_prefix(&ip, sk->ip_version);
	char *end = ip_address_put(f->peer, &ip, sk->ip_version);
	snprintf(end, (size_t)(f->peer + sizeof(f->peer) - end), "/%d",
		 sk->ip_version == 4 ? 24 : 64);
}
