/* SPDX-License-Identifier: MIT */

/*
 * The composition root: the only file that names concrete sources and
 * renderers. Parse, open, take passes, diagnose, write, exit status.
 */
#include <errno.h>
#include <fcntl.h>
#include <locale.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "conn-doctor/diagnose.h"
#include "conn-doctor/filter.h"
#include "conn-doctor/format.h"
#include "conn-doctor/memory.h"
#include "conn-doctor/source.h"
#include "conn-doctor/state.h"
#include "conn-doctor/time_at.h"
#include "conn-doctor/version.h"
#include "conn-doctor/watch.h"

#include "cli/config_command.h"
#include "cli/explain.h"
#include "cli/lab_command.h"
#include "cli/options.h"
#include "cli/output.h"

enum { EXIT_OK = 0, EXIT_WARNING = 1, EXIT_CRITICAL = 2, EXIT_CANNOT = 3 };
enum { CHECK_INTERVAL_MS = 1000, WATCH_INTERVAL_MS = 2000, CHECK_PASSES = 2 };
/* With --at: the moment and what led to it, two minutes of the usual recording. */
enum { AT_PASSES = 24 };

/* What every command that looks at sockets needs. */
struct session {
	const struct options *options;
	struct filter *filter;
	struct source source;
	struct history *history;  /* NULL: a single pass needs none */
	struct series *series;    /* the same; `list` has none */
	struct report between;    /* of passes that are not the last one */
	struct state *state;      /* NULL: no memory between runs */
	struct error state_error; /* why there is none although it was asked for */
	struct snapshot snaps[2]; /* the last complete one, and the next */
	bool is_followed;         /* enough passes for trends */
	size_t last;
	size_t pass_count;
	uint64_t passes_at; /* with --at: how many end at that moment; else 0 */
	uint64_t duration_ns;
};

/* To the passes that end with the one of --at; watch begins with that one. */
static int go_to_moment(struct session *s, struct error *err)
{
	const struct options *o = s->options;
	struct source_extent extent;
	int64_t moment_ns;
	size_t pass;
	if (source_extent(&s->source, &extent, err) ||
	    /* Of a recording without times, this is what says so. */
	    source_find_time(&s->source, extent.first_realtime_ns, &pass, err) ||
	    time_parse_at(o->at_text, (int64_t)extent.first_realtime_ns,
			  (int64_t)extent.last_realtime_ns, &moment_ns, err) ||
	    source_find_time(&s->source, (uint64_t)moment_ns, &pass, err))
		return error_wrap(err, "--at");
	uint64_t wanted = o->command == COMMAND_WATCH ? 1
			  : o->pass_count             ? o->pass_count
						      : AT_PASSES;
	s->passes_at = wanted <= pass ? wanted : pass + 1;
	return source_seek_pass(&s->source, pass + 1 - s->passes_at, err);
}

static int open_recording(struct session *s, struct error *err)
{
	if (source_open_recording(&s->source, s->options->read_path, err))
		return -1;
	return s->options->at_text ? go_to_moment(s, err) : 0;
}

/* `list`, unless told otherwise, and `check --once`. */
static bool is_single_pass(const struct options *o)
{
	if (o->command == COMMAND_LIST && o->pass_count == 0)
		return true;
	return o->command != COMMAND_WATCH && o->pass_count == 1;
}

static int session_open(struct session *s, const struct options *o, struct error *err)
{
	*s = (struct session){ .options = o };
	if (filter_parse(strbuf_text(&o->filter), &s->filter, NULL, err) ||
	    filter_resolve(s->filter, &host_resolver, err) ||
	    policy_resolve(&o->config.policy, &host_resolver, err))
		return -1;
	if (o->verbosity > 1) {
		struct strbuf parsed = { 0 };
		filter_print(s->filter, &parsed);
		fprintf(stderr, "conn-doctor: filter: %s\n",
			parsed.len ? parsed.text : "(everything)");
		strbuf_clear(&parsed);
	}
	if (o->read_path)
		return open_recording(s, err);
	struct source_options source_options = {
		.filter = s->filter,
		.with_owners = !o->no_processes,
		.with_keepalive_audit = o->command != COMMAND_LIST,
		.with_server_settings = o->command != COMMAND_LIST,
		.is_single_pass = is_single_pass(o),
		.timeout_ms = o->timeout_ms,
		.record_path = o->record_path,
	};
	return source_open_kernel(&s->source, &source_options, err);
}

static int session_close(struct session *s, struct error *err)
{
	int result = source_close(&s->source, err);
	state_free(s->state);
	history_free(s->history);
	series_free(s->series);
	report_clear(&s->between);
	snapshot_clear(&s->snaps[0]);
	snapshot_clear(&s->snaps[1]);
	filter_free(s->filter);
	return result;
}

/* Closes, and hands the status on; the first error is the one that is told. */
static int session_end(struct session *s, int status, struct error *err)
{
	struct error close_error = { 0 };
	if (session_close(s, &close_error) && status >= 0) {
		*err = close_error;
		return -1;
	}
	return status;
}

static void wait_until(struct timespec *next, uint64_t interval_ms)
{
	next->tv_sec += (time_t)(interval_ms / 1000);
	next->tv_nsec += (long)(interval_ms % 1000 * 1000000);
	if (next->tv_nsec >= 1000000000) {
		next->tv_nsec -= 1000000000;
		next->tv_sec++;
	}
	while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, next, NULL) == EINTR)
		;
}

static struct diagnose_options diagnose_options_of(const struct session *s)
{
	return (struct diagnose_options){
		.filter = s->filter->root ? s->filter : NULL,
		.policy = &s->options->config.policy,
		.series = s->series,
	};
}

/* What trends need of the last pass, before the next one takes its place. */
static void follow_trends(struct session *s)
{
	struct diagnose_options options = diagnose_options_of(s);
	if (!s->series || s->pass_count == 0)
		return;
	if (!s->is_followed) {
		series_update_counters(s->series, &s->snaps[s->last]);
		return;
	}
	diagnose(&s->snaps[s->last], s->history, &s->options->limits, &options,
		 &s->between);
	series_update(s->series, &s->between);
}

static void recall_state(struct session *s)
{
	state_recall(s->state, &s->snaps[s->last], s->filter->text, s->history);
	if (s->series)
		state_recall_series(s->state, s->series);
}

/* Takes one pass in; SOURCE_END leaves the last one as it was. */
static enum source_result take_pass(struct session *s, struct error *err)
{
	bool is_live = s->source.ops->is_live;
	follow_trends(s);
	/* The kernel never ends, so its passes can share one snapshot's memory. */
	size_t next = is_live ? s->last : !s->last;
	enum source_result result =
		s->source.ops->take(s->source.self, &s->snaps[next], err);
	if (result != SOURCE_OK)
		return result;
	s->last = next;
	s->pass_count++;
	s->duration_ns += s->snaps[next].duration_ns;
	if (s->state && s->pass_count == 1)
		recall_state(s);
	if (s->history)
		history_update(s->history, &s->snaps[next]);
	return SOURCE_OK;
}

/* All passes of `check` and `list`: as many as asked for, or the recording's. */
static int take_passes(struct session *s, uint64_t initial_count, struct error *err)
{
	const struct options *o = s->options;
	bool is_live = s->source.ops->is_live;
	uint64_t count = s->passes_at    ? s->passes_at
			 : o->pass_count ? o->pass_count
			 : is_live       ? initial_count
					 : UINT64_MAX;
	uint64_t interval_ms = o->interval_ms ? o->interval_ms : CHECK_INTERVAL_MS;
	if (count > 1 || s->state)
		s->history = history_new();
	if ((count > 1 || s->state) && o->command != COMMAND_LIST)
		s->series = series_new();
	s->is_followed = count >= o->limits.value[LIMIT_TREND_POINTS];

	struct timespec next;
	clock_gettime(CLOCK_MONOTONIC, &next);
	while (s->pass_count < count) {
		if (is_live && s->pass_count)
			wait_until(&next, interval_ms);
		enum source_result result = take_pass(s, err);
		if (result == SOURCE_ERROR)
			return -1;
		if (result == SOURCE_END)
			break;
	}
	return 0;
}

static int write_report(const struct session *s, const struct report *r, bool is_list,
			struct error *err)
{
	const struct options *o = s->options;
	struct render_options render = output_render_options(o);
	struct output out;
	if (output_open(&out, o, err))
		return -1;
	int (*render_fn)(const struct report *, const struct render_options *, FILE *,
			 struct error *) =
		is_list ? o->renderer->list : o->renderer->check;
	if (render_fn(r, &render, out.stream, err)) {
		output_abandon(&out);
		return -1;
	}
	return output_close(&out, err);
}

static void say_collection(const struct session *s)
{
	char took[FORMAT_SIZE];
	const struct snapshot *snap = &s->snaps[s->last];
	fprintf(stderr,
		"conn-doctor: %zu sockets, %zu passes, collected in %s; %zu duplicate "
		"rows, %zu unreadable records\n",
		snap->socket_count, s->pass_count,
		duration_print(s->duration_ns / 1000000, took), snap->duplicate_count,
		snap->unreadable_count);
}

static int exit_status(const struct options *o, enum severity severity)
{
	if (o->is_exit_zero || severity < o->fail_on)
		return EXIT_OK;
	return severity == SEVERITY_CRITICAL ? EXIT_CRITICAL : EXIT_WARNING;
}

/* A memory that cannot be used costs ages, not the report. */
static void open_state(struct session *s)
{
	const struct options *o = s->options;
	if (o->state_path)
		s->state = state_open(o->state_path, o->timeout_ms, &s->state_error);
}

static void note_state(struct session *s)
{
	const char *complaint = s->state ? state_complaint(s->state) : "";
	if (*complaint)
		fprintf(stderr, "conn-doctor: %s\n", complaint);
	if (s->state_error.code)
		complaint = s->state_error.text;
	if (*complaint)
		snapshot_add_degraded(&s->snaps[s->last], "earlier runs", complaint);
}

/* After the report: it is out, whatever becomes of the file. */
static int save_state(struct session *s, const struct report *r, struct error *err)
{
	if (s->state_error.code) {
		*err = s->state_error;
		return -1;
	}
	if (!s->state)
		return 0;
	if (s->series) {
		series_update(s->series, r);
		state_keep_series(s->state, s->series);
	}
	return state_save(s->state, &s->snaps[s->last], s->history, err);
}

static int diagnose_and_write(struct session *s, bool is_list, struct error *err)
{
	const struct options *o = s->options;
	auto_report struct report report = { 0 };
	open_state(s);
	if (take_passes(s, is_list ? 1 : CHECK_PASSES, err))
		return -1;
	note_state(s);
	struct diagnose_options options = diagnose_options_of(s);
	options.with_findings = !is_list;
	diagnose(&s->snaps[s->last], s->history, &o->limits, &options, &report);
	if (s->state)
		state_follow(s->state, &report, !is_list);
	else if (o->state_path)
		report.memory = MEMORY_UNUSABLE;
	report.filter_text = s->filter->text;
	report.pass_count = s->pass_count;
	report.duration_ns = s->duration_ns;
	if (o->verbosity)
		say_collection(s);
	if (!o->is_quiet && write_report(s, &report, is_list, err))
		return -1;
	if (save_state(s, &report, err))
		return -1;
	return is_list ? EXIT_OK : exit_status(o, report.severity);
}

static int run_check_or_list(const struct options *o, struct error *err)
{
	struct session s;
	int status = -1;
	if (session_open(&s, o, err) == 0)
		status = diagnose_and_write(&s, o->command == COMMAND_LIST, err);
	return session_end(&s, status, err);
}

static int write_json(const struct report *r, const struct render_options *o, FILE *out,
		      struct error *err)
{
	return renderer_json.check(r, o, out, err);
}

static const struct watch_ports watch_ports = {
	.write_report = write_json,
	.write_subject = json_subject,
	.explain = explain_write,
};

static int run_watch(const struct options *o, struct error *err)
{
	struct session s;
	auto_free char *state_dir = options_state_dir();
	int status = session_open(&s, o, err);
	if (status == 0) {
		struct watch_options watch = {
			.source = s.source,
			.limits = &o->limits,
			.filter = s.filter,
			.policy = &o->config.policy,
			.resolver = &host_resolver,
			.ports = &watch_ports,
			.state_dir = state_dir,
			.is_interval_given = o->interval_ms != 0,
			.plays_by_interval = o->is_interval_typed,
			.use_mouse = o->use_mouse,
			.interval_ms =
				o->interval_ms ? o->interval_ms : WATCH_INTERVAL_MS,
			.count = o->pass_count,
			.use_color = output_use_color(o, STDOUT_FILENO),
			.is_ascii = o->is_ascii,
		};
		status = watch_run(&watch, err);
	}
	status = session_end(&s, status, err);
	if (status > 0) {
		/* Ended by this signal: so that the shell sees it. */
		raise(status);
		return 128 + status; /* it is ignored here (nohup) */
	}
	return status;
}

static int run_help(const struct options *o, struct error *err)
{
	const struct command_row *c = NULL;
	if (o->filter.len) {
		c = command_find(o->filter.text);
		if (!c)
			return error_set(err, ERROR_USAGE, "'%.60s' is not a command",
					 o->filter.text);
	}
	help_print(c, stdout);
	return EXIT_OK;
}

static const struct {
	enum command command;
	int (*run)(const struct options *o, struct error *err);
} runners[] = {
	{ COMMAND_CHECK, run_check_or_list }, { COMMAND_LIST, run_check_or_list },
	{ COMMAND_WATCH, run_watch },         { COMMAND_EXPLAIN, explain_command },
	{ COMMAND_CONFIG, config_command },   { COMMAND_LAB, lab_command },
	{ COMMAND_HELP, run_help },
};

/*
 * A limit that is not what somebody wrote would make a verdict that nobody asked
 * for, so one-shot commands stop; watch says it and shows what it can.
 */
static int refuse_broken_config(const struct options *o, struct error *err)
{
	if (o->config.error_count == 0 || o->command == COMMAND_CONFIG ||
	    o->command == COMMAND_EXPLAIN)
		return 0;
	fputs(o->config.errors.text, stderr);
	if (o->command == COMMAND_WATCH) {
		fputs("conn-doctor: the configuration is wrong there; going on with "
		      "the defaults of these keys\n",
		      stderr);
		return 0;
	}
	return error_set(err, ERROR_INPUT,
			 "the configuration is wrong; to go on without it: "
			 "--config=none");
}

static int run(struct options *o, struct error *err)
{
	if (o->is_version) {
		puts("conn-doctor " CONN_DOCTOR_VERSION);
		return EXIT_OK;
	}
	if (o->is_help) {
		help_print(command_row_of(o->command), stdout);
		return EXIT_OK;
	}
	options_load_config(o);
	if (refuse_broken_config(o, err))
		return -1;
	for (size_t i = 0; i < sizeof(runners) / sizeof(*runners); i++)
		if (runners[i].command == o->command)
			return runners[i].run(o, err);
	return error_set(err, ERROR_USAGE, "this command cannot be run");
}

static int complain(const struct options *o, const struct error *err)
{
	fprintf(stderr, "conn-doctor: %s\n", err->text);
	if (err->code != ERROR_USAGE)
		return EXIT_CANNOT;
	const struct command_row *c = command_row_of(o->command);
	fprintf(stderr,
		c ? "try 'conn-doctor help %s'\n" : "try 'conn-doctor --help'\n",
		c ? c->name : "");
	return EXIT_CANNOT;
}

/*
 * A descriptor 0, 1 or 2 that is closed would be taken by the next socket, and
 * the report written into it.
 */
static int require_standard_streams(void)
{
	static const int modes[] = { O_RDONLY, O_WRONLY, O_WRONLY };
	bool is_stdout_open = fcntl(STDOUT_FILENO, F_GETFD) >= 0;
	for (int fd = 0; fd <= STDERR_FILENO; fd++)
		if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", modes[fd]) != fd)
			return -1;
	return is_stdout_open ? 0 : -1;
}

int main(int argc, char **argv)
{
	struct options options = { 0 };
	struct error err = { 0 };
	memory_set_up();
	setlocale(LC_ALL, "");
	/* Numbers are for machines too: the decimal point stays one. */
	setlocale(LC_NUMERIC, "C");
	if (require_standard_streams()) {
		fputs("conn-doctor: standard output is closed; use --quiet for the "
		      "exit "
		      "status alone, with >/dev/null\n",
		      stderr);
		return EXIT_CANNOT;
	}
	int status = options_parse(&options, argc, argv, &err);
	if (status == 0)
		status = run(&options, &err);
	if (status >= 0 && (fflush(stdout) || ferror(stdout)))
		status = error_errno(&err, errno ? errno : EIO,
				     "cannot write to standard output");
	if (status < 0)
		status = complain(&options, &err);
	options_clear(&options);
	return status;
}
