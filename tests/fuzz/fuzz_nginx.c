/* SPDX-License-Identifier: MIT */

/*
 * A configuration of nginx, from bytes to upstreams. The input is cut at each NUL
 * into files /0, /1, ...; any other name is the second one, and each folder holds
 * a few of them.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conn-doctor/memory.h"
#include "intake.h"
#include "nginx.h"
#include "nginx_conf.h"
#include "nginx_parse.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct input {
	const char *bytes;
	size_t size;
};

static const char *read_part(void *self, const char *path, char **text, size_t *len)
{
	const struct input *in = self;
	const char *at = in->bytes, *end = in->bytes + in->size;
	long wanted = path[1] >= '0' && path[1] <= '9' ? path[1] - '0' : 1;
	for (long i = 0; i < wanted; i++) {
		const char *nul = memchr(at, '\0', (size_t)(end - at));
		if (!nul)
			return "No such file or directory";
		at = nul + 1;
	}
	const char *nul = memchr(at, '\0', (size_t)(end - at));
	*len = (size_t)((nul ? nul : end) - at);
	*text = xmalloc(*len);
	memcpy(*text, at, *len);
	return NULL;
}

static const char *list_parts(void *self, const char *path, char ***names,
			      size_t *count)
{
	(void)self;
	if (path[0] == '/' && path[1] == 'x')
		return "Permission denied";
	size_t capacity = 0;
	array_reserve(names, &capacity, 3, sizeof(**names));
	for (const char *name = "123"; *name; name++)
		(*names)[(*count)++] = xstrndup(name, 1);
	return NULL;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input input = { (const char *)data, size };
	struct nginx_files files = { &input, read_part, list_parts };
	struct nginx_found found = { 0 };
	struct intake in = { 0 };
	auto_snapshot struct snapshot snap = { 0 };
	struct nginx_upstream *upstreams;
	char *conf, *prefix;

	nginx_parse(&files, "/0", &found);
	if (found.setting_count > NGINX_SETTINGS_MAX + NGINX_BLOCKS_MAX +
					  NGINX_INCLUDES_MAX * NGINX_BLOCKS_MAX)
		abort();
	intake_begin(&in, &snap, NULL);
	intake_text(&in, ITEM_SETTINGS, "1", strbuf_text(&found.lines),
		    found.lines.len);
	/* What the parser wrote, the intake takes: all of it. */
	if (snap.setting_count != found.setting_count)
		abort();
	size_t count = nginx_upstreams(&snap, &upstreams);
	for (size_t i = 0; i < count; i++)
		if (upstreams[i].port == 0 || upstreams[i].keepalive < -1)
			abort();
	free(upstreams);
	nginx_found_clear(&found);

	/* The same bytes as lines of a recording, and as a command line. */
	snapshot_reset(&snap);
	intake_text(&in, ITEM_SETTINGS, "2", (const char *)data, size);
	nginx_upstreams(&snap, &upstreams);
	free(upstreams);
	if (nginx_command_line((const char *)data, size, &conf, &prefix)) {
		free(conf);
		free(prefix);
	}
	intake_clear(&in);
	return 0;
}
