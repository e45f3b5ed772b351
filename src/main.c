/* SPDX-License-Identifier: MIT */

/*
 * The composition root: only here are the concrete renderers named, and only in
 * session.c the sources. Parse, open, take passes, diagnose, write, exit status.
 */
#include <errno.h>
#include <fcntl.h>
#include <locale.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "conn-doctor/filter.h"
#include "conn-doctor/format.h"
#include "conn-doctor/memory.h"
#include "conn-doctor/version.h"
#include "conn-doctor/watch.h"

#include "cli/config_command.h"
#include "cli/explain.h"
#include "cli/lab_command.h"
#include "cli/options.h"
#include "cli/output.h"
#include "session.h"

enum { EXIT_OK = 0, EXIT_WARNING = 1, EXIT_CRITICAL = 2, EXIT_CANNOT = 3 };
enum { WATCH_INTERVAL_MS = 2000, CHECK_PASSES = 2 };

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

static int diagnose_and_write(struct session *s, bool is_list, struct error *err)
{
	const struct options *o = s->options;
	auto_report struct report report = { 0 };
	session_open_state(s);
	if (session_take_passes(s, is_list ? 1 : CHECK_PASSES, err))
		return -1;
	session_note_state(s);
	struct diagnose_options options = session_diagnose_options(s);
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
	if (session_save_state(s, &report, err))
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
