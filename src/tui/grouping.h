/* SPDX-License-Identifier: MIT */
#ifndef CONN_DOCTOR_TUI_GROUPING_H
#define CONN_DOCTOR_TUI_GROUPING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "conn-doctor/report.h"
#include "conn-doctor/strbuf.h"

/*
 * Connections put together by what they have in common. Pure: from rows in their
 * order to groups, and from groups to the lines of the screen. A group stands
 * where its first row would, so the order of the rows is the order of the groups.
 */
enum group_by {
	GROUP_NONE,
	GROUP_PEER, /* address without port */
	GROUP_PROCESS,
	GROUP_VERDICT,
	GROUP_SERVICE,
	GROUP_BY_COUNT
};

/* none, peer, process, ... */
const char *group_by_name(enum group_by by);

struct group {
	uint64_t id;           /* the same in the next frame; top bit set */
	uint32_t first, count; /* in `order` */
	uint32_t total;        /* with those that the frame does not have */
	uint32_t worst;        /* row of the snapshot with the worst verdict */
	uint32_t oldest_cs;    /* greatest known age, UINT32_MAX = none is known */
	uint64_t recv_queue, send_queue; /* bytes, sums */
};

#define GROUP_HEADING UINT32_MAX

struct group_line {
	uint32_t group;
	uint32_t row; /* of the snapshot; GROUP_HEADING = the group itself */
};

struct grouping {
	enum group_by by;
	uint32_t *order; /* rows of the snapshot, group by group */
	struct group *groups;
	size_t count, capacity;
	struct u64_map index; /* id -> index into groups */
	struct group_line *lines;
	size_t line_count;
};

/* Which groups are open: those listed, or all but those listed. */
struct folds {
	uint64_t *ids;
	size_t count, capacity;
	bool is_all_open;
};

/*
 * Replaces what *g holds. `ages` are hundredths of a second by row of the
 * snapshot, UINT32_MAX = unknown. Lines are made by grouping_fold().
 */
void grouping_make(struct grouping *g, const struct report *r, const uint32_t *rows,
		   size_t row_count, const uint32_t *ages, enum group_by by);
void grouping_fold(struct grouping *g, const struct folds *folds);

/*
 * Only the sums, row by row, for rows that are in no order: there are no lines.
 * Returns the index of the row's group. Then a grouping of some of the same rows can
 * be told of all of them; its worst ones are among them.
 */
void grouping_begin(struct grouping *g, enum group_by by);
uint32_t grouping_add(struct grouping *g, const struct report *r, uint32_t row,
		      uint32_t age_cs);
void grouping_set_totals(struct grouping *g, const struct grouping *totals);

void grouping_clear(struct grouping *g);

/* Index of the group, SIZE_MAX when there is none. */
size_t grouping_find(const struct grouping *g, uint64_t id);

/*
 * The line of a group's heading; of a row, or of the heading of its group while
 * that is closed. SIZE_MAX when there is no such thing.
 */
size_t grouping_line_of_group(const struct grouping *g, uint64_t id);
size_t grouping_line_of_row(const struct grouping *g, uint32_t row);

/* "10.0.0.7", "python3[4711]", "no owner known": safe on a terminal. */
void grouping_put_name(const struct grouping *g, const struct report *r, size_t group,
		       struct strbuf *out);

bool folds_is_open(const struct folds *f, uint64_t id);
void folds_toggle(struct folds *f, uint64_t id);
/* All open, or all closed. */
void folds_set_all(struct folds *f, bool is_open);
void folds_clear(struct folds *f);

#endif
