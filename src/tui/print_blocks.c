/* SPDX-License-Identifier: MIT */
#include "print_blocks.h"

#include <errno.h>
#include <langinfo.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "conn-doctor/diagnose.h"
#include "conn-doctor/format.h"
#include "conn-doctor/renderer.h"
#include "signals.h"

static int print_report(const struct watch_options *o, const struct report *r,
			struct error *err)
{
	struct render_options render = {
		.use_color = o->use_color,
		.use_utf8 = !o->is_ascii && strcmp(nl_langinfo(CODESET), "UTF-8") == 0,
	};
	if (r->pass_count > 1)
		putchar('\n');
	if (renderer_text.check(r, &render, stdout, err))
		return -1;
	if (fflush(stdout) || ferror(stdout))
		return error_errno(err, errno, "cannot write");
	return 0;
}

/* A pass, and its block. Returns 1 when a recording is over. */
static int print_pass(const struct watch_options *o, struct history *history,
		      struct error *err)
{
	auto_snapshot struct snapshot snap = { 0 };
	auto_report struct report report = { 0 };
	struct diagnose_options options = { .filter = o->filter,
					    .policy = o->policy,
					    .with_findings = true };
	switch (o->source.ops->take(o->source.self, &snap, err)) {
	case SOURCE_END:
		return 1;
	case SOURCE_ERROR:
		return -1;
	case SOURCE_OK:
		break;
	}
	history_update(history, &snap);
	diagnose(&snap, history, o->limits, &options, &report);
	report.pass_count = history_pass_count(history);
	report.duration_ns = snap.duration_ns;
	return print_report(o, &report, err);
}

static void rest(uint64_t ms)
{
	struct timespec ts = { (time_t)(ms / 1000), (long)(ms % 1000) * 1000000 };
	nanosleep(&ts, NULL); /* a signal cuts it short, which is wanted */
}

int print_blocks(const struct watch_options *o, struct error *err)
{
	char interval[FORMAT_SIZE];
	fprintf(stderr,
		"conn-doctor: watch needs a terminal that can position the cursor; "
		"printing every %s instead\n",
		duration_print(o->interval_ms, interval));
	struct history *history = history_new();
	signals_install();
	int result = 0;
	for (uint64_t i = 0; result == 0 && !signals_caught(); i++) {
		if (i)
			rest(o->interval_ms);
		if (signals_caught() || (o->count && i >= o->count))
			break;
		result = print_pass(o, history, err);
	}
	signals_restore();
	history_free(history);
	return result < 0 ? -1 : signals_caught();
}
