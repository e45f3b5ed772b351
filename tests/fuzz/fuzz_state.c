/* SPDX-License-Identifier: MIT */

/*
 * A state file, from the bytes to the history and the episodes. Checksums stop
 * nearly every mutation at the door, so an input that begins with 'F' is not the
 * file but its sections, which get their frames here: u8 type, u16 length, bytes.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "conn-doctor/frame.h"
#include "conn-doctor/history.h"
#include "conn-doctor/memory.h"
#include "state_parts.h"

enum { RECIPE_SIZE = 3, NOW_MS = 2000000 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void build(struct strbuf *out, const uint8_t *data, size_t size)
{
	struct state_head head = { .monotonic_ms = 1000000, .boot_id = "boot" };
	state_begin(out, &head);
	while (size >= RECIPE_SIZE) {
		size_t len = get_le16(data + 1);
		if (len > size - RECIPE_SIZE)
			len = size - RECIPE_SIZE;
		size_t at = state_begin_section(out, data[0]);
		strbuf_add_len(out, (const char *)data + RECIPE_SIZE, len);
		state_end_section(out, at);
		data += RECIPE_SIZE + len;
		size -= RECIPE_SIZE + len;
	}
	state_end(out);
}

/* What was read can be followed, and written again to be read again. */
static void use_history(const uint8_t *bytes, size_t len)
{
	auto_snapshot struct snapshot snap = { .monotonic_ms = NOW_MS };
	auto_strbuf struct strbuf again = { 0 };
	struct history *h = history_new(), *copy = history_new();
	if (history_decode(h, bytes, len, NOW_MS)) {
		struct tcp_socket *sk = snapshot_new_socket(&snap);
		sk->cookie = len >= 100 ? get_le64(bytes + len - 60) : 1;
		sk->state = TCP_STATE_ESTABLISHED;
		snapshot_commit(&snap);
		snapshot_finish(&snap);
		history_update(h, &snap);
		history_encode(h, &again);
		if (!history_decode(copy, (const uint8_t *)again.text, again.len,
				    NOW_MS))
			abort();
	}
	history_free(h);
	history_free(copy);
}

static void use_episodes(const uint8_t *bytes, size_t len)
{
	auto_strbuf struct strbuf again = { 0 };
	struct episodes all = { 0 }, copy = { 0 };
	if (episodes_decode(&all, bytes, len, NOW_MS)) {
		episodes_encode(&all, &again);
		if (!episodes_decode(&copy, (const uint8_t *)again.text, again.len,
				     NOW_MS) ||
		    copy.count != all.count)
			abort();
	}
	episodes_clear(&all);
	episodes_clear(&copy);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct state_file file;
	auto_strbuf struct strbuf built = { 0 };
	if (size > 0 && data[0] == 'F') {
		build(&built, data + 1, size - 1);
		data = (const uint8_t *)built.text;
		size = built.len;
	}
	if (state_parse(&file, data, size))
		return 0;
	if (file.history.bytes)
		use_history(file.history.bytes, file.history.len);
	if (file.episodes.bytes)
		use_episodes(file.episodes.bytes, file.episodes.len);
	return 0;
}
