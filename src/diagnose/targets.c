/* SPDX-License-Identifier: MIT */
#include "context.h"

/*
 * The targets of the configuration: which connections they mean. The first one
 * whose filter matches counts.
 */
uint8_t target_of_row(const struct report *r, uint32_t row,
		      const struct socket_past *past)
{
	const struct tcp_socket *sk = &r->snap->sockets[row];
	if (!r->policy || !r->policy->target_count)
		return 0;
	struct filter_subject subject = {
		.snap = r->snap,
		.socket = sk,
		.past = past,
		.age_ms = connection_age_ms(sk, past, r->snap->monotonic_ms),
		.verdict = VERDICT_COUNT,
		.role = (uint8_t)role_of(r, sk),
	};
	for (size_t i = 0; i < r->policy->target_count; i++) {
		const struct target *t = &r->policy->targets[i];
		if (t->filter && filter_match(t->filter, &subject))
			return (uint8_t)(i + 1);
	}
	return 0;
}

const struct target *assessment_target(const struct report *r,
				       const struct assessment *a)
{
	return a->target ? &r->policy->targets[a->target - 1] : NULL;
}

const struct target *report_target_of(const struct report *r, uint32_t row)
{
	return assessment_target(r, &r->assessments[row]);
}

const struct target *service_target(const struct report *r, const struct service *s)
{
	return s->target == NO_INDEX ? NULL : &r->policy->targets[s->target];
}

bool is_ignored(const struct report *r, const struct tcp_socket *sk)
{
	if (!r->policy || sk->state == TCP_STATE_LISTEN)
		return false;
	const struct address_list *list = &r->policy->ignore[IGNORE_ADDRESSES];
	return address_list_has(list, &sk->peer) || address_list_has(list, &sk->local);
}

bool has_protocol(const struct context *c, enum protocol protocol)
{
	const struct target *t = report_target_of(c->report, c->row);
	return t && target_is(t, protocol);
}

uint64_t unverified_limit_ms(const struct context *c)
{
	uint64_t silence_ms;
	const struct target *t = report_target_of(c->report, c->row);
	return t && target_silence(t, &silence_ms, NULL)
		       ? silence_ms
		       : limit_of(c, LIMIT_IDLE_UNVERIFIED_AGE);
}
