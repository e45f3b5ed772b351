/* SPDX-License-Identifier: MIT */
#include "trend.h"

const char *const trend_labels[TREND_COUNT] = {
	[TREND_ESTABLISHED] = "ESTAB",
	[TREND_CLOSE_WAIT] = "CLOSE-WAIT",
	[TREND_HALF_OPEN] = "half-open",
	[TREND_QUEUE] = "queue",
};

uint64_t trend_span_ms(unsigned zoom)
{
	enum { MINUTE = 60000 };
	static const uint64_t spans[TREND_ZOOM_COUNT] = { 1 * MINUTE, 5 * MINUTE,
							  15 * MINUTE, 60 * MINUTE,
							  360 * MINUTE };
	return spans[zoom < TREND_ZOOM_COUNT ? zoom : TREND_ZOOM_COUNT - 1];
}

void trend_take(struct trend *out, const struct series *series,
		const struct series_scope *scope)
{
	static const enum series_metric metrics[TREND_COUNT] = {
		[TREND_ESTABLISHED] = SERIES_ESTABLISHED,
		[TREND_CLOSE_WAIT] = SERIES_CLOSE_WAIT,
		[TREND_HALF_OPEN] = SERIES_HALF_OPEN,
		[TREND_QUEUE] = SERIES_ACCEPT_QUEUE,
	};
	for (int i = 0; i < TREND_COUNT; i++) {
		struct series_point points[SERIES_POINTS];
		out->counts[i] = series_points(series, scope, metrics[i], points);
		for (size_t j = 0; j < out->counts[i]; j++)
			out->points[i][j] = (struct spark_point){ points[j].at_ms,
								  points[j].value };
	}
}

bool trend_is_known(const struct trend *t)
{
	for (int i = 0; i < TREND_COUNT; i++)
		if (t->counts[i])
			return true;
	return false;
}

double trend_value(const struct trend *t, enum trend_line line)
{
	size_t count = t->counts[line];
	return count ? t->points[line][count - 1].value : SPARK_UNKNOWN;
}

void trend_put_value(double value, struct strbuf *out)
{
	static const char units[] = "KMG";
	double shown = value;
	int unit = -1;
	if (value < 0) {
		strbuf_add_char(out, '?');
		return;
	}
	while (shown >= (unit < 0 ? 9999.5 : 999.5) && units[unit + 1]) {
		shown /= 1000;
		unit++;
	}
	if (unit < 0)
		strbuf_addf(out, "%.0f", shown);
	else
		strbuf_addf(out, shown < 9.95 ? "%.1f%c" : "%.0f%c", shown,
			    units[unit]);
}

/* Passes are seconds apart, as a rule; a longer pause is seen as a gap. */
enum { HOLD_MS = 30000 };

void trend_sample(const struct trend *t, enum trend_line line, uint64_t now_ms,
		  uint64_t span_ms, double *cells, int cell_count)
{
	struct spark_span span = {
		.points = t->points[line],
		.count = t->counts[line],
		.from_ms = now_ms > span_ms ? now_ms - span_ms : 0,
		.to_ms = now_ms,
		.hold_ms = HOLD_MS,
	};
	spark_sample(&span, cells, cell_count);
}
