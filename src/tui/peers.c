/* SPDX-License-Identifier: MIT */
#include "peers.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "conn-doctor/memory.h"
#include "conn-doctor/policy.h"

enum { PREFIX_V4 = 24, PREFIX_V6 = 64 };

/* What makes two connections the same peer's. */
struct peer_key {
	struct ip_address address;
	int32_t service;
	uint16_t port;
	uint16_t netns;
	uint8_t ip_version, prefix_len;
};

static void cut_to_network(struct peer_key *key)
{
	key->prefix_len = key->ip_version == 4 ? PREFIX_V4 : PREFIX_V6;
	size_t kept = key->ip_version == 4 ? 15 : PREFIX_V6 / 8;
	memset(key->address.bytes + kept, 0, sizeof(key->address.bytes) - kept);
}

static int32_t service_index(const struct report *r, uint32_t row)
{
	const struct service *s = report_service_of(r, row);
	return s ? (int32_t)(s - r->services) : NO_INDEX;
}

static struct peer_key key_of(const struct report *r, uint32_t row, bool is_by_network)
{
	const struct tcp_socket *sk = &r->snap->sockets[row];
	bool is_client = r->assessments[row].role == ROLE_CLIENT;
	struct peer_key key = {
		.address = sk->peer,
		.service = is_client ? NO_INDEX : service_index(r, row),
		.port = is_client ? sk->peer_port : 0,
		.netns = sk->netns,
		.ip_version = sk->ip_version,
	};
	if (is_by_network)
		cut_to_network(&key);
	return key;
}

/* Of the service's port, not its index: the next frame may have another one. */
static uint64_t id_of(const struct report *r, const struct peer_key *key)
{
	uint64_t high, low;
	uint16_t port = key->service == NO_INDEX ? 0 : r->services[key->service].port;
	memcpy(&high, key->address.bytes, 8);
	memcpy(&low, key->address.bytes + 8, 8);
	uint64_t use = (uint64_t)port << 48 | (uint64_t)key->port << 32 |
		       (uint64_t)key->netns << 16 | (uint64_t)key->prefix_len << 8 |
		       (uint64_t)(key->service != NO_INDEX);
	return u64_hash(u64_hash(u64_hash(high) ^ low) ^ use) | 1;
}

static struct peer_row *row_of(struct peers *p, struct u64_map *index,
			       const struct report *r, uint32_t row)
{
	struct peer_key key = key_of(r, row, p->is_by_network);
	uint64_t id = id_of(r, &key);
	uint32_t *known = u64_map_find(index, id);
	bool is_new;
	if (known)
		return &p->rows[*known];
	if (p->count == PEERS_MAX)
		return NULL;
	array_reserve(&p->rows, &p->capacity, p->count + 1, sizeof(*p->rows));
	*u64_map_insert(index, id, &is_new) = (uint32_t)p->count;
	struct peer_row *peer = &p->rows[p->count++];
	*peer = (struct peer_row){
		.id = id,
		.address = key.address,
		.ip_version = key.ip_version,
		.prefix_len = key.prefix_len,
		.port = key.port,
		.service = key.service,
		.is_remote = !snapshot_is_local_address(r->snap,
							&r->snap->sockets[row].peer),
	};
	return peer;
}

static void count_row(struct peer_row *peer, const struct report *r, uint32_t row)
{
	const struct tcp_socket *sk = &r->snap->sockets[row];
	uint8_t verdict = r->assessments[row].verdict;
	row_sample_add(&peer->sample, row, &r->assessments[row]);
	peer->count++;
	peer->open += verdict != VERDICT_TIME_WAIT && verdict != VERDICT_HANDSHAKE;
	peer->complaints += verdict_table[verdict].is_complaint;
	peer->unread += sk->recv_queue;
	peer->unacked += sk->send_queue;
}

/* False: there are more peers than fit. */
static bool count_all(struct peers *p, const struct report *r, const uint32_t *rows,
		      size_t row_count)
{
	struct u64_map index = { 0 };
	bool fits = true;
	p->count = p->left_out = 0;
	for (size_t i = 0; i < row_count; i++) {
		struct peer_row *peer = row_of(p, &index, r, rows[i]);
		if (peer)
			count_row(peer, r, rows[i]);
		else if (p->is_by_network)
			p->left_out++;
		fits = fits && peer;
		if (!fits && !p->is_by_network)
			break;
	}
	u64_map_clear(&index);
	return fits;
}

static void compute_share(struct peer_row *p, const struct report *r)
{
	if (p->service == NO_INDEX)
		return;
	const struct service *s = &r->services[p->service];
	uint64_t total = s->connection_count - s->verdicts[VERDICT_TIME_WAIT] -
			 s->verdicts[VERDICT_HANDSHAKE];
	if (total)
		p->share = (uint16_t)(p->open * 1000ULL / total);
}

static uint32_t harm_of(const struct peer_row *p)
{
	uint8_t verdict = p->sample.worst.verdict;
	return verdict_table[verdict].is_complaint ? verdict : VERDICT_COUNT;
}

static int compare_peers(const void *a, const void *b)
{
	const struct peer_row *x = a, *y = b;
	if (harm_of(x) != harm_of(y))
		return harm_of(x) < harm_of(y) ? -1 : 1;
	if (x->complaints != y->complaints)
		return x->complaints > y->complaints ? -1 : 1;
	if (x->count != y->count)
		return x->count > y->count ? -1 : 1;
	int order = memcmp(&x->address, &y->address, sizeof(x->address));
	return order ? order : (x->id > y->id) - (x->id < y->id);
}

void peers_make(struct peers *p, const struct report *r, const uint32_t *rows,
		size_t row_count)
{
	p->is_by_network = false;
	if (!count_all(p, r, rows, row_count)) {
		p->is_by_network = true;
		count_all(p, r, rows, row_count);
	}
	for (size_t i = 0; i < p->count; i++)
		compute_share(&p->rows[i], r);
	if (p->count)
		qsort(p->rows, p->count, sizeof(*p->rows), compare_peers);
}

bool peer_is_proxy(const struct peer_row *p, const struct report *r)
{
	return r->policy &&
	       address_list_has(&r->policy->ignore[IGNORE_PROXIES], &p->address);
}

const struct target *peer_target(const struct peer_row *p, const struct report *r,
				 uint64_t *limit)
{
	const struct target *t = assessment_target(r, &p->sample.worst);
	bool is_limited = p->service != NO_INDEX && t &&
			  target_value(t, TARGET_PEER_LIMIT, limit, NULL);
	return is_limited ? t : NULL;
}

/* A network is no peer: the limits are for one. */
bool peer_is_above(const struct peer_row *p, const struct report *r)
{
	uint64_t limit;
	if (p->service == NO_INDEX || p->prefix_len || peer_is_proxy(p, r))
		return false;
	if (peer_target(p, r, &limit))
		return p->open > limit;
	return p->is_remote && p->open >= r->limits->value[LIMIT_PEER_COUNT] &&
	       p->share >= r->limits->value[LIMIT_PEER_SHARE];
}

void peer_put_name(const struct peer_row *p, struct strbuf *out)
{
	char text[ENDPOINT_TEXT_SIZE];
	if (p->port) {
		strbuf_add(out,
			   endpoint_print(&p->address, p->ip_version, p->port, text));
		return;
	}
	strbuf_add(out, ip_address_print(&p->address, p->ip_version, text));
	if (p->prefix_len)
		strbuf_addf(out, "/%u", p->prefix_len);
}

void peer_put_use(const struct peer_row *p, const struct report *r, struct strbuf *out)
{
	if (p->service != NO_INDEX)
		strbuf_add(out, r->services[p->service].listener_text);
	else
		strbuf_add(out, p->port ? "upstream" : "-");
}

void peers_copy(struct peers *out, const struct peers *p, const struct snapshot *from,
		const struct snapshot *to)
{
	array_reserve(&out->rows, &out->capacity, p->count, sizeof(*out->rows));
	out->count = p->count;
	out->left_out = p->left_out;
	out->is_by_network = p->is_by_network;
	for (size_t i = 0; i < p->count; i++) {
		out->rows[i] = p->rows[i];
		row_sample_move(&out->rows[i].sample, from, to);
	}
}

void peers_clear(struct peers *p)
{
	free(p->rows);
	*p = (struct peers){ 0 };
}
