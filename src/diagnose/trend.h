/* SPDX-License-Identifier: MIT */
#ifndef CONN_DOCTOR_DIAGNOSE_TREND_H
#define CONN_DOCTOR_DIAGNOSE_TREND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "conn-doctor/series.h"

/*
 * Growth that is no chance. Three questions, all must say yes:
 *
 * - Mann-Kendall, with the correction for ties: do later values tend to be larger?
 *   Chance says so once in 2000. It assumes that samples are independent, which
 *   counts of connections are not, hence the second one.
 * - Is the growth there in nearly every eighth of the window? The eighths' means
 *   are compared by a t-test of their differences. A walk up and down, a burst or
 *   a single step carry the growth in one or two of them (a step gives t = 1).
 * - Does the growth go on at the end of the window (that eighth is no drop)?
 *
 * The slope is that of Theil and Sen: the median over all pairs, which a few wild
 * values do not move. Its bounds are the wider ones of Sen's interval (noise about
 * a line) and of the eighths' (counts that add up by chance), 95 % each.
 *
 * The whole window is asked first, then its newer half, and so on: growth that
 * began an hour ago is found in a week's history, and its own window is told.
 */
struct trend {
	uint64_t window_ms;
	size_t point_count;
	double last;             /* the newest value */
	double rise;             /* over the window; no more than was seen to come */
	double slope, low, high; /* per ms; all above 0 */
};

struct trend_demand {
	size_t min_points;
	uint64_t min_window_ms;
};

/* Below so many points the tests above cannot say yes. */
enum { TREND_POINTS_MIN = 8 };

/* False when the points do not grow, or too few of them say so. */
bool trend_find(const struct series_point *points, size_t count,
		const struct trend_demand *demand, struct trend *out);

/* Enough points over enough time to be asked at all. */
bool trend_is_askable(const struct series_point *points, size_t count,
		      const struct trend_demand *demand);

/* When `room` more are used up, from the newest point on. */
struct trend_eta {
	double early_ms, middle_ms, late_ms; /* late: INFINITY = no bound */
};

/*
 * False when even the early end is beyond what the window allows to foresee: ten
 * times its length. A late end beyond it is no bound.
 */
bool trend_foresee(const struct trend *t, double room, struct trend_eta *out);

#endif
