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

enum { FRAME_COUNT = 2, NO_FRAME = -1 };

struct collector {
	/* Of the thread alone. */
	struct collector_options options;
	struct history *history;
	struct series *series;
	struct journal journal;
	struct frame frames[FRAME_COUNT];
	size_t pass_of[FRAME_COUNT]; /* history_pass_count() of each frame */
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
	enum column sort;
	bool is_reversed;
	enum group_by group_by;
	char *filter_text; /* NULL = none was set */
	uint64_t filter_number;
	uint64_t wanted;       /* cookie */
	bool is_asked;         /* about the frame that the screen holds */
	struct detail answer;  /* waits to be taken; cookie 0 = none */
	bool is_order_wanted;  /* of the frame that the screen holds */
	struct frame arranged; /* rows that wait to be taken; has nothing else */
	int arranged_for;      /* the frame they are of */
	bool is_paused;
	bool is_refresh;
	bool is_stopping;
};

static uint64_t now_ms(void)
{
	struct timespec ts;
	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

static void tell_screen(struct collector *c)
{
	uint64_t one = 1;
	/* It fails only when the counter is full, which tells as much. */
	ssize_t written = write(c->event_fd, &one, sizeof(one));
	(void)written;
}

/* A frame that the screen does not hold. A ready one goes last, but goes. */
static int choose_frame(struct collector *c)
{
	pthread_mutex_lock(&c->lock);
	int index = c->held == 0 || (c->held == NO_FRAME && c->ready == 0);
	if (c->ready == index)
		c->ready = NO_FRAME;
	pthread_mutex_unlock(&c->lock);
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

/* By the newest order. */
static void arrange(struct collector *c, struct frame *f)
{
	struct frame_order order = { .filter = &c->filter };
	struct error ignored;
	uint64_t number;
	size_t column;
	auto_free char *text = copy_order(c, &order, &number);
	if (text)
		live_filter_set(&c->filter, text, number, c->options.resolver, &column,
				&ignored);
	frame_arrange(f, &order);
}

static void hand_over(struct collector *c, int index)
{
	arrange(c, &c->frames[index]);
	pthread_mutex_lock(&c->lock);
	c->ready = index;
	c->status.error.code = ERROR_NONE;
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
	if (!wanted || held == NO_FRAME ||
	    c->pass_of[held] != history_pass_count(c->history))
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

/*
 * Arranges what the screen holds anew, beside it: only what neither thread writes
 * to is read of it. If the screen takes another frame meanwhile, that was in vain.
 */
static void arrange_held(struct collector *c)
{
	pthread_mutex_lock(&c->lock);
	int held = is_frame_coming(c) ? NO_FRAME : c->held;
	c->is_order_wanted = false;
	pthread_mutex_unlock(&c->lock);
	if (held == NO_FRAME)
		return;
	struct frame beside;
	frame_borrow(&beside, &c->frames[held]);
	arrange(c, &beside);
	pthread_mutex_lock(&c->lock);
	bool is_held = c->held == held;
	if (is_held) {
		frame_move_order(&c->arranged, &beside);
		c->arranged_for = held;
	}
	pthread_mutex_unlock(&c->lock);
	if (is_held)
		tell_screen(c);
	else
		frame_drop_order(&beside);
}

static uint64_t wanted_cookie(struct collector *c)
{
	pthread_mutex_lock(&c->lock);
	uint64_t wanted = c->wanted;
	pthread_mutex_unlock(&c->lock);
	return wanted;
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
	else if (history_pass_count(c->history) == 0)
		error_set(&c->status.error, ERROR_INPUT, "there is nothing to show");
	c->status.is_ended = is_over;
	c->status.is_hopeless =
		history_pass_count(c->history) == 0 || error->code == ERROR_UNSUPPORTED;
	pthread_mutex_unlock(&c->lock);
	tell_screen(c);
}

static void run_pass(struct collector *c)
{
	struct error error = { .code = ERROR_NONE };
	int index = choose_frame(c);
	struct frame *f = &c->frames[index];
	const struct source *source = &c->options.source;
	enum source_result result = source->ops->take(source->self, &f->snap, &error);
	if (result != SOURCE_OK) {
		report_failure(c, result, &error);
		return;
	}
	history_update(c->history, &f->snap);
	c->pass_of[index] = history_pass_count(c->history);
	struct frame_question question = {
		.limits = c->options.limits,
		.filter = c->options.filter,
		.policy = c->options.policy,
		.journal = &c->journal,
		.wanted = wanted_cookie(c),
		.use_utf8 = c->options.use_utf8,
		.series = c->series,
	};
	frame_diagnose(f, c->history, &question);
	series_update(c->series, &f->report);
	struct series_scope host = series_of_host();
	trend_take(&f->trend, c->series, &host);
	hand_over(c, index);
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
	uint64_t regular = began_ms + c->interval_ms;
	uint64_t rested = ended_ms + (ended_ms - began_ms) / 4;
	return regular > rested ? regular : rested;
}

/* What is asked is answered without the lock, which is held before and after. */
static void answer_unlocked(struct collector *c)
{
	void (*give)(struct collector * c) = c->is_asked ? answer : arrange_held;
	pthread_mutex_unlock(&c->lock);
	give(c);
	pthread_mutex_lock(&c->lock);
}

/*
 * Waits for the next pass to be due: an interval after the last one began, and
 * where a pass takes longer than that, at least a quarter of what it took, so
 * that a host with a million sockets has some rest. False: the end.
 */
static bool wait_for_turn(struct collector *c, uint64_t began_ms)
{
	uint64_t ended_ms = now_ms();
	bool is_live = c->options.source.ops->is_live;
	pthread_mutex_lock(&c->lock);
	while (!c->is_stopping && !c->is_refresh) {
		uint64_t due_ms = due_time(c, began_ms, ended_ms);
		if (c->is_asked || c->is_order_wanted)
			answer_unlocked(c);
		else if (c->status.is_ended || (c->is_paused && !is_live))
			pthread_cond_wait(&c->wake, &c->lock);
		else if (now_ms() < due_ms)
			wait_until(c, due_ms);
		else
			break;
	}
	c->is_refresh = false;
	bool go_on = !c->is_stopping;
	pthread_mutex_unlock(&c->lock);
	return go_on;
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
	do {
		began_ms = now_ms();
		if (!has_ended(c))
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
	history_free(c->history);
	series_free(c->series);
	journal_clear(&c->journal);
	live_filter_clear(&c->filter);
	detail_clear(&c->answer);
	frame_drop_order(&c->arranged);
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
	c->history = history_new();
	c->series = series_new();
	c->held = c->ready = c->arranged_for = NO_FRAME;
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
		c->ready = c->arranged_for = NO_FRAME;
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

bool collector_take_order(struct collector *c)
{
	pthread_mutex_lock(&c->lock);
	bool has_order = c->arranged_for != NO_FRAME;
	if (has_order)
		frame_move_order(&c->frames[c->arranged_for], &c->arranged);
	c->arranged_for = NO_FRAME;
	pthread_mutex_unlock(&c->lock);
	return has_order;
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
