/* SPDX-License-Identifier: MIT */
#ifndef CONN_DOCTOR_NGINX_PARSE_H
#define CONN_DOCTOR_NGINX_PARSE_H

#include <stddef.h>

#include "conn-doctor/strbuf.h"

/*
 * Takes from a configuration of nginx the directives that decide how long its
 * connections live, and nothing else: no other directive, header or path is kept,
 * because such files hold secrets. Files are read through callbacks, so that this
 * is a function of bytes.
 */
struct nginx_files {
	void *self;
	/* NULL, or why it cannot be read. *text is the caller's to free(). */
	const char *(*read)(void *self, const char *path, char **text, size_t *len);
	/* The names in a folder, for patterns; the same, each of them too. */
	const char *(*list)(void *self, const char *path, char ***names, size_t *count);
};

enum {
	NGINX_FILES_MAX = 256,
	NGINX_BYTES_MAX = 4 * 1024 * 1024, /* of all files */
	NGINX_INCLUDES_MAX = 10,           /* one in another */
	NGINX_BLOCKS_MAX = 32,             /* one in another */
	NGINX_SETTINGS_MAX = 4096,
	NGINX_WORD_MAX = 512, /* what is longer is not taken as a value */
};

struct nginx_found {
	/*
	 * Lines of ITEM_SETTINGS. What could not be read is a line as well, named
	 * "unreadable": where it stands, nothing is known of what is not given.
	 */
	struct strbuf lines;
	size_t setting_count;
	size_t unreadable_count;
	struct strbuf first_unreadable; /* "FILE: why" */
};

/* Reads the file and what it includes; `path` is absolute. */
void nginx_parse(const struct nginx_files *files, const char *path,
		 struct nginx_found *out);
void nginx_found_clear(struct nginx_found *found);

/* Adds a line of the collector's own. */
void nginx_found_add(struct nginx_found *found, const char *name, const char *value,
		     const char *file);

#endif
