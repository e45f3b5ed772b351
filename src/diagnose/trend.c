/* SPDX-License-Identifier: MIT */
#include "trend.h"

#include <math.h>
#include <stdlib.h>

#include "conn-doctor/memory.h"

/*
 * USED_MAX bounds the work: 64 points have 2016 pairs. Z_GROWTH: one-sided, 1 in
 * 2000. T_GROWTH: of 7 differences; chosen by the simulation of the tests, which
 * makes noise and walks and asks for fewer false alarms than 1 %.
 */
enum { USED_MAX = 64, PARTS = 8, FORESIGHT = 10 };
#define Z_GROWTH 3.29
#define Z_BOUND  1.96
#define T_GROWTH 4.5
/* Every newer part of the window is one more chance for chance. */
#define T_GROWTH_LATELY 7.0
/*
 * 95 % of 7 differences are within 2.4 errors; of counts that add up by chance
 * neighbours go together, which makes the error a fifth too small.
 */
#define T_BOUND 3.0

struct sample {
	double at, value;
};

static int compare_doubles(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return (x > y) - (x < y);
}

/* At most USED_MAX of the points, evenly by number, the ends among them. */
static size_t choose_samples(const struct series_point *points, size_t count,
			     struct sample out[static USED_MAX])
{
	size_t used = count < USED_MAX ? count : USED_MAX;
	for (size_t i = 0; i < used; i++) {
		size_t from = used > 1 ? i * (count - 1) / (used - 1) : 0;
		out[i].at = (double)(points[from].at_ms - points[0].at_ms);
		out[i].value = points[from].value;
	}
	return used;
}

struct kendall {
	double s, deviation; /* sum of signs, its standard deviation by chance */
};

/* Sum over groups of equal values, the ties; values are sorted here. */
static double tie_correction(const struct sample *samples, size_t count)
{
	double sorted[USED_MAX], sum = 0;
	for (size_t i = 0; i < count; i++)
		sorted[i] = samples[i].value;
	qsort(sorted, count, sizeof(*sorted), compare_doubles);
	for (size_t i = 0, end; i < count; i = end) {
		for (end = i + 1; end < count && sorted[end] == sorted[i]; end++)
			;
		double t = (double)(end - i);
		sum += t * (t - 1) * (2 * t + 5);
	}
	return sum;
}

static struct kendall kendall_of(const struct sample *samples, size_t count)
{
	struct kendall k = { 0 };
	double n = (double)count;
	for (size_t i = 0; i < count; i++)
		for (size_t j = i + 1; j < count; j++)
			k.s += (samples[j].value > samples[i].value) -
			       (samples[j].value < samples[i].value);
	double variance = n * (n - 1) * (2 * n + 5) - tie_correction(samples, count);
	k.deviation = sqrt(variance > 0 ? variance / 18 : 0);
	return k;
}

struct parts {
	double mean, error; /* of the slopes from part to part, standard error */
	double last;        /* the last of these slopes */
};

/* Means of time and value in each eighth of the window; false: one is empty. */
static bool mean_parts(const struct sample *samples, size_t count,
		       struct sample out[static PARTS])
{
	size_t sizes[PARTS] = { 0 };
	double window = samples[count - 1].at;
	for (size_t i = 0; i < PARTS; i++)
		out[i] = (struct sample){ 0 };
	for (size_t i = 0; i < count; i++) {
		size_t part = (size_t)(samples[i].at / window * PARTS);
		part = part < PARTS ? part : PARTS - 1;
		out[part].at += samples[i].at;
		out[part].value += samples[i].value;
		sizes[part]++;
	}
	for (size_t i = 0; i < PARTS; i++) {
		if (sizes[i] == 0)
			return false;
		out[i].at /= (double)sizes[i];
		out[i].value /= (double)sizes[i];
	}
	return true;
}

static bool compare_parts(const struct sample *samples, size_t count, struct parts *out)
{
	struct sample means[PARTS];
	double slopes[PARTS - 1], squares = 0;
	*out = (struct parts){ 0 };
	if (!mean_parts(samples, count, means))
		return false;
	for (size_t i = 0; i + 1 < PARTS; i++) {
		slopes[i] = (means[i + 1].value - means[i].value) /
			    (means[i + 1].at - means[i].at);
		out->mean += slopes[i] / (PARTS - 1);
	}
	for (size_t i = 0; i + 1 < PARTS; i++)
		squares += (slopes[i] - out->mean) * (slopes[i] - out->mean);
	out->error = sqrt(squares / (PARTS - 2) / (PARTS - 1));
	out->last = slopes[PARTS - 2];
	return true;
}

static size_t sorted_slopes(const struct sample *samples, size_t count, double *out)
{
	size_t made = 0;
	for (size_t i = 0; i < count; i++)
		for (size_t j = i + 1; j < count; j++)
			out[made++] = (samples[j].value - samples[i].value) /
				      (samples[j].at - samples[i].at);
	qsort(out, made, sizeof(*out), compare_doubles);
	return made;
}

/* Theil and Sen's slope; ranks of the bounds by Kendall's deviation. */
static void estimate(const struct sample *samples, size_t count,
		     const struct kendall *k, const struct parts *parts,
		     struct trend *out)
{
	auto_free double *slopes = xcalloc(count * (count - 1) / 2, sizeof(*slopes));
	size_t n = sorted_slopes(samples, count, slopes);
	double reach = Z_BOUND * k->deviation;
	double below = ((double)n - reach) / 2, above = ((double)n + reach) / 2;
	size_t low = below > 0 ? (size_t)below : 0;
	size_t high = above < (double)(n - 1) ? (size_t)ceil(above) : n - 1;
	out->slope = (slopes[n / 2] + slopes[(n - 1) / 2]) / 2;
	out->low = fmin(slopes[low], parts->mean - T_BOUND * parts->error);
	out->high = fmax(slopes[high], parts->mean + T_BOUND * parts->error);
}

/*
 * By the slope, which a wild value does not move, but never more than was seen to
 * come: growth that quickens or slows down has another sum than its median slope.
 */
static double rise_of(const struct series_point *points, size_t count, double slope)
{
	uint32_t lowest = points[0].value;
	for (size_t i = 1; i < count; i++)
		if (points[i].value < lowest)
			lowest = points[i].value;
	double by_slope = slope * (double)(points[count - 1].at_ms - points[0].at_ms);
	return fmin(by_slope, (double)points[count - 1].value - lowest);
}

static bool find_in(const struct series_point *points, size_t count, double t_growth,
		    struct trend *out)
{
	struct sample samples[USED_MAX];
	struct parts parts;
	size_t used = choose_samples(points, count, samples);
	if (!compare_parts(samples, used, &parts) || parts.mean <= 0 ||
	    parts.mean < t_growth * parts.error || parts.last <= 0)
		return false;
	struct kendall k = kendall_of(samples, used);
	if (k.s - 1 < Z_GROWTH * k.deviation)
		return false;
	*out = (struct trend){
		.window_ms = points[count - 1].at_ms - points[0].at_ms,
		.point_count = count,
		.last = points[count - 1].value,
	};
	estimate(samples, used, &k, &parts, out);
	out->rise = rise_of(points, count, out->slope);
	return out->slope > 0;
}

bool trend_is_askable(const struct series_point *points, size_t count,
		      const struct trend_demand *demand)
{
	size_t least = demand->min_points > TREND_POINTS_MIN ? demand->min_points
							     : TREND_POINTS_MIN;
	return count >= least &&
	       points[count - 1].at_ms - points[0].at_ms >= demand->min_window_ms &&
	       points[count - 1].at_ms > points[0].at_ms;
}

bool trend_find(const struct series_point *points, size_t count,
		const struct trend_demand *demand, struct trend *out)
{
	double t_growth = T_GROWTH;
	while (trend_is_askable(points, count, demand)) {
		if (find_in(points, count, t_growth, out))
			return true;
		t_growth = T_GROWTH_LATELY;
		uint64_t middle = points[0].at_ms +
				  (points[count - 1].at_ms - points[0].at_ms) / 2;
		for (; count && points->at_ms < middle; count--)
			points++;
	}
	return false;
}

bool trend_foresee(const struct trend *t, double room, struct trend_eta *out)
{
	double reach = (double)t->window_ms * FORESIGHT;
	*out = (struct trend_eta){
		.early_ms = room / t->high,
		.middle_ms = room / t->slope,
		.late_ms = t->low > 0 ? room / t->low : INFINITY,
	};
	if (out->late_ms > reach)
		out->late_ms = INFINITY;
	return room > 0 && out->early_ms <= reach;
}
