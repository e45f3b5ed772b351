/* SPDX-License-Identifier: MIT */
#include <inttypes.h>

#include "conn-doctor/format.h"
#include "context.h"

/*
 * How long it takes until a vanished peer is noticed. While the connection is idle
 * only keepalive can notice (kernel-facts.md 4b, 4c); TCP_USER_TIMEOUT bounds data
 * in flight, and with keepalive on it replaces the number of probes (4h).
 */

/* Bounds of setsockopt(2); what lies outside comes from a damaged recording. */
enum { KEEP_SECONDS_MAX = 1 << 25, KEEP_COUNT_MAX = 1 << 10 };

static bool is_plausible(const struct socket_options *o)
{
	return o->keepidle_s <= KEEP_SECONDS_MAX &&
	       o->keepintvl_s <= KEEP_SECONDS_MAX && o->keepcnt <= KEEP_COUNT_MAX &&
	       o->user_timeout_ms <= INT32_MAX;
}

/*
 * What was read may be a minute old. Where the timer tells that SO_KEEPALIVE was
 * switched meanwhile, the timer is right.
 */
static const struct socket_options *options_of(const struct context *c)
{
	const struct socket_options *o =
		snapshot_socket_options(c->report->snap, c->sk->cookie);
	if (!o || !is_plausible(o) || !can_keepalive(c->sk))
		return NULL;
	enum keepalive read = o->keepalive ? KEEPALIVE_ON : KEEPALIVE_OFF;
	return c->d.keepalive == KEEPALIVE_UNKNOWN || c->d.keepalive == read ? o : NULL;
}

/*
 * tcp_keepalive_timer(): probes leave at idle, idle + interval, ...; each time the
 * timer fires it asks whether `count` of them are unanswered, or, with a user
 * timeout, whether that has passed since the last segment and one is unanswered.
 */
static int64_t idle_detection_ms(const struct derived *d)
{
	int64_t probes = d->keepcnt;
	if (d->user_timeout_ms > 0) {
		int64_t left = d->user_timeout_ms - d->keepidle_ms;
		int64_t interval = d->keepintvl_ms > 0 ? d->keepintvl_ms : 1;
		probes = left > interval ? (left + interval - 1) / interval : 1;
	}
	return d->keepidle_ms + probes * d->keepintvl_ms;
}

static int64_t in_flight_detection_ms(const struct context *c)
{
	int64_t retries = c->report->snap->kernel[KERNEL_TCP_RETRIES2];
	if (c->d.user_timeout_ms > 0)
		return c->d.user_timeout_ms;
	return retries >= 0 && retries <= 255 ? model_timeout_ms(retries)
					      : DERIVED_UNKNOWN;
}

static void take_options(struct derived *d, const struct socket_options *o)
{
	d->is_audited = true;
	d->keepalive = o->keepalive ? KEEPALIVE_ON : KEEPALIVE_OFF;
	d->keepidle_ms = o->keepidle_s * 1000LL;
	d->keepintvl_ms = o->keepintvl_s * 1000LL;
	d->keepcnt = o->keepcnt;
	d->user_timeout_ms = o->user_timeout_ms;
}

void derive_detection(struct context *c)
{
	struct derived *d = &c->d;
	const struct socket_options *o = options_of(c);
	d->is_audited = d->is_detects_exact = false;
	d->keepintvl_ms = d->keepcnt = d->user_timeout_ms = DERIVED_UNKNOWN;
	d->detects_idle_ms = d->detects_in_flight_ms = DERIVED_UNKNOWN;
	if (o) {
		take_options(d, o);
		d->detects_in_flight_ms = in_flight_detection_ms(c);
	}
	if (d->keepalive == KEEPALIVE_OFF) {
		d->detects_idle_ms = DERIVED_NEVER;
		d->is_detects_exact = true;
	} else if (o) {
		d->detects_idle_ms = idle_detection_ms(d);
		d->is_detects_exact = true;
	} else if (d->keepalive == KEEPALIVE_ON) {
		/* The interval and the number of probes cannot be seen: at least. */
		d->detects_idle_ms = d->keepidle_ms;
	}
}

static bool is_worse(int64_t a, int64_t b)
{
	if (a == DERIVED_UNKNOWN || b == DERIVED_NEVER)
		return false;
	return a == DERIVED_NEVER || a > b;
}

void detection_add(struct detection *all, const struct context *c)
{
	const struct tcp_socket *sk = c->sk;
	if (!sk->inode ||
	    (sk->state != TCP_STATE_ESTABLISHED && sk->state != TCP_STATE_CLOSE_WAIT))
		return;
	if (all->count == 0)
		all->idle_ms = DERIVED_UNKNOWN;
	int64_t idle_ms = c->d.detects_idle_ms;
	all->count++;
	all->audited_count += c->d.is_audited;
	all->unknown_count += idle_ms == DERIVED_UNKNOWN;
	all->never_count += idle_ms == DERIVED_NEVER;
	if (!all->user_timeout_ms && c->d.is_audited &&
	    c->d.keepalive == KEEPALIVE_ON && c->d.user_timeout_ms > 0) {
		all->user_timeout_ms = (uint32_t)c->d.user_timeout_ms;
		all->keepidle_ms = c->d.keepidle_ms;
		all->keepalive_ms = c->d.keepidle_ms + c->d.keepintvl_ms * c->d.keepcnt;
	}
	all->at_least_count += idle_ms >= 0 && !c->d.is_detects_exact;
	if (is_worse(idle_ms, all->idle_ms))
		all->idle_ms = idle_ms;
}

bool detection_is_exact(const struct detection *d)
{
	return d->idle_ms == DERIVED_NEVER ||
	       (d->unknown_count == 0 && d->at_least_count == 0);
}

void detection_put(const struct detection *d, struct strbuf *out)
{
	char time[FORMAT_SIZE];
	if (d->count == 0 || d->idle_ms == DERIVED_UNKNOWN)
		return;
	if (d->idle_ms == DERIVED_NEVER)
		strbuf_addf(out,
			    "never on %" PRIu32 " of %" PRIu32
			    " connections: keepalive is off",
			    d->never_count, d->count);
	else
		strbuf_addf(out, "within %s%s",
			    duration_print((uint64_t)d->idle_ms, time),
			    detection_is_exact(d) ? "" : " or later");
	if (d->audited_count)
		strbuf_addf(out,
			    " (read from the process for %" PRIu32 " of %" PRIu32 ")",
			    d->audited_count, d->count);
	else
		strbuf_add(out, " (as far as timers tell)");
}
