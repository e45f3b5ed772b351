/* SPDX-License-Identifier: MIT */
#include "lab_command.h"

#include <signal.h>

#include "conn-doctor/lab.h"

static int take_options(const struct options *o, struct lab_options *out,
			struct error *err)
{
	if (!o->filter.len)
		return error_set(err, ERROR_USAGE,
				 "which state? conn-doctor lab --list shows them");
	if (o->pass_count > LAB_COUNT_MAX)
		return error_set(err, ERROR_USAGE, "--count: at most %d connections",
				 LAB_COUNT_MAX);
	*out = (struct lab_options){
		.state = lab_state_find(o->filter.text, err),
		.port = (uint16_t)(o->port ? o->port : LAB_PORT),
		.count = (uint32_t)(o->pass_count ? o->pass_count : LAB_COUNT),
		.hold_ms = o->hold_ms ? o->hold_ms : LAB_HOLD_MS,
	};
	return out->state ? 0 : -1;
}

int lab_command(const struct options *o, struct error *err)
{
	struct lab_options options;
	if (o->is_listed) {
		lab_list(stdout);
		return 0;
	}
	if (take_options(o, &options, err))
		return -1;
	int status = lab_run(&options, stdout, err);
	if (status > 0) {
		/* Ended by this signal: so that the shell sees it. */
		raise(status);
		return 128 + status; /* it is ignored here (nohup) */
	}
	return status;
}
