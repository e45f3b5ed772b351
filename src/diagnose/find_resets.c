/* SPDX-License-Identifier: MIT */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "finding_groups.h"

/*
 * Resets are counted by the kernel for the whole namespace, not by socket. Two
 * passes give a rate; what is usual is learnt when there is a longer past.
 */

/* Longest time over which the present rate is read: a storm is of now. */
enum { RECENT_MS = 10000 };

struct resets {
	struct series_point points[SERIES_POINTS + 1];
	size_t count;
	size_t recent;    /* the point from which the present rate is read */
	double rate;      /* per second */
	double baseline;  /* what is usual, per second */
	double threshold; /* a storm is at or above this */
	bool is_learnt;   /* the baseline is one that was seen */
	uint64_t since_ms;
};

/* Why they happen: the counter, what it means, who can end it. */
static const struct reset_cause {
	enum series_metric metric;
	const char *meaning;
	enum acts acts;
	const char *next;
} causes[] = {
	{ SERIES_ABORT_ON_CLOSE, "closed here with data still unread", ACTS_LOCAL_APP,
	  "read a request to its end, and close WebSockets with a handshake" },
	{ SERIES_ABORT_ON_DATA, "closed here with linger 0, or with data coming in",
	  ACTS_LOCAL_APP, "look for SO_LINGER 0 (nolinger) in what closes them" },
	{ SERIES_ABORT_ON_TIMEOUT, "given up here: the peer did not answer",
	  ACTS_NETWORK, "conn-doctor explain half-open" },
	{ SERIES_ABORT_ON_MEMORY, "dropped by the kernel for want of memory",
	  ACTS_LOCAL_APP, "look at net.ipv4.tcp_mem and tcp_max_orphans" },
	{ SERIES_ABORT_ON_LINGER, "given up here after close, the peer never finished",
	  ACTS_PEER, "see what the peers do not close; tcp_fin_timeout" },
	{ SERIES_ATTEMPT_FAILS, "refused before they were established", ACTS_LOCAL_APP,
	  "which port do they ask for, and should something listen there? a scan?" },
	{ SERIES_ESTAB_RESETS, "mostly reset by the peers", ACTS_PEER,
	  "put the timeouts in order (conn-doctor explain timeout-chain)" },
	{ SERIES_OUT_RSTS, "sent for no connection of this host", ACTS_PEER,
	  "late packets of connections that are gone, or a scan of ports" },
};

static double rate_between(const struct series_point *from,
			   const struct series_point *to)
{
	/* Counters are kept modulo 2^32; one that was set back is no rate. */
	uint32_t grown = to->value - from->value;
	return grown > INT32_MAX || to->at_ms <= from->at_ms
		       ? 0
		       : grown * 1000.0 / (double)(to->at_ms - from->at_ms);
}

static int compare_rates(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return (x > y) - (x < y);
}

/* Median rate of the intervals before `end`. */
static double usual_rate(const struct series_point *points, size_t end)
{
	double rates[SERIES_POINTS];
	size_t count = 0;
	for (size_t i = 1; i < end; i++)
		rates[count++] = rate_between(&points[i - 1], &points[i]);
	qsort(rates, count, sizeof(*rates), compare_rates);
	return count ? rates[count / 2] : 0;
}

/* From what was before the time that makes a storm critical. */
static void learn_baseline(const struct report *r, struct resets *s)
{
	uint64_t now_ms = s->points[s->count - 1].at_ms;
	size_t end = 0;
	while (end < s->count &&
	       now_ms - s->points[end].at_ms > limit_value(r, LIMIT_RESET_CRITICAL_AGE))
		end++;
	s->baseline = (double)limit_value(r, LIMIT_RESET_BASELINE);
	if (end > 1 && s->points[end - 1].at_ms - s->points[0].at_ms >=
			       limit_value(r, LIMIT_RESET_LEARN)) {
		double usual = usual_rate(s->points, end);
		s->is_learnt = usual > s->baseline;
		s->baseline = s->is_learnt ? usual : s->baseline;
	}
	s->threshold = s->baseline * (double)limit_value(r, LIMIT_RESET_FACTOR);
}

static void find_beginning(struct resets *s)
{
	size_t first = s->recent;
	while (first &&
	       rate_between(&s->points[first - 1], &s->points[first]) >= s->threshold)
		first--;
	s->since_ms = s->points[s->count - 1].at_ms - s->points[first].at_ms;
}

/* False when the points do not give a rate yet. */
static bool read_resets(const struct report *r, enum series_metric metric,
			struct resets *s)
{
	struct series_scope host = series_of_host();
	memset(s, 0, sizeof(*s));
	s->count = series_with_report(r, &host, metric, r->now.of[metric], s->points);
	if (s->count < 2)
		return false;
	const struct series_point *last = &s->points[s->count - 1];
	uint64_t window_ms = limit_value(r, LIMIT_RESET_WINDOW);
	s->recent = s->count - 2;
	while (s->recent && (last->at_ms - s->points[s->recent].at_ms < window_ms ||
			     last->at_ms - s->points[s->recent - 1].at_ms <= RECENT_MS))
		s->recent--;
	if (last->at_ms - s->points[s->recent].at_ms < window_ms)
		return false;
	s->rate = rate_between(&s->points[s->recent], last);
	learn_baseline(r, s);
	find_beginning(s);
	return true;
}

/* Growth of a counter since the same point; 0 when it is not known. */
static double growth_since(const struct report *r, enum series_metric metric,
			   uint64_t from_ms)
{
	struct series_point points[SERIES_POINTS + 1];
	struct series_scope host = series_of_host();
	size_t count = series_with_report(r, &host, metric, r->now.of[metric], points);
	for (size_t i = 0; i < count; i++)
		if (points[i].at_ms >= from_ms) {
			uint32_t grown = points[count - 1].value - points[i].value;
			return grown > INT32_MAX ? 0 : grown;
		}
	return 0;
}

enum { CAUSE_COUNT = sizeof(causes) / sizeof(*causes) };

/*
 * Growth by cause. Every abort of an established connection raises EstabResets as
 * well, and OutRsts counts what each of them sent: what is left of these two is an
 * estimate of what came from the peers, and of what had no connection.
 */
static void weigh_causes(const struct report *r, uint64_t from_ms,
			 double out[static CAUSE_COUNT])
{
	double aborts = 0;
	for (size_t i = 0; i < CAUSE_COUNT; i++) {
		out[i] = growth_since(r, causes[i].metric, from_ms);
		enum series_metric metric = causes[i].metric;
		bool is_total =
			metric == SERIES_ESTAB_RESETS || metric == SERIES_OUT_RSTS;
		if (is_total)
			out[i] = out[i] > aborts ? out[i] - aborts : 0;
		else if (metric != SERIES_ATTEMPT_FAILS)
			aborts += out[i];
	}
}

static const struct reset_cause *say_causes(const struct report *r, struct finding *f,
					    const struct resets *s)
{
	double weights[CAUSE_COUNT];
	size_t lead = 0;
	uint64_t from_ms = s->points[s->recent].at_ms;
	double seconds = (double)(s->points[s->count - 1].at_ms - from_ms) / 1000;
	weigh_causes(r, from_ms, weights);
	for (size_t i = 1; i < CAUSE_COUNT; i++)
		if (weights[i] > weights[lead])
			lead = i;
	add_evidence(f, "%s leads with %.1f/s: %s",
		     series_metric_names[causes[lead].metric], weights[lead] / seconds,
		     causes[lead].meaning);
	for (size_t i = 0; i < CAUSE_COUNT; i++)
		if (i != lead && weights[i] * 10 >= weights[lead])
			add_evidence(f, "%s %.1f/s: %s",
				     series_metric_names[causes[i].metric],
				     weights[i] / seconds, causes[i].meaning);
	return &causes[lead];
}

static void add_storm(struct report *r, const struct resets *s,
		      enum series_metric metric)
{
	struct group g = { .kind = FINDING_RESET_STORM,
			   .service = NO_INDEX,
			   .process = NO_INDEX,
			   .proven_count = 1 };
	struct finding *f = add_finding(r, &g);
	char lasted[FORMAT_SIZE];
	if (s->since_ms >= limit_value(r, LIMIT_RESET_CRITICAL_AGE))
		f->severity = SEVERITY_CRITICAL;
	f->value = s->rate;
	f->unit = "{connection}/s";
	f->warning = s->threshold;
	f->since_cs = (uint32_t)(s->since_ms / 10);
	set_summary(f, "host: %.0f resets per second, for at least %s", s->rate,
		    duration_print(s->since_ms, lasted));
	add_evidence(f,
		     "%s grows by %.1f/s; %s are %.1f/s, %" PRIu64 " times that is "
		     "a storm",
		     series_metric_names[metric], s->rate,
		     s->is_learnt ? "usual here" : "taken for usual", s->baseline,
		     limit_value(r, LIMIT_RESET_FACTOR));
	const struct reset_cause *lead = say_causes(r, f, s);
	f->acts = lead->acts;
	add_next(f, "%s", lead->next);
	add_next(f, "nstat -az | grep -E 'Rsts|EstabResets|AbortOn|AttemptFails'   "
		    "twice: what rises?");
}

/* About the host: not asked when a filter looks at a part of it. */
bool is_about_host(const struct report *r)
{
	return !r->filter_text[0];
}

bool has_reset_rate(const struct report *r)
{
	struct resets unused;
	return read_resets(r, SERIES_ESTAB_RESETS, &unused) &&
	       read_resets(r, SERIES_OUT_RSTS, &unused);
}

void find_reset_storm(struct report *r)
{
	struct resets established, sent;
	if (!is_about_host(r) || !read_resets(r, SERIES_ESTAB_RESETS, &established) ||
	    !read_resets(r, SERIES_OUT_RSTS, &sent))
		return;
	bool is_reset = established.rate >= established.threshold;
	bool is_sent = sent.rate >= sent.threshold;
	if (is_sent && (!is_reset || sent.rate > established.rate))
		add_storm(r, &sent, SERIES_OUT_RSTS);
	else if (is_reset)
		add_storm(r, &established, SERIES_ESTAB_RESETS);
}
