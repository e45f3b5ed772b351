/* SPDX-License-Identifier: MIT */
#ifndef CONN_DOCTOR_TUI_SCREEN_H
#define CONN_DOCTOR_TUI_SCREEN_H

#include <stdbool.h>

#include "conn-doctor/error.h"
#include "conn-doctor/strbuf.h"
#include "conn-doctor/verdict.h"

/*
 * The terminal: the only file that knows curses. What is drawn is text in
 * places, with a paint (a role, never a colour number).
 */
enum paint {
	PAINT_NORMAL,
	PAINT_TITLE,
	PAINT_HEADING,
	PAINT_OK,
	PAINT_INFO,
	PAINT_WARNING,
	PAINT_CRITICAL,
	PAINT_KEY,
	PAINT_ALERT, /* FROZEN and the like: reverse */
	PAINT_DIM,   /* what is no longer so */
	/* Parts of a bar: the letter stands on the colour. */
	PAINT_SHARE_OK,
	PAINT_SHARE_INFO,
	PAINT_SHARE_WARNING,
	PAINT_SHARE_CRITICAL,
	PAINT_COUNT
};

/* Colours that can be told apart, colours as strong as there are, or none. */
enum scheme { SCHEME_STANDARD, SCHEME_CONTRAST, SCHEME_MONO, SCHEME_COUNT };

enum paint paint_of_severity(enum severity severity);
enum paint paint_of_share(enum severity severity);

/* Whether stdin and stdout are a terminal that can position the cursor. */
bool screen_can_open(void);

struct screen_options {
	bool use_color;
	bool is_ascii;
	bool use_mouse;
};

int screen_open(const struct screen_options *options, struct error *err);

/* May be changed at any time; what screen_open() refused stays refused. */
void screen_set_look(enum scheme scheme, bool is_ascii);

/* Where the last SPECIAL_CLICK was. */
void screen_click(int *y, int *x);

/*
 * Gives the terminal back as it was; harmless when it is not open. Also done by
 * exit(), by running out of memory and by a crash (these two without curses,
 * with nothing but write() and tcsetattr()).
 */
void screen_close(void);
/* The latter way: callable from anywhere, a signal handler included. */
void screen_leave(void);

bool screen_is_utf8(void);
void screen_size(int *lines, int *columns);

/* The next key that waits (see keys.h), KEY_NOTHING when none does. */
int screen_key(void);

/*
 * Waits for keys, for `fd` to become readable, for a signal, or for timeout_ms
 * (-1 = no limit). False when the terminal is gone.
 */
bool screen_wait(int fd, int timeout_ms);

/* Everything is drawn anew between begin and end; curses sends the difference. */
void screen_begin(void);
void screen_end(void);

/*
 * `text` at (y, x), cut to `width` columns and padded to it. Control characters
 * must have been taken out; what is not ASCII becomes `?` where there is no UTF-8.
 */
void screen_put(int y, int x, int width, const char *text, enum paint paint);

/*
 * Until it is called with NULL, what would be drawn is appended to `sink`, a blank
 * after each text: what a row shows is what can be found in it.
 */
void screen_capture(struct strbuf *sink);

/* Shows the columns of a line in reverse: the cursor of the table. */
void screen_mark(int y, int x, int width);

/* The cursor of an editor, on this screen; the last thing before the end. */
void screen_show_cursor(int y, int x);

/* The next end sends all of it, whatever is believed to be there. */
void screen_repaint(void);

#endif
