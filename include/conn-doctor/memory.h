/* SPDX-License-Identifier: MIT */
#ifndef CONN_DOCTOR_MEMORY_H
#define CONN_DOCTOR_MEMORY_H

#include <stddef.h>

/*
 * Allocation that does not return on failure: no caller could do better than
 * say so and stop. A screen that is up registers a hook which restores the
 * terminal before the message is printed.
 */
void *xmalloc(size_t size);
void *xcalloc(size_t count, size_t size);
void *xreallocarray(void *ptr, size_t count, size_t size);
char *xstrdup(const char *s);
char *xstrndup(const char *s, size_t len);
char *xasprintf(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/*
 * Call first in a program: what is large goes back to the system as soon as it is
 * freed. As it comes, glibc's malloc keeps whatever is smaller than the largest array
 * freed so far, up to 32 MiB, and a table needed for a moment counts forever.
 */
void memory_set_up(void);

/* Says "out of memory" and ends the program. */
_Noreturn void memory_exhausted(void);

/* Called once with the message's text before the program ends; NULL removes it. */
void memory_set_fatal_hook(void (*hook)(void));

/*
 * Makes room for `need` elements in a growing array: *items is reallocated
 * geometrically and *capacity updated when need > *capacity.
 */
void array_reserve(void *items, size_t *capacity, size_t need, size_t item_size);

/* Cleanup attributes: the variable's resource is released at the end of its scope. */
void auto_free_(void *ptr);
void auto_fclose_(void *file);
void auto_close_(int *fd);
#define auto_free   __attribute__((cleanup(auto_free_)))
#define auto_fclose __attribute__((cleanup(auto_fclose_)))
#define auto_close  __attribute__((cleanup(auto_close_)))

#endif
