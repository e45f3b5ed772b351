/* SPDX-License-Identifier: MIT */
#include "paint.h"

#include <string.h>

#include "conn-doctor/text.h"

static const struct {
	const char *word;
	const char *on; /* 256-colour SGR, critical also bold: colour is never alone */
} severities[] = {
	[SEVERITY_OK] = { "ok", "\033[38;5;36m" },
	[SEVERITY_INFO] = { "info", "\033[38;5;74m" },
	[SEVERITY_WARNING] = { "WARNING", "\033[38;5;214m" },
	[SEVERITY_CRITICAL] = { "CRITICAL", "\033[1;38;5;166m" },
};

const char *paint_on(enum severity severity, const struct render_options *o)
{
	return o->use_color ? severities[severity].on : "";
}

const char *paint_off(enum severity severity, const struct render_options *o)
{
	(void)severity;
	return o->use_color ? "\033[0m" : "";
}

const char *severity_word(enum severity severity)
{
	return severities[severity].word;
}

/* Bytes of `text` for a line of `columns`: up to the last blank that fits. */
static size_t line_length(const char *text, size_t columns)
{
	size_t fit = text_fit(text, columns);
	if (!text[fit])
		return fit;
	for (size_t i = fit; i > 0; i--)
		if (text[i] == ' ')
			return i;
	return strcspn(text, " "); /* one long word: better whole than cut */
}

void write_wrapped(FILE *out, const char *text, size_t at, size_t indent,
		   const struct render_options *o)
{
	enum { COLUMNS_MIN = 20 }; /* for the text itself */
	size_t columns = o->wide || o->columns <= 0 ? SIZE_MAX : (size_t)o->columns;
	for (;;) {
		size_t room = columns > at + COLUMNS_MIN ? columns - at : COLUMNS_MIN;
		size_t len = line_length(text, room);
		fwrite(text, 1, len, out);
		fputc('\n', out);
		text += len;
		text += strspn(text, " ");
		if (!*text)
			return;
		fprintf(out, "%*s", (int)indent, "");
		at = indent;
	}
}
