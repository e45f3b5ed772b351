/* SPDX-License-Identifier: MIT */
#ifndef CONN_DOCTOR_TUI_TREND_H
#define CONN_DOCTOR_TUI_TREND_H

#include "conn-doctor/series.h"
#include "conn-doctor/strbuf.h"
#include "spark.h"

/* How the counts of the selection went, in a frame's own copy. */
enum trend_line {
	TREND_ESTABLISHED,
	TREND_CLOSE_WAIT,
	TREND_HALF_OPEN,
	TREND_QUEUE,
	TREND_COUNT
};

struct trend {
	struct spark_point points[TREND_COUNT][SERIES_POINTS]; /* oldest first */
	size_t counts[TREND_COUNT];
};

extern const char *const trend_labels[TREND_COUNT];

/* Spans that the zoom steps through, shortest first. */
enum { TREND_ZOOM_START = 1, TREND_ZOOM_COUNT = 5 };
uint64_t trend_span_ms(unsigned zoom);

/* Copies what the screen needs: the series goes on with the next pass. */
void trend_take(struct trend *out, const struct series *series,
		const struct series_scope *scope);

/* Whether anything was ever counted. */
bool trend_is_known(const struct trend *t);

/* The newest value, SPARK_UNKNOWN when there is none. */
double trend_value(const struct trend *t, enum trend_line line);

/* 0 to 9999 as it is, then 12K, 1.2M; "?" when it is not known. */
void trend_put_value(double value, struct strbuf *out);

/* The line over the last span_ms before now_ms, in cells; see spark_sample(). */
void trend_sample(const struct trend *t, enum trend_line line, uint64_t now_ms,
		  uint64_t span_ms, double *cells, int cell_count);

#endif
