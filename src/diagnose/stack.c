/* SPDX-License-Identifier: MIT */
#include "stack.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "conn-doctor/report.h"

/*
 * Recognises the server software (domain-facts.md 6) by the program that the
 * command line names: argv[0], the script or module behind an interpreter, or the
 * title a process gave itself; the process name only when these say nothing.
 * Defaults of the flags and the ping periods behind request_response_ms:
 * domain-facts.md 2.1 (uvicorn 20 s + 20 s deadline, daphne 20 s + 30 s).
 */
static const struct flag_spelling uvicorn_flags[] = {
	{ STACK_KEEP_ALIVE, "--timeout-keep-alive", NULL, 5, false },
	{ STACK_RELOAD, "--reload", NULL, 0, true },
	{ STACK_WORKERS, "--workers", NULL, 1, false },
	{ STACK_WS_PING_INTERVAL, "--ws-ping-interval", NULL, 20, false },
	{ STACK_LIMIT_CONCURRENCY, "--limit-concurrency", NULL, 0, false },
	{ STACK_GRACE, "--timeout-graceful-shutdown", NULL, INFINITY, false },
	{ .name = NULL },
};
static const struct flag_spelling gunicorn_flags[] = {
	{ STACK_KEEP_ALIVE, "--keep-alive", NULL, 2, false },
	{ STACK_RELOAD, "--reload", NULL, 0, true },
	{ STACK_WORKERS, "--workers", "-w", 1, false },
	{ STACK_THREADS, "--threads", NULL, 1, false },
	{ STACK_TIMEOUT, "--timeout", "-t", 30, false },
	{ STACK_GRACE, "--graceful-timeout", NULL, 30, false },
	{ .name = NULL },
};
static const struct flag_spelling hypercorn_flags[] = {
	{ STACK_KEEP_ALIVE, "--keep-alive", NULL, 5, false },
	{ STACK_RELOAD, "--reload", NULL, 0, true },
	{ STACK_WORKERS, "--workers", "-w", 1, false },
	{ STACK_WS_PING_INTERVAL, "--websocket-ping-interval", NULL, 0, false },
	{ STACK_GRACE, "--graceful-timeout", NULL, 3, false },
	{ .name = NULL },
};
static const struct flag_spelling daphne_flags[] = {
	{ STACK_WS_PING_INTERVAL, "--ping-interval", NULL, 20, false },
	{ STACK_TIMEOUT, "--http-timeout", "-t", 0, false },
	{ STACK_WEBSOCKET_TIMEOUT, "--websocket_timeout", NULL, 86400, false },
	{ .name = NULL },
};
static const struct flag_spelling no_flags[] = { { .name = NULL } };

/* A row that asks for an argument comes before the one that does not. */
static const struct stack stacks[] = {
	/* name, program, argument, Python, development, data, request/response, flags
	 */
	{ "uvicorn", "uvicorn", NULL, true, false, false, 25000, uvicorn_flags },
	{ "gunicorn", "gunicorn", NULL, true, false, false, 0, gunicorn_flags },
	{ "hypercorn", "hypercorn", NULL, true, false, false, 0, hypercorn_flags },
	{ "daphne", "daphne", NULL, true, false, false, 25000, daphne_flags },
	{ "django", "manage.py", "runserver", true, true, false, 0, no_flags },
	{ "django", "django-admin", "runserver", true, true, false, 0, no_flags },
	{ "django", "django", "runserver", true, true, false, 0, no_flags },
	{ "flask", "flask", "run", true, true, false, 0, no_flags },
	{ "next", "next", "dev", false, true, false, 0, no_flags },
	{ "vite", "vite", NULL, false, true, false, 0, no_flags },
	{ "nodemon", "nodemon", NULL, false, true, false, 0, no_flags },
	{ "nginx", "nginx", NULL, false, false, false, 0, no_flags },
	{ "haproxy", "haproxy", NULL, false, false, false, 0, no_flags },
	{ "apache", "apache2", NULL, false, false, false, 0, no_flags },
	{ "apache", "httpd", NULL, false, false, false, 0, no_flags },
	{ "postgresql", "postgres", NULL, false, false, true, 0, no_flags },
	{ "pgbouncer", "pgbouncer", NULL, false, false, true, 0, no_flags },
	{ "redis", "redis-server", NULL, false, false, true, 0, no_flags },
	{ "mysql", "mysqld", NULL, false, false, true, 0, no_flags },
	{ "mariadb", "mariadbd", NULL, false, false, true, 0, no_flags },
	{ "java", "java", NULL, false, false, false, 0, no_flags },
	{ "node", "node", NULL, false, false, false, 0, no_flags },
};

/* Named by nothing but its binary; its settings are in its code. */
static const struct stack go_stack = {
	.name = "go",
	.flags = no_flags,
};

/* The arguments of a command line, one after the other. */
struct words {
	const struct process *p;
	size_t at;
};

static const char *next_word(struct words *w, size_t *len)
{
	if (w->at >= w->p->cmdline_len)
		return NULL;
	const char *word = w->p->cmdline + w->at;
	*len = strnlen(word, w->p->cmdline_len - w->at);
	w->at += *len + 1;
	return word;
}

static bool is_word(const char *word, size_t len, const char *text)
{
	return len == strlen(text) && memcmp(word, text, len) == 0;
}

/* The last part of a path. */
static const char *base_name(const char *word, size_t *len)
{
	for (size_t i = *len; i-- > 0;) {
		if (word[i] != '/')
			continue;
		*len -= i + 1;
		return word + i + 1;
	}
	return word;
}

static bool is_python(const char *name, size_t len)
{
	static const char prefix[] = "python";
	return len >= sizeof(prefix) - 1 &&
	       memcmp(name, prefix, sizeof(prefix) - 1) == 0;
}

/* `uvicorn.workers` or `uvicorn.__main__`: the package decides. */
static const char *module_name(const char *word, size_t *len)
{
	const char *dot = memchr(word, '.', *len);
	if (dot)
		*len = (size_t)(dot - word);
	return word;
}

/*
 * The script or module that a Python interpreter runs; what follows it are the
 * program's own arguments. NULL for `-c CODE` and for an interactive one.
 */
static const char *python_program(struct words *w, size_t *len)
{
	const char *word;
	while ((word = next_word(w, len))) {
		if (is_word(word, *len, "-m")) {
			word = next_word(w, len);
			return word ? module_name(word, len) : NULL;
		}
		if (is_word(word, *len, "-c"))
			return NULL;
		if (is_word(word, *len, "-X") || is_word(word, *len, "-W"))
			next_word(w, len);
		else if (*len == 0 || word[0] != '-')
			return base_name(word, len);
	}
	return NULL;
}

/* A retitled process ("nginx: master process ...") is one string with a colon. */
static const char *title_name(const char *word, size_t *len, bool *is_title)
{
	size_t end = 0;
	while (end < *len && word[end] != ' ' && word[end] != ':')
		end++;
	*is_title = end < *len;
	*len = end;
	return base_name(word, len);
}

/* Is the argument among those which are left? */
static bool has_word(struct words w, const char *argument)
{
	size_t len;
	for (const char *word; (word = next_word(&w, &len));)
		if (is_word(word, len, argument))
			return true;
	return false;
}

static const struct stack *stack_of(const char *name, size_t len, struct words rest)
{
	for (size_t i = 0; name && i < sizeof(stacks) / sizeof(*stacks); i++)
		if (is_word(name, len, stacks[i].program) &&
		    (!stacks[i].argument || has_word(rest, stacks[i].argument)))
			return &stacks[i];
	return NULL;
}

/* What the arguments say; *rest is where the flags begin. */
static const struct stack *stack_of_arguments(const struct process *p,
					      struct words *rest, bool *is_title)
{
	*rest = (struct words){ .p = p };
	size_t len;
	const char *word = next_word(rest, &len);
	if (!word)
		return NULL;
	const char *name = title_name(word, &len, is_title);
	if (!is_python(name, len) && !is_word(name, len, "node"))
		return stack_of(name, len, *rest);
	bool is_node = is_word(name, len, "node");
	struct words after = *rest;
	size_t script_len = 0;
	const char *script = python_program(&after, &script_len);
	const struct stack *found = stack_of(script, script_len, after);
	if (found)
		*rest = after;
	return found || !is_node ? found : stack_of(name, len, *rest);
}

/*
 * The value in `--name value`, `--name=value`, `-nvalue` or `-n value`; "1" for a
 * switch. The last one counts, as in the servers themselves. NULL: not given.
 */
static const char *find_flag(struct words w, const struct flag_spelling *spelling,
			     size_t *value_len)
{
	const char *found = NULL, *word;
	size_t len, name_len = strlen(spelling->name);
	while ((word = next_word(&w, &len))) {
		const char *short_name = spelling->short_name;
		bool is_exact = is_word(word, len, spelling->name) ||
				(short_name && is_word(word, len, short_name));
		const char *value = NULL;
		if (is_exact && spelling->is_switch)
			value = "1", len = 1;
		else if (is_exact)
			value = next_word(&w, &len);
		else if (len > name_len && word[name_len] == '=' &&
			 memcmp(word, spelling->name, name_len) == 0)
			value = word + name_len + 1, len -= name_len + 1;
		else if (short_name && len > 2 && memcmp(word, short_name, 2) == 0)
			value = word + 2, len -= 2;
		if (value) {
			found = value;
			*value_len = len;
		}
	}
	return found;
}

/* False when it is no number: then it is as good as not visible. */
static bool parse_number(const char *text, size_t len, double *out)
{
	char copy[32], *end;
	if (len == 0 || len >= sizeof(copy))
		return false;
	memcpy(copy, text, len);
	copy[len] = '\0';
	*out = strtod(copy, &end);
	return *end == '\0' && *out >= 0 && *out < 1e9;
}

static void read_flags(struct launch *out, struct words rest)
{
	static const struct flag_spelling worker_class = {
		.name = "--worker-class",
		.short_name = "-k",
	};
	size_t len;
	const char *text;
	for (const struct flag_spelling *s = out->stack->flags; s->name; s++) {
		struct flag_value *flag = &out->flags[s->flag];
		text = out->is_visible ? find_flag(rest, s, &len) : NULL;
		*flag = (struct flag_value){ .origin = FLAG_DEFAULT,
					     .value = s->initial };
		if (!out->is_visible)
			flag->origin = FLAG_NOT_VISIBLE;
		else if (text)
			flag->origin = parse_number(text, len, &flag->value)
					       ? FLAG_GIVEN
					       : FLAG_NOT_VISIBLE;
	}
	text = out->is_visible && out->stack->flags == gunicorn_flags
		       ? find_flag(rest, &worker_class, &len)
		       : NULL;
	if (text && len < sizeof(out->worker_class))
		memcpy(out->worker_class, text, len);
}

/* Started by the multiprocessing module: `-c "from multiprocessing.spawn ..."`. */
static bool is_spawned(const struct process *p)
{
	static const char code[] = "from multiprocessing.";
	struct words w = { .p = p };
	size_t len;
	for (const char *word; (word = next_word(&w, &len));)
		if (len >= sizeof(code) - 1 &&
		    memcmp(word, code, sizeof(code) - 1) == 0)
			return true;
	return false;
}

const struct process *process_parent(const struct snapshot *snap,
				     const struct process *p)
{
	for (size_t i = 0; p->ppid > 0 && i < snap->process_count; i++)
		if (snap->processes[i].pid == p->ppid)
			return &snap->processes[i];
	return NULL;
}

/* Node names its threads as it likes; everywhere else the name is the program. */
static const struct stack *stack_of_comm(const struct process *p)
{
	struct words none = { .p = p, .at = p->cmdline_len };
	const struct stack *found = stack_of(p->comm, strlen(p->comm), none);
	return found && strcmp(found->name, "node") == 0 ? NULL : found;
}

void stack_recognise(const struct snapshot *snap, const struct process *p,
		     struct launch *out)
{
	enum { PARENTS_MAX = 3 };
	*out = (struct launch){ .told_by = p };
	const struct process *starter = p;
	for (int i = 0; i < PARENTS_MAX && is_spawned(starter); i++) {
		const struct process *parent = process_parent(snap, starter);
		if (!parent)
			break;
		starter = parent;
	}
	struct words rest;
	bool is_title = false;
	out->stack = stack_of_arguments(starter, &rest, &is_title);
	if (out->stack) {
		out->told_by = starter;
		out->is_visible = !is_title;
	} else {
		out->stack = stack_of_comm(p);
	}
	if (!out->stack && p->is_go)
		out->stack = &go_stack;
	if (out->stack)
		read_flags(out, rest);
}

void stack_recognise_any(const struct snapshot *snap, const uint32_t *processes,
			 size_t count, struct launch *out)
{
	*out = (struct launch){ 0 };
	for (size_t i = 0; i < count; i++) {
		struct launch launch;
		stack_recognise(snap, &snap->processes[processes[i]], &launch);
		if (launch.stack && (!out->stack || launch.stack != &go_stack))
			*out = launch;
		if (out->stack && out->stack != &go_stack)
			return;
	}
}

bool stack_is_program_name(const char *stack)
{
	return stack && strcmp(stack, go_stack.name) != 0;
}

const char *stack_server_name(const struct launch *launch)
{
	bool is_named = launch->stack && launch->stack != &go_stack;
	return is_named ? launch->stack->name : "the server";
}

bool stack_is_gunicorn(const struct launch *l)
{
	return l->stack && l->stack->flags == gunicorn_flags;
}

bool stack_is_sync(const struct launch *l)
{
	const struct flag_value *threads = &l->flags[STACK_THREADS];
	bool is_one_thread = threads->origin == FLAG_DEFAULT ||
			     (threads->origin == FLAG_GIVEN && threads->value <= 1);
	const char *class_name = stack_worker_class(l);
	return stack_is_gunicorn(l) && l->is_visible && is_one_thread &&
	       (!*class_name || strcmp(class_name, "sync") == 0 ||
		strcmp(class_name, "SyncWorker") == 0);
}

const char *stack_worker_class(const struct launch *l)
{
	const char *dot = strrchr(l->worker_class, '.');
	return dot ? dot + 1 : l->worker_class;
}

/* Workers of gunicorn that are uvicorn answer and ping as it does. */
static uint32_t worker_class_ms(const struct launch *l)
{
	return strstr(l->worker_class, "UvicornWorker") ? stacks[0].request_response_ms
							: 0;
}

uint32_t stack_request_response_ms(const struct launch *launch)
{
	if (launch->worker_class[0])
		return worker_class_ms(launch);
	/* Other ping settings, other periods: then nothing is certain. */
	bool is_given = launch->flags[STACK_WS_PING_INTERVAL].origin == FLAG_GIVEN;
	return is_given ? 0 : launch->stack->request_response_ms;
}

bool stack_names_config(const struct launch *launch)
{
	static const char option[] = "--config";
	struct words w = { .p = launch->told_by };
	size_t len;
	for (const char *word; launch->is_visible && (word = next_word(&w, &len));)
		if (is_word(word, len, "-c") ||
		    (len >= sizeof(option) - 1 &&
		     memcmp(word, option, sizeof(option) - 1) == 0))
			return true;
	return false;
}

const char *stack_flag_origin(const struct launch *launch, enum stack_flag flag)
{
	static const char *const words[] = {
		[FLAG_NONE] = "no such flag",
		[FLAG_DEFAULT] = "the default",
		[FLAG_GIVEN] = "given",
		[FLAG_NOT_VISIBLE] = "not visible",
	};
	return words[launch->flags[flag].origin];
}
