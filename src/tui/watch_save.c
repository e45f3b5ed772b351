/* SPDX-License-Identifier: MIT */
#include "watch_state.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "conn-doctor/memory.h"
#include "state_file.h"

/*
 * A snapshot as JSON. A million connections take a while, so a thread writes
 * them; until it is done the screen keeps its frame, which nobody changes but for
 * the order of the rows, and the thread does not look at that.
 */
struct saver {
	pthread_t thread;
	atomic_bool is_done;
	const struct watch_ports *ports;
	struct report report; /* shallow: all of it belongs to the frame */
	uint32_t *rows;       /* the marked ones; NULL = all */
	size_t row_count;
	struct state_file file;
	char *path;
	int result;
	struct error error;
};

static int write_snapshot(struct saver *s)
{
	struct render_options options = {
		.use_utf8 = true,
		.all_connections = true,
		.rows = s->rows,
		.row_count = s->row_count,
	};
	if (s->ports->write_report(&s->report, &options, s->file.stream, &s->error)) {
		state_file_abandon(&s->file);
		return -1;
	}
	return state_file_commit(&s->file, true, &s->error);
}

static void *run_saver(void *arg)
{
	struct saver *s = arg;
	s->result = write_snapshot(s);
	atomic_store(&s->is_done, true);
	return NULL;
}

/* In the order of the snapshot. */
static void take_marked(const struct watch *w, struct saver *s)
{
	const struct snapshot *snap = &w->frame->snap;
	if (!w->marked_count)
		return;
	s->rows = xcalloc(w->marked_count, sizeof(*s->rows));
	for (size_t i = 0; i < snap->socket_count; i++) {
		const uint32_t *mark = u64_map_find(&w->marks, snap->sockets[i].cookie);
		if (mark && *mark && s->row_count < w->marked_count)
			s->rows[s->row_count++] = (uint32_t)i;
	}
}

enum { NAME_SIZE = 64, SAME_SECOND_MAX = 999 };

/*
 * By the time of what is saved, which in a recording is not now. A frozen screen
 * can be saved more than once: then a number tells them apart.
 */
static void print_name(const struct watch *w, int number, char out[static NAME_SIZE])
{
	time_t seconds = (time_t)(w->frame->snap.realtime_ns / 1000000000);
	struct tm tm;
	char stamp[32], suffix[16] = "";
	if (!gmtime_r(&seconds, &tm) ||
	    !strftime(stamp, sizeof(stamp), "%Y%m%dT%H%M%SZ", &tm))
		snprintf(stamp, sizeof(stamp), "%s", "unknown");
	if (number > 1)
		snprintf(suffix, sizeof(suffix), "-%d", number);
	snprintf(out, NAME_SIZE, "snapshot-%s%s.json", stamp, suffix);
}

static void find_free_name(const struct watch *w, char out[static NAME_SIZE])
{
	for (int number = 1; number <= SAME_SECOND_MAX; number++) {
		print_name(w, number, out);
		auto_free char *path = xasprintf("%s/%s", w->options->state_dir, out);
		if (access(path, F_OK) != 0)
			return;
	}
}

static void free_saver(struct saver *s)
{
	free(s->rows);
	free(s->path);
	free(s);
}

static int start(struct watch *w, struct saver *s, struct error *err)
{
	char name[NAME_SIZE];
	if (!w->options->state_dir)
		return error_set(err, ERROR_SYSTEM,
				 "neither XDG_STATE_HOME nor HOME says where to");
	find_free_name(w, name);
	if (state_file_open(&s->file, w->options->state_dir, name, err))
		return -1;
	s->path = xstrdup(s->file.path);
	/* Signals are the screen's. */
	sigset_t all, before;
	sigfillset(&all);
	pthread_sigmask(SIG_BLOCK, &all, &before);
	int errnum = pthread_create(&s->thread, NULL, run_saver, s);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (errnum) {
		state_file_abandon(&s->file);
		return error_errno(err, errnum, "cannot start a thread");
	}
	return 0;
}

void watch_save(struct watch *w)
{
	struct error err = { 0 };
	if (!w->frame || w->saver) {
		watch_say(w, w->frame ? "the snapshot before is still being saved"
				      : "there is nothing to save yet");
		return;
	}
	struct saver *s = xcalloc(1, sizeof(*s));
	s->ports = w->options->ports;
	s->report = w->frame->report;
	take_marked(w, s);
	if (start(w, s, &err)) {
		watch_say(w, "not saved: %s", err.text);
		free_saver(s);
		return;
	}
	w->saver = s;
	watch_say(w, "saving %s ...", s->path);
}

void watch_finish_saving(struct watch *w)
{
	struct saver *s = w->saver;
	if (!s)
		return;
	pthread_join(s->thread, NULL);
	w->saver = NULL;
	if (s->result)
		watch_say(w, "not saved: %s", s->error.text);
	else if (s->rows)
		watch_say(w, "saved %zu marked: %s", s->row_count, s->path);
	else
		watch_say(w, "saved %s", s->path);
	free_saver(s);
}

void watch_look_for_saver(struct watch *w)
{
	if (w->saver && atomic_load(&w->saver->is_done))
		watch_finish_saving(w);
}
