/* SPDX-License-Identifier: MIT */
#include "conn-doctor/memory.h"

#include <malloc.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Set by the screen only; see memory.h. */
static void (*fatal_hook)(void);

void memory_set_up(void)
{
#ifdef M_MMAP_THRESHOLD /* not in every C library, nor needed in every one */
	enum { LARGE = 128 * 1024, SPARE = 256 * 1024 };
	mallopt(M_MMAP_THRESHOLD, LARGE);
	mallopt(M_TRIM_THRESHOLD, SPARE);
#endif
}

_Noreturn void memory_exhausted(void)
{
	static const char message[] = "conn-doctor: out of memory\n";
	if (fatal_hook)
		fatal_hook();
	ssize_t written = write(STDERR_FILENO, message, sizeof(message) - 1);
	(void)written;
	_exit(3);
}

void memory_set_fatal_hook(void (*hook)(void))
{
	fatal_hook = hook;
}

static void *checked(void *ptr)
{
	if (!ptr)
		memory_exhausted();
	return ptr;
}

void *xmalloc(size_t size)
{
	return checked(malloc(size ? size : 1));
}

void *xcalloc(size_t count, size_t size)
{
	return checked(calloc(count ? count : 1, size ? size : 1));
}

void *xreallocarray(void *ptr, size_t count, size_t size)
{
	return checked(reallocarray(ptr, count ? count : 1, size ? size : 1));
}

char *xstrdup(const char *s)
{
	return checked(strdup(s));
}

char *xstrndup(const char *s, size_t len)
{
	return checked(strndup(s, len));
}

char *xasprintf(const char *fmt, ...)
{
	char *text;
	va_list args;
	va_start(args, fmt);
	int len = vasprintf(&text, fmt, args);
	va_end(args);
	return checked(len < 0 ? NULL : text);
}

void array_reserve(void *items, size_t *capacity, size_t need, size_t item_size)
{
	if (need <= *capacity)
		return;
	size_t grown = *capacity + *capacity / 2;
	if (grown < need)
		grown = need;
	if (grown < 16)
		grown = 16;
	void **array = items;
	*array = xreallocarray(*array, grown, item_size);
	*capacity = grown;
}

void auto_free_(void *ptr)
{
	void **p = ptr;
	free(*p);
}

void auto_fclose_(void *file)
{
	FILE **f = file;
	if (*f)
		fclose(*f);
}

void auto_close_(int *fd)
{
	if (*fd >= 0)
		close(*fd);
}
