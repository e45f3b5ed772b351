/* SPDX-License-Identifier: MIT */
#ifndef CONN_DOCTOR_NGINX_CONF_H
#define CONN_DOCTOR_NGINX_CONF_H

#include "intake.h"

/*
 * The configurations that the running nginx masters were started with, read as
 * those see their files (in the mount namespace of a container too). What was read
 * is kept as long as no file of it changes.
 */
struct nginx_cache;

/* `proc` is the root of the proc file system ("/proc"; tests have their own). */
struct nginx_cache *nginx_cache_new(const char *proc);
void nginx_cache_free(struct nginx_cache *cache);

/*
 * Gives the intake the settings (ITEM_SETTINGS) of each nginx among the processes
 * of its snapshot, and notes (ITEM_DEGRADED) what could not be read.
 */
void nginx_cache_look(struct nginx_cache *cache, struct intake *in);

/*
 * The -c and -p of a master's command line, NULL where it has none; both are the
 * caller's to free(). False: this process is not one that reads a configuration.
 */
bool nginx_command_line(const char *cmdline, size_t len, char **conf, char **prefix);

#endif
