/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "conn-doctor/frame.h"
#include "state_parts.h"

/* A byte that is no text, then line ends that a transfer in text mode changes. */
static const uint8_t magic[8] = "\x89"
				"CDS\r\n\x1a\n";

enum { HEAD_PAYLOAD_SIZE = 24 + 40 + 72 };

void state_begin(struct strbuf *out, const struct state_head *head)
{
	uint8_t file[STATE_HEADER_SIZE] = { 0 }, payload[HEAD_PAYLOAD_SIZE];
	memcpy(file, magic, sizeof(magic));
	put_le32(file + 8, STATE_VERSION);
	strbuf_add_len(out, (const char *)file, sizeof(file));
	put_le64(payload, head->realtime_ns);
	put_le64(payload + 8, head->monotonic_ms);
	put_le64(payload + 16, head->netns);
	memcpy(payload + 24, head->boot_id, sizeof(head->boot_id));
	memcpy(payload + 64, head->host, sizeof(head->host));
	size_t at = state_begin_section(out, SECTION_HEAD);
	strbuf_add_len(out, (const char *)payload, sizeof(payload));
	state_end_section(out, at);
}

size_t state_begin_section(struct strbuf *out, uint32_t type)
{
	char header[FRAME_HEADER_SIZE] = { 0 };
	size_t at = out->len;
	put_le32((uint8_t *)header, type);
	strbuf_add_len(out, header, sizeof(header));
	return at;
}

void state_end_section(struct strbuf *out, size_t at)
{
	uint8_t *start = (uint8_t *)out->text + at;
	size_t len = out->len - at - FRAME_HEADER_SIZE;
	struct frame_header header = {
		.type = get_le32(start),
		.length = (uint32_t)len,
		.checksum = checksum32(start + FRAME_HEADER_SIZE, len),
	};
	frame_header_put(start, &header);
}

void state_end(struct strbuf *out)
{
	state_end_section(out, state_begin_section(out, SECTION_END));
}

static bool parse_head(struct state_head *head, const uint8_t *in, size_t len)
{
	if (len != HEAD_PAYLOAD_SIZE)
		return false;
	head->realtime_ns = get_le64(in);
	head->monotonic_ms = get_le64(in + 8);
	head->netns = get_le64(in + 16);
	memcpy(head->boot_id, in + 24, sizeof(head->boot_id));
	memcpy(head->host, in + 64, sizeof(head->host));
	return memchr(head->boot_id, '\0', sizeof(head->boot_id)) &&
	       memchr(head->host, '\0', sizeof(head->host));
}

/* Sections that this version does not know are passed over. */
static bool parse_section(struct state_file *out, uint32_t type, const uint8_t *bytes,
			  size_t len)
{
	if (type == SECTION_HEAD)
		return parse_head(&out->head, bytes, len);
	if (type == SECTION_HISTORY) {
		out->history.bytes = bytes;
		out->history.len = len;
	}
	if (type == SECTION_EPISODES) {
		out->episodes.bytes = bytes;
		out->episodes.len = len;
	}
	if (type == SECTION_SERIES) {
		out->series.bytes = bytes;
		out->series.len = len;
	}
	return true;
}

static const char *parse_sections(struct state_file *out, const uint8_t *in, size_t len)
{
	static const char *const damaged = "it is damaged";
	bool has_head = false;
	while (len >= FRAME_HEADER_SIZE) {
		struct frame_header header;
		const uint8_t *payload = in + FRAME_HEADER_SIZE;
		if (!frame_header_get(&header, in) ||
		    header.length > len - FRAME_HEADER_SIZE ||
		    checksum32(payload, header.length) != header.checksum)
			return damaged;
		in = payload + header.length;
		len -= FRAME_HEADER_SIZE + header.length;
		if (header.type == SECTION_END)
			return has_head && len == 0 ? NULL : damaged;
		if (!parse_section(out, header.type, payload, header.length))
			return damaged;
		has_head |= header.type == SECTION_HEAD;
	}
	return "its end is missing";
}

const char *state_parse(struct state_file *out, const uint8_t *bytes, size_t len)
{
	*out = (struct state_file){ 0 };
	if (len < STATE_HEADER_SIZE || memcmp(bytes, magic, sizeof(magic)) != 0)
		return "it is no state file";
	if (get_le32(bytes + 8) != STATE_VERSION)
		return "it is of another version of conn-doctor";
	return parse_sections(out, bytes + STATE_HEADER_SIZE, len - STATE_HEADER_SIZE);
}
