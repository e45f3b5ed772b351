/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "context.h"

/*
 * Recognises the server software by its command line, else by the process name.
 * A token must be a whole argument, or the last part of a path. The ping periods
 * behind request_response_ms: domain-facts.md 2.1 (uvicorn 20 s + 20 s deadline,
 * daphne 20 s + 30 s); 0 where WebSockets may be silent for any time.
 */
static const struct stack stacks[] = {
	{ "uvicorn", "uvicorn", 25000 }, { "gunicorn", "gunicorn", 0 },
	{ "hypercorn", "hypercorn", 0 }, { "daphne", "daphne", 25000 },
	{ "nginx", "nginx", 0 },         { "haproxy", "haproxy", 0 },
	{ "apache", "apache2", 0 },      { "postgresql", "postgres", 0 },
	{ "redis", "redis-server", 0 },  { "node", "node", 0 },
	{ "java", "java", 0 },
};

static bool is_token(const char *argument, size_t len, const char *token)
{
	size_t token_len = strlen(token);
	if (len < token_len ||
	    memcmp(argument + len - token_len, token, token_len) != 0)
		return false;
	return len == token_len || argument[len - token_len - 1] == '/';
}

/* The token is among the first arguments (interpreter, -m, script). */
static bool has_token(const struct process *p, const char *token)
{
	enum { FIRST_ARGUMENTS = 4 };
	size_t at = 0;
	for (int i = 0; i < FIRST_ARGUMENTS && at < p->cmdline_len; i++) {
		size_t len = strnlen(p->cmdline + at, p->cmdline_len - at);
		/* A retitled process ("nginx: master") is one string. */
		size_t word = strcspn(p->cmdline + at, ": ");
		if (is_token(p->cmdline + at, len, token) ||
		    (i == 0 && word < len && is_token(p->cmdline + at, word, token)))
			return true;
		at += len + 1;
	}
	return strcmp(p->comm, token) == 0;
}

static bool has_argument(const struct process *p, const char *name)
{
	size_t name_len = strlen(name);
	for (size_t at = 0; at < p->cmdline_len;
	     at += strnlen(p->cmdline + at, p->cmdline_len - at) + 1)
		if (strncmp(p->cmdline + at, name, name_len) == 0)
			return true;
	return false;
}

const struct stack *stack_recognise(const struct process *p)
{
	for (size_t i = 0; i < sizeof(stacks) / sizeof(*stacks); i++)
		if (has_token(p, stacks[i].token))
			return &stacks[i];
	return NULL;
}

uint32_t stack_request_response_ms(const struct stack *stack, const struct process *p)
{
	/* Other ping settings, other periods: then nothing is certain. */
	bool is_default = !has_argument(p, "--ws-ping-interval") &&
			  !has_argument(p, "--ping-interval");
	return is_default ? stack->request_response_ms : 0;
}
