/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "options.h"

enum { OPTION_COLUMN = 28 };

static void print_option(const struct option_row *o, FILE *out)
{
	char left[64];
	int len = snprintf(left, sizeof(left), "  %c%c%s --%s", o->letter ? '-' : ' ',
			   o->letter ? o->letter : ' ', o->letter ? "," : " ", o->name);
	bool is_optional = o->argument && o->argument[0] == '[';
	if (is_optional)
		snprintf(left + len, sizeof(left) - (size_t)len, "[=%s",
			 o->argument + 1);
	else if (o->argument)
		snprintf(left + len, sizeof(left) - (size_t)len, "=%s", o->argument);
	fprintf(out, "%-*s %s\n", OPTION_COLUMN, left, o->help);
}

static void print_command_help(const struct command_row *c, FILE *out)
{
	fprintf(out, "Usage: conn-doctor %s %s [OPTIONS]\n\n", c->name, c->arguments);
	fprintf(out, "%s: %s.\n", c->name, c->help);
	if (c->details)
		fprintf(out, "%s\n", c->details);
	fprintf(out, "\nOptions:\n");
	for (const struct option_row *o = option_table; o->name; o++)
		if (o->commands & c->id)
			print_option(o, out);
	if (c->id & COMMANDS_DATA)
		fputs("\nFilter: the expressions of ss(8), and :PORT, ADDRESS/LEN, "
		      "age, "
		      "idle, rtt, recvq,\nsendq, retrans, verdict; see "
		      "conn-doctor-filter(7). Quote it for the shell.\n",
		      out);
}

static void print_overview(FILE *out)
{
	fputs("Usage: conn-doctor COMMAND [FILTER] [OPTIONS]\n\n"
	      "Says which TCP connections of this host are half-open, leaked, stuck,\n"
	      "abandoned or slow: since when, on what evidence, and who must act.\n\n"
	      "Commands:\n",
	      out);
	for (const struct command_row *c = command_table; c->name; c++)
		fprintf(out, "  %-7s %-12s %s\n", c->name, c->arguments, c->help);
	fputs("\nOptions of a command: conn-doctor help COMMAND\n\n"
	      "Examples:\n"
	      "  conn-doctor check               everything on this host\n"
	      "  conn-doctor check :30020        one service, during an incident\n"
	      "  conn-doctor watch :30020        the same, live\n"
	      "  conn-doctor list 'dst 10.0.0.0/8 and verdict = half-open'\n"
	      "  conn-doctor check --json :443   for cron and alerting\n\n"
	      "Exit status: 0 nothing found, 1 warning, 2 critical, 3 could not do "
	      "it\n",
	      out);
}

void help_print(const struct command_row *command, FILE *out)
{
	if (command)
		print_command_help(command, out);
	else
		print_overview(out);
}
