/* SPDX-License-Identifier: MIT */
#include "collector.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "conn-doctor/history.h"
#include "conn-doctor/memory.h"
#include "monotonic.h"

enum { FRAME_COUNT = 2, NO_FRAME = -1, GROWTH_TICK_MS = 1000 };

struct collector {
	/* Of the thread alone. */
	struct collector_options options;
	struct history *history;
	struct series *series;
	struct journal journal;
	struct pass pass;
	bool has_pass; /* it is whole, and of this story */
	struct frame frames[FRAME_COUNT];
	struct story {
		uint64_t number; /* another one begins with each seek */
		size_t pass;     /* history_pass_count() */
	} story_of[FRAME_COUNT];
	uint64_t story;
	struct replay_state replay;
	bool is_led;       /* the story has come to the place where it was to go */
	uint64_t gap_ms;   /* from the last pass to the next, as recorded */
	uint64_t shown_ns; /* time of the last pass */
	size_t position;   /* of the next pass in the recording */
	struct live_filter filter;

	pthread_t thread;
	int event_fd;

	/* Under the lock. */
	pthread_mutex_t lock;
	pthread_cond_t wake;
	int held;  /* the frame that is the screen's */
	int ready; /* the frame that waits to be taken */
	struct collector_status status;
	uint64_t interval_ms;
	unsigned speed;
	struct replay_goal goal; /* REPLAY_NOWHERE: there is none to be followed */
	int64_t steps;           /* from there */
	size_t target;           /* where it is on its way to, while it is */
	bool is_on_its_way;
	uint64_t seek_number;
	bool has_shown; /* a frame was handed over */
	enum column sort;
	bool is_reversed;
	enum group_by group_by;
	char *filter_text; /* NULL = none was set */
	uint64_t filter_number;
	uint64_t wanted;      /* cookie */
	uint64_t selected;    /* cookie */
	bool is_asked;        /* about the frame that the screen holds */
	struct detail answer; /* waits to be taken; cookie 0 = none */
	bool is_order_wanted; /* another frame of the pass */
	bool is_paused;
	bool is_refresh;
	bool is_stopping;
};

static void tell_screen(struct collector *c)
{
	uint64_t one = 1;
	/* It fails only when the counter is full, which tells as much. */
	ssize_t written = write(c->event_fd, &one, sizeof(one));
	(void)written;
}

static bool is_recording(const struct collector *c)
{
	return !c->options.source.ops->is_live;
}

static bool has_goal(struct collector *c)
{
	pthread_mutex_lock(&c->lock);
	bool has_goal = c->goal.kind != REPLAY_NOWHERE;
	pthread_mutex_unlock(&c->lock);
	return has_goal;
}

/* A frame that the screen does not hold. A ready one goes last, but goes. */
static int choose_frame(struct collector *c)
{
	pthread_mutex_lock(&c->lock);
	int index = c->held == 0 || (c->held == NO_FRAME && c->ready == 0);
	if (c->ready == index)
		c->ready = NO_FRAME;
	pthread_mutex_unlock(&c->lock);
	/* What it knows of another story is not the past of this one. */
	if (c->story_of[index].number != c->story)
		frame_clear(&c->frames[index]);
	c->story_of[index].number = c->story;
	return index;
}

/* The newest order; the text of the filter only when it is another one. */
static char *copy_order(struct collector *c, struct frame_order *order,
			uint64_t *number)
{
	char *text = NULL;
	pthread_mutex_lock(&c->lock);
	order->sort = c->sort;
	order->is_reversed = c->is_reversed;
	order->group_by = c->group_by;
	*number = c->filter_number;
	if (c->filter_text && c->filter_number != c->filter.number)
		text = xstrdup(c->filter_text);
	pthread_mutex_unlock(&c->lock);
	return text;
}

static void read_cookies(struct collector *c, uint64_t *wanted, uint64_t *selected)
{
	pthread_mutex_lock(&c->lock);
	*wanted = c->wanted;
	*selected = c->selected;
	pthread_mutex_unlock(&c->lock);
}

/* By the newest order. */
static void make_frame(struct collector *c, int index)
{
	struct frame_order order = { .filter = &c->filter };
	struct frame_request request = {
		.order = &order,
		.journal = &c->journal,
		.series = c->series,
		.use_utf8 = c->options.use_utf8,
	};
	struct error ignored;
	uint64_t number;
	size_t column;
	auto_free char *text = copy_order(c, &order, &number);
	/* A device that has gone since: the last good filter stays, as on the screen.
	 */
	if (text && live_filter_set(&c->filter, text, number, c->options.resolver,
				    &column, &ignored))
		c->filter.number = number;
	read_cookies(c, &request.wanted, &request.held);
	frame_make(&c->frames[index], &c->pass, &request);
	c->story_of[index].pass = history_pass_count(c->history);
}

/* What has an extent can be wound; see source.h. */
static int seek_pass(struct collector *c, size_t pass, struct error *err)
{
	const struct source *source = &c->options.source;
	return source->ops->seek(source->self, pass, err);
}

/* Under the lock. */
static void put_replay(struct collector *c)
{
	c->status.replay = c->replay;
}

static int look_at_extent(struct collector *c, struct error *err)
{
	struct replay_state *replay = &c->replay;
	size_t before = replay->extent.pass_count;
	const struct source *source = &c->options.source;
	if (!source->ops->extent)
		return error_set(err, ERROR_USAGE, "this source has no beginning");
	if (source->ops->extent(source->self, &replay->extent, err))
		return -1;
	replay->is_growing |= before && replay->extent.pass_count > before;
	c->position = replay->extent.position;
	return 0;
}

/* A frame of the pass. Who wants to be elsewhere does not want to see it. */
static void hand_over(struct collector *c)
{
	bool is_over = c->replay.can_seek && c->position >= c->replay.extent.pass_count;
	int index = choose_frame(c);
	make_frame(c, index);
	pthread_mutex_lock(&c->lock);
	if (c->goal.kind == REPLAY_NOWHERE)
		c->ready = index;
	c->has_shown = true;
	c->status.error.code = ERROR_NONE;
	c->status.is_ended = is_over;
	put_replay(c);
	pthread_mutex_unlock(&c->lock);
	tell_screen(c);
}

/*
 * Looks into the frame that the screen holds. Nobody writes to its snapshot and
 * report meanwhile: the screen never does, and the thread is busy here.
 */
static void answer(struct collector *c)
{
	pthread_mutex_lock(&c->lock);
	int held = c->held;
	uint64_t wanted = c->wanted;
	c->is_asked = false;
	pthread_mutex_unlock(&c->lock);
	if (!wanted || held == NO_FRAME || c->story_of[held].number != c->story ||
	    c->story_of[held].pass != history_pass_count(c->history))
		return;
	struct report report = c->frames[held].report;
	struct detail detail = { 0 };
	report.history = c->history;
	if (!detail_make(&detail, &report, &c->journal.followers, wanted,
			 c->options.use_utf8))
		return;
	pthread_mutex_lock(&c->lock);
	detail_clear(&c->answer);
	c->answer = detail;
	pthread_mutex_unlock(&c->lock);
	tell_screen(c);
}

/* The screen is about to take a frame that is in the newest order. */
static bool is_frame_coming(const struct collector *c)
{
	return c->ready != NO_FRAME && !c->is_paused;
}

/* Another frame of the same pass. */
static void arrange_again(struct collector *c)
{
	pthread_mutex_lock(&c->lock);
	bool is_needed = !is_frame_coming(c);
	c->is_order_wanted = false;
	pthread_mutex_unlock(&c->lock);
	if (is_needed && c->has_pass)
		hand_over(c);
}

/* A recording that cannot be read on is at its end. */
static void report_failure(struct collector *c, enum source_result result,
			   const struct error *error)
{
	if (result == SOURCE_ERROR)
		journal_fail(&c->journal, error->text);
	bool is_over = result == SOURCE_END || !c->options.source.ops->is_live;
	pthread_mutex_lock(&c->lock);
	if (result == SOURCE_ERROR)
		c->status.error = *error;
	else if (!c->has_shown)
		error_set(&c->status.error, ERROR_INPUT, "there is nothing to show");
	c->status.is_ended = is_over;
	c->status.is_hopeless = !c->has_shown || (error->code == ERROR_UNSUPPORTED &&
						  !c->replay.can_seek);
	put_replay(c);
	pthread_mutex_unlock(&c->lock);
	tell_screen(c);
}

/* Where the recording is now, and when its next pass is due. */
static void look_ahead(struct collector *c, const struct snapshot *snap)
{
	struct error ignored;
	uint64_t before_ns = c->shown_ns;
	uint64_t interval_ms = c->options.interval_ms;
	c->shown_ns = snap->realtime_ns;
	c->position++;
	if (c->replay.can_seek)
		look_at_extent(c, &ignored);
	/* Who cannot look ahead expects that it goes on as before. */
	c->gap_ms =
		c->replay.can_seek
			? replay_gap_ms(c->shown_ns, c->replay.extent.next_realtime_ns,
					interval_ms)
			: replay_gap_ms(before_ns, c->shown_ns, interval_ms);
}

/* Takes a pass into the story. */
static enum source_result take_in(struct collector *c, struct error *error)
{
	struct pass *p = &c->pass;
	const struct source *source = &c->options.source;
	c->has_pass = false;
	enum source_result result = source->ops->take(source->self, &p->snap, error);
	if (result != SOURCE_OK)
		return result;
	p->number = is_recording(c) ? c->position + 1 : 0;
	if (is_recording(c))
		look_ahead(c, &p->snap);
	history_update(c->history, &p->snap);
	uint64_t wanted, selected;
	read_cookies(c, &wanted, &selected);
	struct pass_question question = {
		.limits = c->options.limits,
		.filter = c->options.filter,
		.policy = c->options.policy,
		.journal = &c->journal,
		.wanted = wanted,
		.series = c->series,
		.frame_rows = c->options.frame_rows,
	};
	pass_diagnose(p, c->history, &question);
	series_update(c->series, &p->report);
	c->has_pass = true;
	return SOURCE_OK;
}

static void run_pass(struct collector *c)
{
	struct error error = { .code = ERROR_NONE };
	enum source_result result = take_in(c, &error);
	if (result != SOURCE_OK) {
		report_failure(c, result, &error);
		return;
	}
	c->is_led = true;
	hand_over(c);
}

static void wait_until(struct collector *c, uint64_t when_ms)
{
	struct timespec ts = {
		.tv_sec = (time_t)(when_ms / 1000),
		.tv_nsec = (long)(when_ms % 1000) * 1000000,
	};
	pthread_cond_timedwait(&c->wake, &c->lock, &ts);
}

/* When the pass that follows one of this beginning and end is due. */
static uint64_t due_time(const struct collector *c, uint64_t began_ms,
			 uint64_t ended_ms)
{
	uint64_t gap_ms = c->options.plays_by_interval ? c->interval_ms : c->gap_ms;
	if (is_recording(c))
		return began_ms + replay_wait_ms(gap_ms, c->speed);
	uint64_t regular = began_ms + c->interval_ms;
	uint64_t rested = ended_ms + (ended_ms - began_ms) / 4;
	return regular > rested ? regular : rested;
}

/* What is asked is answered without the lock, which is held before and after. */
static void answer_unlocked(struct collector *c)
{
	void (*give)(struct collector * c) = c->is_asked ? answer : arrange_again;
	pthread_mutex_unlock(&c->lock);
	give(c);
	pthread_mutex_lock(&c->lock);
}

/* Whether a recorder has added passes behind the one that was the last. */
static bool go_on_at_end(struct collector *c)
{
	struct error ignored;
	return look_at_extent(c, &ignored) == 0 &&
	       c->position < c->replay.extent.pass_count &&
	       seek_pass(c, c->position, &ignored) == 0;
}

/*
 * A live source goes on while the screen is frozen, for its history, unless what is
 * frozen could not be looked through then: a frame is not all of it.
 */
static bool is_at_rest(const struct collector *c)
{
	return c->is_paused &&
	       (is_recording(c) || (c->has_pass && !pass_is_small(&c->pass)));
}

/* At its end a recording is looked at again from time to time. */
static void wait_for_growth(struct collector *c)
{
	uint64_t when_ms = monotonic_now_ms() + GROWTH_TICK_MS;
	if (!c->replay.can_seek || c->status.error.code != ERROR_NONE) {
		pthread_cond_wait(&c->wake, &c->lock);
		return;
	}
	wait_until(c, when_ms);
	if (monotonic_now_ms() < when_ms)
		return;
	pthread_mutex_unlock(&c->lock);
	bool has_grown = go_on_at_end(c);
	pthread_mutex_lock(&c->lock);
	put_replay(c);
	if (has_grown)
		c->status.is_ended = false;
}

/*
 * Waits for the next pass to be due: an interval after the last one began, and
 * where a pass takes longer than that, at least a quarter of what it took, so
 * that a host with a million sockets has some rest. False: the end.
 */
static bool wait_for_turn(struct collector *c, uint64_t began_ms)
{
	uint64_t ended_ms = monotonic_now_ms();
	pthread_mutex_lock(&c->lock);
	while (!c->is_stopping && !c->is_refresh && c->goal.kind == REPLAY_NOWHERE) {
		uint64_t due_ms = due_time(c, began_ms, ended_ms);
		if (c->is_asked || c->is_order_wanted)
			answer_unlocked(c);
		else if (is_at_rest(c))
			pthread_cond_wait(&c->wake, &c->lock);
		else if (c->status.is_ended)
			wait_for_growth(c);
		else if (monotonic_now_ms() < due_ms)
			wait_until(c, due_ms);
		else
			break;
	}
	c->is_refresh = false;
	bool go_on = !c->is_stopping;
	pthread_mutex_unlock(&c->lock);
	return go_on;
}

/* History, journal and series begin anew. */
static void forget_story(struct collector *c)
{
	history_free(c->history);
	series_free(c->series);
	journal_clear(&c->journal);
	c->history = history_new();
	c->series = series_new();
	c->story++;
	c->is_led = c->has_pass = false;
}

static bool is_called_off(struct collector *c)
{
	pthread_mutex_lock(&c->lock);
	bool is_called_off = c->is_stopping || c->goal.kind != REPLAY_NOWHERE;
	pthread_mutex_unlock(&c->lock);
	return is_called_off;
}

/*
 * The story up to the target; what is damaged is left out of it. False: it was
 * called off, or with `err` set the target cannot be read.
 */
static bool lead_up(struct collector *c, size_t target, struct error *err)
{
	bool is_there = false;
	forget_story(c);
	for (size_t pass = replay_lead_start(target); pass <= target; pass++) {
		struct error ignored;
		if (is_called_off(c))
			return false;
		c->position = pass;
		if (!is_there)
			is_there = !seek_pass(c, pass, pass == target ? err : &ignored);
		if (is_there && pass < target)
			is_there = take_in(c, &ignored) == SOURCE_OK;
	}
	return is_there;
}

/*
 * The screen has that pass, or it was ready before the screen wanted it. One that is
 * not whole is of use as long as another frame of its pass can be made.
 */
static bool is_at_hand(struct collector *c, size_t target)
{
	bool is_at_hand = false;
	pthread_mutex_lock(&c->lock);
	for (int i = 0; i < FRAME_COUNT && c->is_led; i++) {
		const struct frame *f = &c->frames[i];
		if (c->story_of[i].number != c->story || f->pass_number != target + 1 ||
		    !(f->is_whole || c->pass.number == f->pass_number))
			continue;
		is_at_hand = true;
		if (i != c->held)
			c->ready = i;
	}
	pthread_mutex_unlock(&c->lock);
	return is_at_hand;
}

/* To the pass that comes next the story goes on. */
static void go_to_pass(struct collector *c, size_t target)
{
	struct error err = { .code = ERROR_NONE };
	if (is_at_hand(c, target))
		return;
	bool is_there =
		(c->is_led && target == c->position) || lead_up(c, target, &err);
	if (is_there)
		run_pass(c);
	else if (err.code != ERROR_NONE)
		report_failure(c, SOURCE_ERROR, &err);
}

/* What the screen wants. */
struct wish {
	struct replay_goal goal;
	int64_t steps;
	uint64_t number;
};

static struct wish read_wish(struct collector *c)
{
	pthread_mutex_lock(&c->lock);
	struct wish wish = { c->goal, c->steps, c->seek_number };
	pthread_mutex_unlock(&c->lock);
	return wish;
}

static int find_target(struct collector *c, const struct wish *wish, size_t *target,
		       struct error *err)
{
	size_t pass = (size_t)wish->goal.value;
	if (look_at_extent(c, err))
		return -1;
	if (wish->goal.kind == REPLAY_TO_TIME &&
	    c->options.source.ops->find_time(c->options.source.self, wish->goal.value,
					     &pass, err))
		return -1;
	*target = replay_step(pass, wish->steps, c->replay.extent.pass_count);
	if (wish->steps && *target == pass)
		error_set(err, ERROR_USAGE, "this is the %s pass of the recording",
			  wish->steps < 0 ? "first" : "last");
	return 0;
}

/* False: there is another wish by now. */
static bool accept_wish(struct collector *c, const struct wish *wish, size_t target)
{
	pthread_mutex_lock(&c->lock);
	bool is_newest = c->seek_number == wish->number;
	if (is_newest) {
		c->goal.kind = REPLAY_NOWHERE;
		c->target = target;
		c->is_on_its_way = true;
	}
	pthread_mutex_unlock(&c->lock);
	return is_newest;
}

static void fulfil_wish(struct collector *c)
{
	struct error err = { .code = ERROR_NONE };
	struct wish wish = read_wish(c);
	size_t target = 0;
	int result = find_target(c, &wish, &target, &err);
	if (!accept_wish(c, &wish, target))
		return;
	if (result == 0)
		go_to_pass(c, target);
	c->replay.done = wish.number;
	c->replay.seek_error = err;
	pthread_mutex_lock(&c->lock);
	c->is_on_its_way = false;
	put_replay(c);
	pthread_mutex_unlock(&c->lock);
	tell_screen(c);
}

/* What does not begin at the beginning has a past all the same. */
static void begin_replay(struct collector *c)
{
	if (!is_recording(c))
		return;
	c->replay.can_seek = look_at_extent(c, &c->replay.why_not) == 0;
	pthread_mutex_lock(&c->lock);
	put_replay(c);
	if (c->position > 0 && c->goal.kind == REPLAY_NOWHERE)
		c->goal = (struct replay_goal){ REPLAY_TO_PASS, c->position };
	pthread_mutex_unlock(&c->lock);
}

static bool has_ended(struct collector *c)
{
	pthread_mutex_lock(&c->lock);
	bool is_ended = c->status.is_ended;
	pthread_mutex_unlock(&c->lock);
	return is_ended;
}

static void *run(void *ptr)
{
	struct collector *c = ptr;
	uint64_t began_ms;
	begin_replay(c);
	do {
		began_ms = monotonic_now_ms();
		if (has_goal(c))
			fulfil_wish(c);
		else if (!has_ended(c))
			run_pass(c);
	} while (wait_for_turn(c, began_ms));
	return NULL;
}

/* Signals are the screen's business, except those that a fault raises here. */
static void block_signals(sigset_t *before)
{
	static const int faults[] = { SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT };
	sigset_t all;
	sigfillset(&all);
	for (size_t i = 0; i < sizeof(faults) / sizeof(*faults); i++)
		sigdelset(&all, faults[i]);
	pthread_sigmask(SIG_SETMASK, &all, before);
}

static void release(struct collector *c)
{
	for (size_t i = 0; i < FRAME_COUNT; i++)
		frame_clear(&c->frames[i]);
	pass_clear(&c->pass);
	history_free(c->history);
	series_free(c->series);
	journal_clear(&c->journal);
	live_filter_clear(&c->filter);
	detail_clear(&c->answer);
	free(c->filter_text);
	pthread_cond_destroy(&c->wake);
	pthread_mutex_destroy(&c->lock);
	if (c->event_fd >= 0)
		close(c->event_fd);
	free(c);
}

static struct collector *prepare(const struct collector_options *options)
{
	struct collector *c = xcalloc(1, sizeof(*c));
	c->options = *options;
	c->interval_ms = options->interval_ms;
	c->speed = REPLAY_SPEED_NORMAL;
	c->history = history_new();
	c->series = series_new();
	c->held = c->ready = NO_FRAME;
	pthread_condattr_t attributes;
	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_cond_init(&c->wake, &attributes);
	pthread_condattr_destroy(&attributes);
	pthread_mutex_init(&c->lock, NULL);
	c->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	return c;
}

int collector_start(struct collector **out, const struct collector_options *options,
		    struct error *err)
{
	struct collector *c = prepare(options);
	int errnum = c->event_fd < 0 ? errno : 0;
	if (!errnum) {
		sigset_t before;
		block_signals(&before);
		errnum = pthread_create(&c->thread, NULL, run, c);
		pthread_sigmask(SIG_SETMASK, &before, NULL);
	}
	if (errnum) {
		release(c);
		return error_errno(err, errnum, "cannot start the collector");
	}
	*out = c;
	return 0;
}

int collector_fd(const struct collector *c)
{
	return c->event_fd;
}

struct frame *collector_take(struct collector *c, bool is_wanted,
			     struct collector_status *status)
{
	uint64_t count;
	ssize_t len = read(c->event_fd, &count, sizeof(count));
	(void)len; /* nothing there: nothing to empty */
	struct frame *f = NULL;
	pthread_mutex_lock(&c->lock);
	*status = c->status;
	if (is_wanted && c->ready != NO_FRAME) {
		c->held = c->ready;
		c->ready = NO_FRAME;
		f = &c->frames[c->held];
	}
	pthread_mutex_unlock(&c->lock);
	return f;
}

void collector_refresh(struct collector *c)
{
	pthread_mutex_lock(&c->lock);
	c->is_refresh = true;
	pthread_cond_signal(&c->wake);
	pthread_mutex_unlock(&c->lock);
}

void collector_set_interval(struct collector *c, uint64_t interval_ms)
{
	pthread_mutex_lock(&c->lock);
	c->interval_ms = interval_ms;
	pthread_cond_signal(&c->wake);
	pthread_mutex_unlock(&c->lock);
}

void collector_set_paused(struct collector *c, bool is_paused)
{
	pthread_mutex_lock(&c->lock);
	c->is_paused = is_paused;
	pthread_cond_signal(&c->wake);
	pthread_mutex_unlock(&c->lock);
}

void collector_set_speed(struct collector *c, unsigned speed)
{
	pthread_mutex_lock(&c->lock);
	c->speed = speed;
	pthread_cond_signal(&c->wake);
	pthread_mutex_unlock(&c->lock);
}

/* A frame from before must not be taken for the one that is wanted. */
static uint64_t wake_for_goal(struct collector *c)
{
	c->ready = NO_FRAME;
	pthread_cond_signal(&c->wake);
	return ++c->seek_number;
}

uint64_t collector_seek(struct collector *c, const struct replay_goal *goal)
{
	pthread_mutex_lock(&c->lock);
	c->goal = *goal;
	c->steps = 0;
	uint64_t number = wake_for_goal(c);
	pthread_mutex_unlock(&c->lock);
	return number;
}

/* Counted from 0; under the lock. */
static size_t pass_to_step_from(const struct collector *c)
{
	if (c->is_on_its_way)
		return c->target;
	size_t number = c->held == NO_FRAME ? 0 : c->frames[c->held].pass_number;
	return number ? number - 1 : 0;
}

uint64_t collector_step(struct collector *c, int steps)
{
	pthread_mutex_lock(&c->lock);
	if (c->goal.kind == REPLAY_NOWHERE) {
		c->goal = (struct replay_goal){ REPLAY_TO_PASS, pass_to_step_from(c) };
		c->steps = 0;
	}
	c->steps += steps;
	uint64_t number = wake_for_goal(c);
	pthread_mutex_unlock(&c->lock);
	return number;
}

void collector_set_order(struct collector *c, enum column sort, bool is_reversed,
			 enum group_by group_by)
{
	pthread_mutex_lock(&c->lock);
	c->sort = sort;
	c->is_reversed = is_reversed;
	c->group_by = group_by;
	pthread_mutex_unlock(&c->lock);
}

void collector_set_filter(struct collector *c, const char *text, uint64_t number)
{
	char *copy = xstrdup(text);
	pthread_mutex_lock(&c->lock);
	free(c->filter_text);
	c->filter_text = copy;
	c->filter_number = number;
	pthread_mutex_unlock(&c->lock);
}

void collector_arrange(struct collector *c)
{
	pthread_mutex_lock(&c->lock);
	c->is_order_wanted = true;
	pthread_cond_signal(&c->wake);
	pthread_mutex_unlock(&c->lock);
}

void collector_keep(struct collector *c, uint64_t cookie)
{
	pthread_mutex_lock(&c->lock);
	c->selected = cookie;
	pthread_mutex_unlock(&c->lock);
}

void collector_ask(struct collector *c, uint64_t cookie)
{
	pthread_mutex_lock(&c->lock);
	c->wanted = cookie;
	c->is_asked = cookie != 0;
	pthread_cond_signal(&c->wake);
	pthread_mutex_unlock(&c->lock);
}

bool collector_take_answer(struct collector *c, struct detail *out)
{
	pthread_mutex_lock(&c->lock);
	bool has_answer = c->answer.cookie != 0;
	if (has_answer) {
		detail_clear(out);
		*out = c->answer;
		c->answer = (struct detail){ 0 };
	}
	pthread_mutex_unlock(&c->lock);
	return has_answer;
}

void collector_stop(struct collector *c)
{
	if (!c)
		return;
	pthread_mutex_lock(&c->lock);
	c->is_stopping = true;
	pthread_cond_signal(&c->wake);
	pthread_mutex_unlock(&c->lock);
	pthread_join(c->thread, NULL);
	release(c);
}
