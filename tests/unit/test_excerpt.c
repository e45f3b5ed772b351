/* SPDX-License-Identifier: MIT */
#include <glob.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "conn-doctor/diagnose.h"
#include "conn-doctor/memory.h"
#include "conn-doctor/renderer.h"
#include "conn-doctor/source.h"

/*
 * An excerpt of all connections tells, word for word, what the report tells that it
 * was made from: of every golden recording, in every format.
 */
struct scene {
	struct source source;
	struct history *history;
	struct limits limits;
	struct snapshot snap;
	struct report report;
	struct snapshot part_snap;
	struct report part;
};

static char *render(const struct report *r, const struct renderer *renderer)
{
	const struct render_options options = { .use_utf8 = true,
						.all_connections = true };
	struct error err;
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);
	assert_non_null(out);
	assert_int_equal(renderer->check(r, &options, out, &err), 0);
	assert_int_equal(fclose(out), 0);
	return text;
}

static void look(struct scene *s)
{
	struct diagnose_options options = { .with_findings = true };
	history_update(s->history, &s->snap);
	diagnose(&s->snap, s->history, &s->limits, &options, &s->report);
	s->report.pass_count = history_pass_count(s->history);
	/* What an excerpt does not have: rates and ages are in its assessments. */
	s->report.history = NULL;
}

/* The connections, worst first; listeners are there in any case. */
static size_t connections(const struct report *r, uint32_t **rows)
{
	size_t kept = 0, count = report_worst_first(r, true, rows);
	for (size_t i = 0; i < count; i++)
		if (r->snap->sockets[(*rows)[i]].state != TCP_STATE_LISTEN)
			(*rows)[kept++] = (*rows)[i];
	return kept;
}

static void compare_whole(struct scene *s)
{
	auto_free uint32_t *rows = NULL;
	size_t count = connections(&s->report, &rows);
	report_excerpt(&s->report, rows, count, &s->part_snap, &s->part);
	assert_int_equal(s->part_snap.socket_count, s->snap.socket_count);
	assert_int_equal(snapshot_omitted_count(&s->part_snap), 0);
	for (size_t i = 0; renderers[i]; i++) {
		auto_free char *whole = render(&s->report, renderers[i]);
		auto_free char *part = render(&s->part, renderers[i]);
		assert_string_equal(part, whole);
	}
}

/* Half of them: those are told as before, and the others are counted. */
static void compare_half(struct scene *s)
{
	auto_free uint32_t *rows = NULL;
	size_t count = connections(&s->report, &rows), half = count / 2;
	report_excerpt(&s->report, rows, half, &s->part_snap, &s->part);
	assert_int_equal(snapshot_omitted_count(&s->part_snap), count - half);
	assert_int_equal(s->part.selected_count, s->report.selected_count);
	assert_int_equal(s->part.severity, s->report.severity);
	for (size_t i = 0; i < half; i++) {
		const struct tcp_socket *sk = &s->part_snap.sockets[i];
		int32_t fd = -1, fd_before = -1;
		assert_memory_equal(sk, &s->snap.sockets[rows[i]], sizeof(*sk));
		assert_memory_equal(&s->part.assessments[i],
				    &s->report.assessments[rows[i]],
				    sizeof(s->part.assessments[i]));
		const struct process *p = report_process_of(&s->part, (uint32_t)i, &fd);
		const struct process *before =
			report_process_of(&s->report, rows[i], &fd_before);
		assert_int_equal(p != NULL, before != NULL);
		assert_int_equal(fd, fd_before);
		if (p)
			assert_int_equal(p->pid, before->pid);
	}
	auto_free char *json = render(&s->part, &renderer_json);
	auto_free char *omitted = xasprintf("\"omitted_count\":%zu", count - half);
	auto_free char *sockets = xasprintf("\"sockets\":%zu,", s->snap.socket_count);
	assert_true(count == half || strstr(json, omitted));
	assert_non_null(strstr(json, sockets));
	for (size_t i = 0; i < s->part.finding_count; i++)
		assert_string_equal(s->part.findings[i].summary,
				    s->report.findings[i].summary);
}

static size_t compare_recording(const char *path)
{
	struct scene s = { .history = history_new() };
	struct error err;
	size_t passes = 0;
	limits_init(&s.limits);
	assert_int_equal(source_open_recording(&s.source, path, &err), 0);
	while (s.source.ops->take(s.source.self, &s.snap, &err) == SOURCE_OK) {
		look(&s);
		compare_whole(&s);
		compare_half(&s);
		passes++;
	}
	s.source.ops->close(s.source.self, &err);
	report_clear(&s.part);
	snapshot_clear(&s.part_snap);
	report_clear(&s.report);
	snapshot_clear(&s.snap);
	history_free(s.history);
	return passes;
}

static void an_excerpt_tells_what_the_whole_tells(void **state)
{
	(void)state;
	glob_t found;
	size_t passes = 0;
	assert_int_equal(glob(SOURCE_DIR "/tests/golden/*/*.cdrec", 0, NULL, &found),
			 0);
	for (size_t i = 0; i < found.gl_pathc; i++)
		passes += compare_recording(found.gl_pathv[i]);
	assert_true(found.gl_pathc >= 5 && passes > found.gl_pathc);
	globfree(&found);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_excerpt_tells_what_the_whole_tells),
	};
	return cmocka_run_group_tests_name("excerpt", tests, NULL, NULL);
}
