/* SPDX-License-Identifier: MIT */
#ifndef CONN_DOCTOR_TUI_ROW_SAMPLE_H
#define CONN_DOCTOR_TUI_ROW_SAMPLE_H

#include <stddef.h>
#include <stdint.h>

#include "conn-doctor/snapshot.h"
#include "conn-doctor/verdict.h"

/* The worst connections of a peer or process, as many as its page shows. */
enum { ROW_SAMPLE_MAX = 16 };

struct row_sample {
	struct assessment worst;       /* of the worst one; means nothing without any */
	uint32_t rows[ROW_SAMPLE_MAX]; /* of the snapshot, in the order they came */
	uint8_t count;
};

/* Rows come in the order of harm as far as that matters. */
void row_sample_add(struct row_sample *w, uint32_t row, const struct assessment *a);
/* Names the rows as an excerpt does; those that it does not have go. */
void row_sample_move(struct row_sample *w, const struct snapshot *from,
		     const struct snapshot *to);

#endif
