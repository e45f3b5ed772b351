/* SPDX-License-Identifier: MIT */
#ifndef CONN_DOCTOR_NGINX_SCAN_H
#define CONN_DOCTOR_NGINX_SCAN_H

#include <stddef.h>
#include <stdint.h>

/*
 * The words of a configuration of nginx: quotes, escapes, comments and blocks as
 * nginx itself reads them (src/core/ngx_conf_file.c of nginx).
 */
struct nginx_scanner {
	const char *at, *end;
	uint32_t line;
};

enum nginx_token {
	NGINX_STATEMENT, /* name arguments ; */
	NGINX_BLOCK,     /* name arguments { */
	NGINX_BLOCK_END, /* } */
	NGINX_FILE_END,
	NGINX_DAMAGED, /* nginx would refuse it */
};

enum { NGINX_WORDS_MAX = 16, NGINX_TEXT_MAX = 4096 };

struct nginx_directive {
	/* The first words, unquoted; one that does not fit is "". */
	const char *words[NGINX_WORDS_MAX];
	size_t word_count; /* of those in `words` */
	uint32_t line;     /* where it begins */
	char text[NGINX_TEXT_MAX];
	size_t text_len;
};

/* The next directive. */
enum nginx_token nginx_scan(struct nginx_scanner *s, struct nginx_directive *out);

/* Passes over a block of Lua up to its closing brace; -1 when there is none. */
int nginx_skip_lua(struct nginx_scanner *s);

#endif
