/* SPDX-License-Identifier: MIT */
#include "conn-doctor/ini_pairs.h"

#include <ini.h>
#include <string.h>

#include "conn-doctor/memory.h"

struct taker {
	ini_pair_function *take;
	void *user;
	bool is_refused;
};

static int handle(void *user, const char *section, const char *name, const char *value)
{
	struct taker *t = user;
	t->is_refused |= !t->take(t->user, section, name, value);
	return !t->is_refused;
}

/* libinih takes the rest of a longer line for a line of its own. */
static int find_long_line(const char *text)
{
	for (int line = 1; *text; line++) {
		size_t len = strcspn(text, "\n");
		if (len > INI_PAIRS_LINE_MAX)
			return line;
		text += len + (text[len] != '\0');
	}
	return 0;
}

int ini_pairs_read(const char *text, size_t len, ini_pair_function *take, void *user,
		   struct error *err)
{
	struct taker taker = { take, user, false };
	if (len > INI_PAIRS_SIZE_MAX || memchr(text, '\0', len))
		return error_set(err, ERROR_INPUT, "it is not a text of settings");
	auto_free char *copy = xstrndup(text, len);
	int line = find_long_line(copy);
	if (!line)
		line = ini_parse_string(copy, handle, &taker);
	return line ? error_set(err, ERROR_INPUT, "line %d is damaged", line) : 0;
}
