/* SPDX-License-Identifier: MIT */
#include "row_sample.h"

void row_sample_add(struct row_sample *w, uint32_t row, const struct assessment *a)
{
	if (w->count == 0 || a->verdict < w->worst.verdict)
		w->worst = *a;
	if (w->count < ROW_SAMPLE_MAX)
		w->rows[w->count++] = row;
}

void row_sample_move(struct row_sample *w, const struct snapshot *from,
		     const struct snapshot *to)
{
	uint8_t kept = 0;
	for (uint8_t i = 0; i < w->count; i++) {
		uint64_t cookie = from->sockets[w->rows[i]].cookie;
		const struct tcp_socket *sk = snapshot_find(to, cookie);
		if (sk)
			w->rows[kept++] = (uint32_t)(sk - to->sockets);
	}
	w->count = kept;
}
