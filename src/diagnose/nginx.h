/* SPDX-License-Identifier: MIT */
#ifndef CONN_DOCTOR_NGINX_H
#define CONN_DOCTOR_NGINX_H

#include "conn-doctor/snapshot.h"

/*
 * What the configuration of a running nginx says about its connections: settings
 * with what they inherit, and the upstreams it talks to. The configuration is the
 * one that lies on the disk; nginx may not have loaded its last change.
 */

/* Where a value comes from. */
enum setting_origin {
	SETTING_UNKNOWN, /* some file could not be read, or the value is a variable */
	SETTING_DEFAULT, /* given nowhere: nginx's default */
	SETTING_GIVEN,
};

struct nginx_value {
	enum setting_origin origin;
	const struct server_setting *setting; /* with SETTING_GIVEN */
};

/*
 * The directive as it holds in a block: given there, else in the nearest block
 * around it, down to "http". `context` is that of a server_setting.
 */
struct nginx_value nginx_setting(const struct snapshot *snap, int32_t pid,
				 const char *context, const char *name);

/* A time in nginx's spelling ("75", "75s", "1m30s", "500ms"); -1 = not one. */
int64_t nginx_time_ms(const char *text);

enum {
	ORIGIN_SIZE = 128,
	NGINX_KEEPALIVE_UNKNOWN = -1,
	NGINX_KEEPALIVE_DEFAULT = 32, /* since 1.29.7; off before */
};

struct nginx_time {
	int64_t ms;               /* -1 = not known */
	char origin[ORIGIN_SIZE]; /* "FILE:LINE", "nginx's default", "not known" */
};

/*
 * One server of one proxy_pass. Equal ones (from several locations) are told once,
 * with the values of the first location.
 */
struct nginx_upstream {
	int32_t pid;       /* of the master; its workers hold the connections */
	const char *name;  /* of the upstream block, "" = proxy_pass to an address */
	char address[256]; /* as written: a name, an IPv4 or an IPv6 address */
	uint16_t port;
	/* Idle connections kept for reuse, 0 = each is closed after its reply. */
	int32_t keepalive;
	char keepalive_origin[ORIGIN_SIZE]; /* what decides it */
	struct nginx_time idle;             /* how long an idle one is kept */
	struct nginx_time read, connect;    /* proxy_read_timeout, ... */
};

/* *out is the caller's to free(); names refer to the snapshot. */
size_t nginx_upstreams(const struct snapshot *snap, struct nginx_upstream **out);

#endif
