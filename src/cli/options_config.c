/* SPDX-License-Identifier: MIT */

/*
 * Where the command line and the configuration meet: what was given as an option
 * overrides the key, what was not is taken from it.
 */
#include <stdlib.h>

#include "options.h"

#include "conn-doctor/memory.h"

static const char *environment(const char *name)
{
	const char *value = secure_getenv(name);
	return value && *value ? value : NULL;
}

/* $XDG_CONFIG_HOME, else ~/.config; the standard wants a relative one ignored. */
static char *config_home(void)
{
	const char *home = environment("HOME"), *xdg = environment("XDG_CONFIG_HOME");
	if (xdg && *xdg == '/')
		return xstrdup(xdg);
	return home && *home == '/' ? xasprintf("%s/.config", home) : NULL;
}

char *options_state_dir(void)
{
	const char *home = environment("HOME"), *xdg = environment("XDG_STATE_HOME");
	if (xdg && *xdg == '/')
		return xasprintf("%s/conn-doctor", xdg);
	return home && *home == '/' ? xasprintf("%s/.local/state/conn-doctor", home)
				    : NULL;
}

static void meet(struct config *c, enum config_id id, uint64_t *option)
{
	if (*option == OPTION_UNSET)
		*option = c->values[id].value;
	else
		config_override(c, id, *option);
}

static void meet_all(struct options *o)
{
	struct config *c = &o->config;
	uint64_t color = o->color == COLOR_UNSET ? OPTION_UNSET : o->color;
	uint64_t ascii = o->is_ascii ? 1 : OPTION_UNSET;
	uint64_t processes = o->no_processes ? 0 : OPTION_UNSET;
	meet(c, CONFIG_INTERVAL, &o->interval_ms);
	meet(c, CONFIG_TIMEOUT, &o->timeout_ms);
	meet(c, CONFIG_COLOR, &color);
	meet(c, CONFIG_ASCII, &ascii);
	meet(c, CONFIG_PROCESSES, &processes);
	for (enum limit_id id = 0; id < LIMITS_END; id++)
		meet(c, CONFIG_LIMITS + id, &o->limits.value[id]);
	o->color = (enum color_mode)color;
	o->is_ascii = ascii;
	o->no_processes = !processes;
}

void options_load_config(struct options *o)
{
	auto_free char *home = config_home();
	struct config_places places = {
		.root = "",
		.config_home = home,
		.file = o->config_path ? o->config_path
				       : environment("CONN_DOCTOR_CONFIG"),
	};
	config_init(&o->config);
	/* What reads no sockets must work whatever the files say. */
	if (o->command & (COMMANDS_DATA | COMMAND_CONFIG))
		config_load(&o->config, &places);
	meet_all(o);
}
