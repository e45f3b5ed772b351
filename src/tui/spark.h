/* SPDX-License-Identifier: MIT */
#ifndef CONN_DOCTOR_TUI_SPARK_H
#define CONN_DOCTOR_TUI_SPARK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "conn-doctor/strbuf.h"

/*
 * Bars and sparklines as text: pure functions over plain arrays. Eighth blocks
 * in UTF-8, `.:-=+*#%@` in ASCII.
 */
struct spark_point {
	uint64_t ms; /* monotonic */
	double value;
};

/* What is drawn: ascending points, and the time from the left edge to the right. */
struct spark_span {
	const struct spark_point *points;
	size_t count;
	uint64_t from_ms, to_ms;
	/*
	 * A value is believed for so long and half its age, then nothing is known:
	 * a series thins out what is old.
	 */
	uint64_t hold_ms;
};

#define SPARK_UNKNOWN (-1.0)

/* The largest value within each cell, so that no peak is lost. */
void spark_sample(const struct spark_span *span, double *cells, int cell_count);

/* The largest of the cells, 0 when none is known. */
double spark_max(const double *cells, int cell_count);

/*
 * One line of a sparkline that is `height` lines high, line 0 at the bottom. What
 * is unknown is blank; zero is the lowest mark, which nothing else has.
 */
struct spark_scale {
	double max;
	int height;
	bool use_utf8;
};
void spark_put(const double *cells, int cell_count, const struct spark_scale *scale,
	       int line, struct strbuf *out);

/* The filled part of a bar of `cells` for used of limit; returns its columns. */
int bar_put(uint64_t used, uint64_t limit, int cells, bool use_utf8,
	    struct strbuf *out);

/*
 * Shares `cells` among counts in proportion. What is not zero gets at least one
 * cell while there are enough; the first ones are served first.
 */
void bar_share(const uint32_t *counts, size_t count, int cells, int *out);

#endif
