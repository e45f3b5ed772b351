/* SPDX-License-Identifier: MIT */
#include "conn-doctor/verdict.h"

#include <string.h>

const struct verdict_info verdict_table[VERDICT_COUNT] = {
#define X(id, code, is_complaint, meaning) { code, is_complaint, meaning },
	VERDICTS(X)
#undef X
};

enum verdict verdict_parse(const char *code, size_t len)
{
	for (enum verdict v = 0; v < VERDICT_COUNT; v++)
		if (strlen(verdict_table[v].code) == len &&
		    strncmp(verdict_table[v].code, code, len) == 0)
			return v;
	return VERDICT_COUNT;
}

const char *confidence_name(enum confidence c)
{
	static const char *const names[] = { "suspect", "likely", "proven" };
	return names[c];
}

const char *acts_name(enum acts a)
{
	static const char *const names[] = { "nobody", "local-app", "peer", "network" };
	return names[a];
}

const char *acts_phrase(enum acts a)
{
	static const char *const phrases[] = {
		"nobody needs to act",
		"local application must act",
		"peer must act",
		"network must act",
	};
	return phrases[a];
}

const char *role_name(enum role r)
{
	static const char *const names[] = { "none", "server", "client" };
	return names[r];
}

const char *turn_name(enum turn t)
{
	static const char *const names[] = { "unknown", "local", "peer" };
	return names[t];
}

const char *severity_name(enum severity s)
{
	static const char *const names[] = { "ok", "info", "warning", "critical" };
	return names[s];
}
