/* SPDX-License-Identifier: MIT */
#include "conn-doctor/renderer.h"

#include <string.h>

#include "formats.h"

const struct renderer renderer_text = {
	.name = "text",
	.help = "for people; may change between versions",
	.check = text_check,
	.list = text_list,
};

const struct renderer renderer_plain = {
	.name = "plain",
	.help = "one record a line, columns separated by blanks",
	.check = plain_check,
	.list = plain_list,
};

const struct renderer renderer_json = {
	.name = "json",
	.help = "one document: conn-doctor.report/1 or conn-doctor.list/1",
	.check = json_check,
	.list = json_list,
};

const struct renderer *const renderers[] = {
	&renderer_text,
	&renderer_plain,
	&renderer_json,
	NULL,
};

const struct renderer *renderer_find(const char *name)
{
	for (size_t i = 0; renderers[i]; i++)
		if (strcmp(renderers[i]->name, name) == 0)
			return renderers[i];
	return NULL;
}
