/* SPDX-License-Identifier: MIT */
#include "screen.h"

#include <curses.h>
#include <errno.h>
#include <langinfo.h>
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <term.h>
#include <termios.h>
#include <unistd.h>

/* term.h makes macros of these words. */
#undef columns
#undef lines

#include "conn-doctor/memory.h"
#include "conn-doctor/strbuf.h"
#include "conn-doctor/text.h"
#include "keys.h"

/* Colours by role: Okabe-Ito, which colour-blind people can tell apart. */
static const struct {
	attr_t attributes;
	short color_256, color_8; /* -1 = the terminal's own */
} paints[PAINT_COUNT] = {
	[PAINT_NORMAL] = { A_NORMAL, -1, -1 },
	[PAINT_TITLE] = { A_BOLD, -1, -1 },
	[PAINT_HEADING] = { A_UNDERLINE, -1, -1 },
	[PAINT_OK] = { A_NORMAL, 36, COLOR_GREEN },
	[PAINT_INFO] = { A_NORMAL, 74, COLOR_CYAN },
	[PAINT_WARNING] = { A_NORMAL, 214, COLOR_YELLOW },
	[PAINT_CRITICAL] = { A_BOLD, 166, COLOR_RED },
	[PAINT_KEY] = { A_BOLD, -1, -1 },
	[PAINT_ALERT] = { A_REVERSE | A_BOLD, -1, -1 },
	[PAINT_DIM] = { A_DIM, -1, -1 },
	[PAINT_SHARE_OK] = { A_REVERSE, 36, COLOR_GREEN },
	[PAINT_SHARE_INFO] = { A_REVERSE, 74, COLOR_CYAN },
	[PAINT_SHARE_WARNING] = { A_REVERSE, 214, COLOR_YELLOW },
	[PAINT_SHARE_CRITICAL] = { A_REVERSE | A_BOLD, 166, COLOR_RED },
};

enum paint paint_of_severity(enum severity severity)
{
	static const enum paint by_severity[] = {
		[SEVERITY_OK] = PAINT_OK,
		[SEVERITY_INFO] = PAINT_INFO,
		[SEVERITY_WARNING] = PAINT_WARNING,
		[SEVERITY_CRITICAL] = PAINT_CRITICAL,
	};
	return by_severity[severity];
}

enum paint paint_of_share(enum severity severity)
{
	static const enum paint by_severity[] = {
		[SEVERITY_OK] = PAINT_SHARE_OK,
		[SEVERITY_INFO] = PAINT_SHARE_INFO,
		[SEVERITY_WARNING] = PAINT_SHARE_WARNING,
		[SEVERITY_CRITICAL] = PAINT_SHARE_CRITICAL,
	};
	return by_severity[severity];
}

static const int fault_signals[] = { SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT };
enum { FAULT_COUNT = sizeof(fault_signals) / sizeof(*fault_signals), UNDO_SIZE = 512 };

/* The state of the one screen there is. */
static struct {
	SCREEN *curses;
	bool use_color;
	bool can_utf8;
	bool is_utf8;
	bool use_mouse;
	enum scheme scheme;
	int click_y, click_x;
	struct strbuf *sink;
	bool is_cursor_wanted;
	sigset_t normal_mask; /* while waiting */
	struct termios terminal;
	char undo[UNDO_SIZE]; /* what to write to leave the screen */
	size_t undo_len;
	struct sigaction faults_before[FAULT_COUNT];
	atomic_bool is_up;
} screen;

bool screen_can_open(void)
{
	int result;
	if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO))
		return false;
	if (setupterm(NULL, STDOUT_FILENO, &result) != OK)
		return false;
	/* TERM=dumb is a terminal to newterm(), but not to us. */
	const char *cup = tigetstr("cup");
	bool can = cup && cup != (const char *)-1;
	del_curterm(cur_term);
	return can;
}

static int keep_undo(int c)
{
	if (screen.undo_len < UNDO_SIZE)
		screen.undo[screen.undo_len++] = (char)c;
	return c;
}

/* The strings are kept beforehand: after a crash no function may be trusted. */
static void prepare_undo(void)
{
	static const char *const names[] = { "sgr0", "op", "rmkx", "cnorm", "rmcup" };
	screen.undo_len = 0;
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		const char *text = tigetstr(names[i]);
		if (text && text != (const char *)-1)
			tputs(text, 1, keep_undo);
		else if (strcmp(names[i], "rmcup") == 0)
			keep_undo('\r'), keep_undo('\n');
	}
	static const char no_mouse[] = "\033[?1006;1000l";
	for (const char *c = no_mouse; screen.use_mouse && *c; c++)
		keep_undo(*c);
}

void screen_leave(void)
{
	if (!atomic_exchange(&screen.is_up, false))
		return;
	ssize_t written = write(STDOUT_FILENO, screen.undo, screen.undo_len);
	(void)written;
	tcsetattr(STDIN_FILENO, TCSANOW, &screen.terminal);
}

static void on_fault(int number, siginfo_t *info, void *context)
{
	int saved_errno = errno;
	(void)context;
	screen_leave();
	/* The instruction is tried again, now with whoever was in charge before. */
	for (size_t i = 0; i < FAULT_COUNT; i++)
		if (fault_signals[i] == number)
			sigaction(number, &screen.faults_before[i], NULL);
	/* No instruction did it, but kill() or abort(). */
	if (info->si_code <= 0)
		raise(number);
	errno = saved_errno;
}

static void catch_faults(void)
{
	struct sigaction action = {
		.sa_sigaction = on_fault,
		.sa_flags = SA_ONSTACK | SA_SIGINFO,
	};
	sigemptyset(&action.sa_mask);
	for (size_t i = 0; i < FAULT_COUNT; i++)
		sigaction(fault_signals[i], &action, &screen.faults_before[i]);
	memory_set_fatal_hook(screen_leave);
}

static void release_faults(void)
{
	for (size_t i = 0; i < FAULT_COUNT; i++)
		sigaction(fault_signals[i], &screen.faults_before[i], NULL);
	memory_set_fatal_hook(NULL);
}

static void start_colors(bool use_color)
{
	screen.use_color = use_color && has_colors() && start_color() == OK;
	if (!screen.use_color)
		return;
	short background = use_default_colors() == OK ? -1 : COLOR_BLACK;
	for (short i = 0; i < PAINT_COUNT; i++) {
		short color = COLORS >= 256 ? paints[i].color_256 : paints[i].color_8;
		if (color >= 0)
			init_pair((short)(i + 1), color, background);
		/* Behind them the strong ones: bright where there are sixteen. */
		if (paints[i].color_8 >= 0)
			init_pair((short)(i + 1 + PAINT_COUNT),
				  (short)(paints[i].color_8 + (COLORS >= 16 ? 8 : 0)),
				  background);
	}
}

/*
 * The handlers of ncurses for Ctrl-Z and for a new size do much more than a
 * handler may. They are let in only while we wait, when nothing is half done.
 */
static void hold_back_curses_signals(void)
{
	sigset_t held;
	sigemptyset(&held);
	sigaddset(&held, SIGTSTP);
	sigaddset(&held, SIGWINCH);
	sigprocmask(SIG_BLOCK, &held, &screen.normal_mask);
}

/* Ctrl-S is a key here; without this the terminal would stop at it. */
static void take_ctrl_s(void)
{
	struct termios mode;
	if (tcgetattr(STDIN_FILENO, &mode))
		return;
	mode.c_iflag &= ~(tcflag_t)IXON;
	tcsetattr(STDIN_FILENO, TCSANOW, &mode);
	/* So that it is so again after Ctrl-Z. */
	def_prog_mode();
}

/*
 * All events, though three are used: for one that nobody asked for, curses would
 * wait inside get_wch() for the next, nodelay() or not.
 */
static void start_mouse(void)
{
	mousemask(ALL_MOUSE_EVENTS | REPORT_MOUSE_POSITION, NULL);
	mouseinterval(0);
}

static void set_modes(const struct screen_options *options)
{
	start_colors(options->use_color);
	cbreak();
	noecho();
	nonl();
	keypad(stdscr, TRUE);
	nodelay(stdscr, TRUE);
	set_escdelay(25);
	typeahead(-1);
	curs_set(0);
	take_ctrl_s();
	if (options->use_mouse)
		start_mouse();
}

int screen_open(const struct screen_options *options, struct error *err)
{
	static bool is_at_exit;
	tcgetattr(STDIN_FILENO, &screen.terminal);
	use_tioctl(TRUE);
	screen.curses = newterm(NULL, stdout, stdin);
	if (!screen.curses)
		return error_set(err, ERROR_SYSTEM,
				 "cannot use this terminal (TERM=%s)",
				 getenv("TERM") ? getenv("TERM") : "");
	screen.can_utf8 =
		!options->is_ascii && strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
	screen.is_utf8 = screen.can_utf8;
	screen.use_mouse = options->use_mouse;
	prepare_undo();
	atomic_store(&screen.is_up, true);
	catch_faults();
	if (!is_at_exit)
		is_at_exit = atexit(screen_close) == 0;
	hold_back_curses_signals();
	set_modes(options);
	return 0;
}

void screen_close(void)
{
	if (!screen.curses)
		return;
	/* It is up until all is written: a signal in between writes it again. */
	if (atomic_load(&screen.is_up))
		endwin();
	atomic_store(&screen.is_up, false);
	release_faults();
	delscreen(screen.curses);
	screen.curses = NULL;
	sigprocmask(SIG_SETMASK, &screen.normal_mask, NULL);
}

bool screen_is_utf8(void)
{
	return screen.is_utf8;
}

void screen_set_look(enum scheme scheme, bool is_ascii)
{
	screen.scheme = scheme;
	screen.is_utf8 = screen.can_utf8 && !is_ascii;
}

void screen_click(int *y, int *x)
{
	*y = screen.click_y;
	*x = screen.click_x;
}

void screen_size(int *lines, int *columns)
{
	getmaxyx(stdscr, *lines, *columns);
}

static int mouse_key(void)
{
	MEVENT event;
	if (getmouse(&event) != OK)
		return 0;
	screen.click_y = event.y;
	screen.click_x = event.x;
	if (event.bstate & BUTTON1_PRESSED)
		return SPECIAL_CLICK;
	if (event.bstate & BUTTON4_PRESSED)
		return SPECIAL_WHEEL_UP;
	return event.bstate & BUTTON5_PRESSED ? SPECIAL_WHEEL_DOWN : 0;
}

int screen_key(void)
{
	static const struct {
		int curses, ours;
	} special[] = {
		{ KEY_UP, SPECIAL_UP },         { KEY_DOWN, SPECIAL_DOWN },
		{ KEY_PPAGE, SPECIAL_PAGE_UP }, { KEY_NPAGE, SPECIAL_PAGE_DOWN },
		{ KEY_HOME, SPECIAL_HOME },     { KEY_END, SPECIAL_END },
		{ KEY_LEFT, SPECIAL_LEFT },     { KEY_RIGHT, SPECIAL_RIGHT },
		{ KEY_BTAB, SPECIAL_BACK_TAB }, { KEY_DC, SPECIAL_DELETE },
		{ KEY_ENTER, CHAR_ENTER },      { KEY_BACKSPACE, CHAR_BACKSPACE },
		{ KEY_RESIZE, SPECIAL_RESIZE },
	};
	wint_t c;
	int result = get_wch(&c);
	if (result == OK)
		return (int)c;
	if (result != KEY_CODE_YES)
		return KEY_NOTHING;
	if (c == KEY_MOUSE)
		return mouse_key();
	if (c >= (wint_t)KEY_F(1) && c <= (wint_t)KEY_F(12))
		return SPECIAL_F0 + (int)c - KEY_F0;
	for (size_t i = 0; i < sizeof(special) / sizeof(*special); i++)
		if ((wint_t)special[i].curses == c)
			return special[i].ours;
	return 0; /* a key without a meaning here */
}

bool screen_wait(int fd, int timeout_ms)
{
	struct pollfd fds[] = {
		{ .fd = STDIN_FILENO, .events = POLLIN },
		{ .fd = fd, .events = POLLIN },
	};
	struct timespec timeout = { timeout_ms / 1000, timeout_ms % 1000 * 1000000L };
	int ready =
		ppoll(fds, 2, timeout_ms < 0 ? NULL : &timeout, &screen.normal_mask);
	return ready <= 0 || !(fds[0].revents & (POLLHUP | POLLERR | POLLNVAL));
}

void screen_begin(void)
{
	screen.is_cursor_wanted = false;
	erase();
}

void screen_end(void)
{
	curs_set(screen.is_cursor_wanted);
	refresh();
}

static void use_paint(enum paint paint)
{
	bool has_color = screen.use_color && paints[paint].color_8 >= 0 &&
			 screen.scheme != SCHEME_MONO;
	attr_t attributes = paints[paint].attributes;
	short pair = has_color ? (short)(paint + 1) : 0;
	if (screen.scheme == SCHEME_CONTRAST)
		attributes &= ~A_DIM;
	if (screen.scheme == SCHEME_CONTRAST && has_color) {
		attributes |= A_BOLD;
		pair = (short)(pair + PAINT_COUNT);
	}
	attr_set(attributes, pair, NULL);
}

/* Every character beyond ASCII becomes one '?'. */
static void to_ascii(struct strbuf *out, const char *text)
{
	for (; *text; text++) {
		unsigned char byte = (unsigned char)*text;
		if (byte < 0x80)
			strbuf_add_char(out, *text);
		else if (byte >= 0xc0)
			strbuf_add_char(out, '?');
	}
}

void screen_put(int y, int x, int width, const char *text, enum paint paint)
{
	auto_strbuf struct strbuf ascii = { 0 };
	if (screen.sink) {
		strbuf_addf(screen.sink, "%s ", text);
		return;
	}
	if (!screen.is_utf8) {
		to_ascii(&ascii, text);
		text = strbuf_text(&ascii);
	}
	if (width <= 0 || move(y, x) == ERR)
		return;
	size_t len = text_fit(text, (size_t)width);
	use_paint(paint);
	addnstr(text, (int)len);
	/* Padding belongs to the paint: headings are underlined to their end. */
	int used = getcurx(stdscr) - x;
	if (getcury(stdscr) == y && used >= 0)
		for (; used < width; used++)
			addch(' ');
	attr_set(A_NORMAL, 0, NULL);
}

void screen_capture(struct strbuf *sink)
{
	screen.sink = sink;
}

void screen_mark(int y, int x, int width)
{
	mvchgat(y, x, width, A_REVERSE, 0, NULL);
}

void screen_show_cursor(int y, int x)
{
	screen.is_cursor_wanted = true;
	move(y, x);
}

void screen_repaint(void)
{
	clearok(curscr, TRUE);
}
