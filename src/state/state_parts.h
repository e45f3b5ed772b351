/* SPDX-License-Identifier: MIT */
#ifndef CONN_DOCTOR_STATE_PARTS_H
#define CONN_DOCTOR_STATE_PARTS_H

#include "conn-doctor/state.h"

/*
 * A finding over several runs. All times are monotonic ms. Several findings of a
 * run may share a fingerprint and then an episode: workers of one service.
 */
struct episode {
	uint64_t fingerprint;
	uint64_t filter;   /* identity of the filter it was seen with */
	uint64_t first_ms; /* first seen */
	uint64_t since_ms; /* seen in each run since then */
	uint64_t last_ms;  /* last seen */
	enum finding_kind kind;
	enum severity severity; /* when it was last seen */
	enum confidence confidence;
	enum acts acts;
	bool is_open;
	bool is_recovering;  /* the last run did not see it */
	uint32_t seen_count; /* findings of this run */
	uint16_t port;       /* of the service, 0 = none */
	double value;        /* of the only finding of its last run, NAN = none */
	double value_before; /* of the run before this one */
	char listener[ENDPOINT_TEXT_SIZE];
	char peer[ENDPOINT_TEXT_SIZE];
	char *summary;
};

struct episodes {
	struct episode *items;
	size_t count, capacity;
};

void episodes_clear(struct episodes *all);
struct episode *episodes_add(struct episodes *all);

/* Takes the findings of a run in, gives them phases, adds the recovering ones. */
void episodes_follow(struct episodes *all, struct report *r, uint64_t filter);

void episodes_encode(const struct episodes *all, struct strbuf *out);
bool episodes_decode(struct episodes *all, const uint8_t *bytes, size_t len,
		     uint64_t now_ms);

/* Whose run it was. */
struct state_head {
	uint64_t realtime_ns;
	uint64_t monotonic_ms;
	uint64_t netns; /* inode of the namespace the run was in */
	char boot_id[40];
	char host[72];
};

/* A file taken apart; the sections lie in the bytes it was made from. */
struct state_file {
	struct state_head head;
	struct {
		const uint8_t *bytes;
		size_t len;
	} history, episodes, series;
};

/* NULL when the bytes are a whole file of this version, else why they are not. */
const char *state_parse(struct state_file *out, const uint8_t *bytes, size_t len);

/* The file: head, then sections, then the end. */
void state_begin(struct strbuf *out, const struct state_head *head);
/* The payload is what `fill` of the caller adds between these two. */
size_t state_begin_section(struct strbuf *out, uint32_t type);
void state_end_section(struct strbuf *out, size_t at);
void state_end(struct strbuf *out);

enum {
	SECTION_HEAD = 1,
	SECTION_HISTORY = 2,
	SECTION_EPISODES = 3,
	SECTION_SERIES = 4,
	SECTION_END = 255
};

/* Bytes in front of the first section: magic, u32 version, u32 of no meaning. */
enum { STATE_VERSION = 1, STATE_HEADER_SIZE = 16 };

#endif
