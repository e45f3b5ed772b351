/* SPDX-License-Identifier: MIT */

/*
 * Which files, in which order. The drop-ins of all directories are sorted
 * together by name, so a number in front says who comes later wherever the file
 * lies; a name in /etc replaces the same name in /run or /usr/lib. The main file
 * stands just before the first drop-in of the administrator: after what packages
 * bring (10-40), before what it is meant to be corrected by (60-90).
 */
#include "config_files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "conn-doctor/error.h"
#include "conn-doctor/memory.h"

#include "config_errors.h"

enum { FILE_SIZE_MAX = 1024 * 1024, FILE_COUNT_MAX = 256 };

#define MAIN_FILE "conn-doctor/conn-doctor.conf"

/* Priority rises downwards. */
static const struct {
	const char *parent;
	bool is_package;
} folders[] = { { "/usr/lib", true }, { "/run", false }, { "/etc", false } };

struct drop_in {
	char *path;
	const char *name; /* the last part of path */
	bool is_package;
	bool is_masked; /* a link to /dev/null: the name is not read at all */
};

struct drop_ins {
	struct drop_in items[FILE_COUNT_MAX];
	size_t count;
};

static void report_errno(struct config *c, const char *path, int errnum)
{
	struct error err;
	error_errno(&err, errnum, "cannot be read");
	config_add_error(c, path, 0, err.text);
}

/* Up to FILE_SIZE_MAX + 1 bytes, so that the caller sees when it is too much. */
static ssize_t read_all(int fd, char *out)
{
	size_t len = 0;
	while (len <= FILE_SIZE_MAX) {
		ssize_t n = read(fd, out + len, FILE_SIZE_MAX + 1 - len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -1;
		if (n == 0)
			break;
		len += (size_t)n;
	}
	return (ssize_t)len;
}

static void read_open(struct config *c, const char *path, int fd)
{
	auto_free char *text = xmalloc(FILE_SIZE_MAX + 1);
	ssize_t len = read_all(fd, text);
	if (len < 0)
		report_errno(c, path, errno);
	else if (len > FILE_SIZE_MAX)
		config_add_error(c, path, 0, "is larger than 1 MiB");
	else
		config_read(c, path, text, (size_t)len);
}

static bool is_null_device(const struct stat *status)
{
	return S_ISCHR(status->st_mode) && status->st_rdev == makedev(1, 3);
}

/* A file in its fixed place; that nothing is there is no error when optional. */
static void read_placed(struct config *c, const char *path, bool is_optional)
{
	struct stat status;
	/* A pipe in the place of a file must not hang the program. */
	auto_close int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0 && is_optional && (errno == ENOENT || errno == ENOTDIR))
		return;
	if (fd < 0 || fstat(fd, &status))
		report_errno(c, path, errno);
	else if (S_ISREG(status.st_mode))
		read_open(c, path, fd);
	else if (!is_null_device(&status))
		config_add_error(c, path, 0, "is not a regular file");
}

void config_read_named(struct config *c, const char *path)
{
	/* May be a pipe: `--config=<(...)` of a shell. */
	auto_close int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		report_errno(c, path, errno);
	else
		read_open(c, path, fd);
}

static bool is_drop_in(const char *name)
{
	size_t len = strlen(name);
	return name[0] != '.' && len > 5 && strcmp(name + len - 5, ".conf") == 0;
}

/* The item of that name, or a new one; NULL when there are too many. */
static struct drop_in *item_of_name(struct drop_ins *all, const char *name)
{
	for (size_t i = 0; i < all->count; i++)
		if (strcmp(all->items[i].name, name) == 0)
			return &all->items[i];
	return all->count < FILE_COUNT_MAX ? &all->items[all->count++] : NULL;
}

/* `path` is the item's from now on, whatever it was before. */
static void place_item(struct drop_in *item, char *path, bool is_package)
{
	struct stat status;
	free(item->path);
	item->path = path;
	item->name = strrchr(path, '/') + 1;
	item->is_package = is_package;
	item->is_masked = stat(path, &status) == 0 && is_null_device(&status);
}

static void collect_folder(struct config *c, struct drop_ins *all, const char *folder,
			   bool is_package)
{
	DIR *dir = opendir(folder);
	if (!dir) {
		if (errno != ENOENT && errno != ENOTDIR)
			report_errno(c, folder, errno);
		return;
	}
	for (struct dirent *e; (e = readdir(dir));) {
		if (!is_drop_in(e->d_name))
			continue;
		struct drop_in *item = item_of_name(all, e->d_name);
		if (!item) {
			config_add_error(c, folder, 0,
					 "there are more than 256 files; the rest is "
					 "not read");
			break;
		}
		place_item(item, xasprintf("%s/%s", folder, e->d_name), is_package);
	}
	closedir(dir);
}

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct drop_in *)a)->name,
		      ((const struct drop_in *)b)->name);
}

static void collect(struct config *c, const char *root, struct drop_ins *all)
{
	for (size_t i = 0; i < sizeof(folders) / sizeof(*folders); i++) {
		auto_free char *folder =
			xasprintf("%s%s/" MAIN_FILE ".d", root, folders[i].parent);
		collect_folder(c, all, folder, folders[i].is_package);
	}
	qsort(all->items, all->count, sizeof(*all->items), by_name);
}

static void read_system(struct config *c, const char *root)
{
	struct drop_ins all = { .count = 0 };
	auto_free char *main_path = xasprintf("%s/etc/" MAIN_FILE, root);
	collect(c, root, &all);
	bool is_main_read = false;
	for (size_t i = 0; i < all.count; i++) {
		const struct drop_in *item = &all.items[i];
		if (!is_main_read && !item->is_package && !item->is_masked) {
			read_placed(c, main_path, true);
			is_main_read = true;
		}
		if (!item->is_masked)
			read_placed(c, item->path, false);
		free(item->path);
	}
	if (!is_main_read)
		read_placed(c, main_path, true);
}

void config_read_places(struct config *c, const struct config_places *places)
{
	read_system(c, places->root);
	if (places->config_home) {
		auto_free char *path = xasprintf("%s/" MAIN_FILE, places->config_home);
		read_placed(c, path, true);
	}
}
