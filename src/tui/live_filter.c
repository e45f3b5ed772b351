/* SPDX-License-Identifier: MIT */
#include "live_filter.h"

#include <string.h>

/* "filter: REASON", and below it what the editor shows anyway. */
static void keep_reason(struct error *err)
{
	static const char prefix[] = "filter: ";
	err->text[strcspn(err->text, "\n")] = '\0';
	if (strncmp(err->text, prefix, sizeof(prefix) - 1) == 0)
		memmove(err->text, err->text + sizeof(prefix) - 1,
			strlen(err->text) - sizeof(prefix) + 2);
}

static bool cannot_look_up(const char *name, uint64_t *value)
{
	(void)name, (void)value;
	return false;
}

/* A name that nobody can look up would silently match nothing. */
static int resolve(struct filter *f, const struct filter_resolver *resolver,
		   struct error *err)
{
	static const struct filter_resolver none = { cannot_look_up, cannot_look_up };
	if (filter_resolve(f, resolver ? resolver : &none, err) == 0)
		return 0;
	if (!resolver)
		error_set(err, ERROR_UNSUPPORTED,
			  "interfaces and cgroups cannot be looked up here");
	return -1;
}

int live_filter_set(struct live_filter *f, const char *text, uint64_t number,
		    const struct filter_resolver *resolver, size_t *column,
		    struct error *err)
{
	struct filter *parsed = NULL;
	*column = 0;
	if (filter_parse(text, &parsed, column, err)) {
		keep_reason(err);
		return -1;
	}
	if (resolve(parsed, resolver, err)) {
		filter_free(parsed);
		keep_reason(err);
		return -1;
	}
	filter_free(f->filter);
	f->filter = parsed;
	f->number = number;
	return 0;
}

void live_filter_clear(struct live_filter *f)
{
	filter_free(f->filter);
	*f = (struct live_filter){ 0 };
}
