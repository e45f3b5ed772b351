/* SPDX-License-Identifier: MIT */
#include "nginx_conf.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "conn-doctor/memory.h"
#include "nginx_parse.h"

/* A file or folder that was looked at, as it was then. */
struct seen {
	char *path;
	bool exists;
	dev_t device;
	ino_t inode;
	off_t size;
	struct timespec modified, changed;
};

/* What one master was started with. */
struct entry {
	int32_t pid;
	uint64_t start_ticks;
	struct nginx_found found;
	struct seen *seen;
	size_t seen_count, seen_capacity;
	bool is_alive;
};

struct nginx_cache {
	char *proc;
	struct entry *entries;
	size_t count, capacity;
};

/* What the callbacks of the parser need. */
struct reader {
	struct entry *entry;
	int root; /* the process's root folder */
};

enum { PROGRAM_SIZE_MAX = 32 * 1024 * 1024, NAMES_MAX = 4096 };

struct nginx_cache *nginx_cache_new(const char *proc)
{
	struct nginx_cache *cache = xcalloc(1, sizeof(*cache));
	cache->proc = xstrdup(proc);
	return cache;
}

static void clear_entry(struct entry *e)
{
	for (size_t i = 0; i < e->seen_count; i++)
		free(e->seen[i].path);
	free(e->seen);
	nginx_found_clear(&e->found);
	*e = (struct entry){ 0 };
}

void nginx_cache_free(struct nginx_cache *cache)
{
	if (!cache)
		return;
	for (size_t i = 0; i < cache->count; i++)
		clear_entry(&cache->entries[i]);
	free(cache->entries);
	free(cache->proc);
	free(cache);
}

/*
 * Opens a path as the process does: absolute links, too, stay below its root. Only
 * a reference, so that no device or pipe is really opened.
 */
static int open_in_root(int root, const char *path)
{
	struct open_how how = {
		.flags = O_PATH | O_CLOEXEC,
		.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS,
	};
	return (int)syscall(SYS_openat2, root, path, &how, sizeof(how));
}

static bool same_time(struct timespec a, struct timespec b)
{
	return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec;
}

static struct seen see(const char *path, int fd)
{
	struct stat st;
	struct seen seen = { .path = xstrdup(path) };
	if (fd < 0 || fstat(fd, &st))
		return seen;
	seen.exists = true;
	seen.device = st.st_dev;
	seen.inode = st.st_ino;
	seen.size = st.st_size;
	seen.modified = st.st_mtim;
	seen.changed = st.st_ctim;
	return seen;
}

static void remember(struct entry *e, const char *path, int fd)
{
	array_reserve(&e->seen, &e->seen_capacity, e->seen_count + 1, sizeof(*e->seen));
	e->seen[e->seen_count++] = see(path, fd);
}

static bool is_as_seen(int root, const struct seen *then)
{
	auto_close int fd = open_in_root(root, then->path);
	struct seen now = see("", fd);
	free(now.path);
	return now.exists == then->exists && now.device == then->device &&
	       now.inode == then->inode && now.size == then->size &&
	       same_time(now.modified, then->modified) &&
	       same_time(now.changed, then->changed);
}

/* What O_PATH has referred to, for reading. */
static int reopen(int fd, int flags)
{
	char link[32];
	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	return open(link, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC | flags);
}

/* At most `size` bytes; NULL or why not. */
static const char *read_regular(int path_fd, size_t size, char **text, size_t *len)
{
	struct stat st;
	if (path_fd < 0 || fstat(path_fd, &st))
		return strerror(errno);
	if (!S_ISREG(st.st_mode))
		return "not a regular file";
	auto_close int fd = reopen(path_fd, 0);
	if (fd < 0)
		return strerror(errno);
	size_t wanted = st.st_size > 0 && (uint64_t)st.st_size < size
				? (size_t)st.st_size
				: size;
	*text = xmalloc(wanted + 1);
	*len = 0;
	while (*len < wanted) {
		ssize_t got = read(fd, *text + *len, wanted - *len);
		if (got < 0)
			return strerror(errno);
		if (got == 0)
			break;
		*len += (size_t)got;
	}
	return NULL;
}

static const char *read_file(void *self, const char *path, char **text, size_t *len)
{
	struct reader *r = self;
	auto_close int fd = open_in_root(r->root, path);
	int error = errno;
	remember(r->entry, path, fd);
	errno = error;
	/* One byte more than is allowed, so that the parser sees it is too much. */
	return read_regular(fd, NGINX_BYTES_MAX + 1, text, len);
}

static const char *list_folder(void *self, const char *path, char ***names,
			       size_t *count)
{
	struct reader *r = self;
	size_t capacity = 0;
	auto_close int fd = open_in_root(r->root, path);
	int error = errno;
	remember(r->entry, path, fd);
	if (fd < 0)
		return error == ENOENT ? NULL : strerror(error);
	int folder = reopen(fd, O_DIRECTORY);
	DIR *dir = folder >= 0 ? fdopendir(folder) : NULL;
	if (!dir) {
		error = errno;
		if (folder >= 0)
			close(folder);
		return error == ENOTDIR ? NULL : strerror(error);
	}
	for (struct dirent *e; *count < NAMES_MAX && (e = readdir(dir));) {
		array_reserve(names, &capacity, *count + 1, sizeof(**names));
		(*names)[(*count)++] = xstrdup(e->d_name);
	}
	closedir(dir);
	return *count < NAMES_MAX ? NULL : "more than 4096 names";
}

/* The program: its version, and the paths it was built with. */

/* The word behind `mark` in the program; NULL when it is not there, or too long. */
static char *built_in(const char *program, size_t len, const char *mark)
{
	size_t mark_len = strlen(mark);
	const char *at = memmem(program, len, mark, mark_len);
	if (!at)
		return NULL;
	at += mark_len;
	size_t left = len - (size_t)(at - program), word = 0;
	while (word < left && word < PATH_MAX && at[word] > ' ' && at[word] < 0x7f)
		word++;
	return word && word < PATH_MAX ? xstrndup(at, word) : NULL;
}

struct program {
	char *version, *conf, *prefix; /* NULL = not known */
};

static void look_at_program(const char *proc, int32_t pid, struct program *out)
{
	char path[PATH_MAX];
	auto_free char *bytes = NULL;
	size_t len = 0;
	snprintf(path, sizeof(path), "%s/%d/exe", proc, pid);
	auto_close int fd = open(path, O_PATH | O_CLOEXEC);
	if (read_regular(fd, PROGRAM_SIZE_MAX, &bytes, &len) || !bytes)
		return;
	out->version = built_in(bytes, len, "nginx version: nginx/");
	out->conf = built_in(bytes, len, " --conf-path=");
	out->prefix = built_in(bytes, len, " --prefix=");
}

static void clear_program(struct program *p)
{
	free(p->version);
	free(p->conf);
	free(p->prefix);
}

/* The command line: "nginx: master process /usr/sbin/nginx -c /etc/x.conf". */

/* One blank-padded text after the title was set, else separated by NUL. */
static size_t next_word(const char *cmdline, size_t len, size_t *at)
{
	while (*at < len && (cmdline[*at] == ' ' || cmdline[*at] == '\0'))
		++*at;
	size_t end = *at;
	while (end < len && cmdline[end] != ' ' && cmdline[end] != '\0')
		end++;
	return end - *at;
}

static void take_value(char **slot, const char *text, size_t len)
{
	if (!slot || !len)
		return;
	free(*slot);
	*slot = xstrndup(text, len);
}

bool nginx_command_line(const char *cmdline, size_t len, char **conf, char **prefix)
{
	static const char title[] = "nginx: ", master[] = "nginx: master process ";
	*conf = *prefix = NULL;
	size_t at = 0, word;
	if (len >= sizeof(master) - 1 &&
	    memcmp(cmdline, master, sizeof(master) - 1) == 0)
		at = sizeof(master) - 1;
	else if (!len || (len >= sizeof(title) - 1 &&
			  memcmp(cmdline, title, sizeof(title) - 1) == 0))
		return false; /* a worker, a cache manager */
	at += next_word(cmdline, len, &at);
	for (; (word = next_word(cmdline, len, &at)); at += word) {
		if (cmdline[at] != '-')
			continue;
		for (size_t i = 1; i < word; i++) {
			char option = cmdline[at + i];
			if (!strchr("pcgse", option) || !option)
				continue;
			char **slot = option == 'c'   ? conf
				      : option == 'p' ? prefix
						      : NULL;
			if (i + 1 < word) {
				take_value(slot, cmdline + at + i + 1, word - i - 1);
				break;
			}
			at += word;
			word = next_word(cmdline, len, &at);
			take_value(slot, cmdline + at, word);
			break;
		}
	}
	return true;
}

/* Where the first file is; NULL when that depends on what is not known. */
static char *conf_path(const char *conf, const char *prefix,
		       const struct program *built)
{
	if (!conf)
		conf = built->conf ? built->conf : "/etc/nginx/nginx.conf";
	if (!prefix)
		prefix = built->prefix;
	if (*conf == '/')
		return strlen(conf) < PATH_MAX ? xstrdup(conf) : NULL;
	if (!prefix || *prefix != '/' || strlen(prefix) + strlen(conf) + 2 > PATH_MAX)
		return NULL;
	return xasprintf("%s/%s", prefix, conf);
}

static void read_entry(const struct nginx_cache *cache, struct entry *e, int root,
		       const char *conf, const char *prefix)
{
	struct reader reader = { e, root };
	struct nginx_files files = { &reader, read_file, list_folder };
	struct program built = { 0 };
	look_at_program(cache->proc, e->pid, &built);
	auto_free char *path = conf_path(conf, prefix, &built);
	if (built.version)
		nginx_found_add(&e->found, "version", built.version, "nginx");
	if (path)
		nginx_parse(&files, path, &e->found);
	else
		nginx_found_add(&e->found, "unreadable",
				"the path is relative to a folder that is not known",
				conf ? conf : "nginx.conf");
	clear_program(&built);
}

static struct entry *entry_of(struct nginx_cache *cache, const struct process *p)
{
	for (size_t i = 0; i < cache->count; i++)
		if (cache->entries[i].pid == p->pid)
			return &cache->entries[i];
	array_reserve(&cache->entries, &cache->capacity, cache->count + 1,
		      sizeof(*cache->entries));
	struct entry *e = &cache->entries[cache->count++];
	*e = (struct entry){ .pid = p->pid };
	return e;
}

static bool is_fresh(const struct entry *e, const struct process *p, int root)
{
	if (!e->seen_count || e->start_ticks != p->start_ticks)
		return false;
	for (size_t i = 0; i < e->seen_count; i++)
		if (!is_as_seen(root, &e->seen[i]))
			return false;
	return true;
}

static void give_entry(const struct entry *e, struct intake *in)
{
	char key[64];
	snprintf(key, sizeof(key), "%d", e->pid);
	intake_text(in, ITEM_SETTINGS, key, strbuf_text(&e->found.lines),
		    e->found.lines.len);
	if (!e->found.unreadable_count)
		return;
	auto_strbuf struct strbuf why = { 0 };
	strbuf_addf(&why, "cannot read %s", strbuf_text(&e->found.first_unreadable));
	if (e->found.unreadable_count > 1)
		strbuf_addf(&why, ", and %zu more", e->found.unreadable_count - 1);
	snprintf(key, sizeof(key), DEGRADED_NGINX "%d", e->pid);
	intake_text(in, ITEM_DEGRADED, key, why.text, why.len);
}

static void look_at_master(struct nginx_cache *cache, struct intake *in,
			   const struct process *p)
{
	char path[PATH_MAX];
	char *conf, *prefix;
	if (!p->cmdline ||
	    !nginx_command_line(p->cmdline, p->cmdline_len, &conf, &prefix))
		return;
	struct entry *e = entry_of(cache, p);
	snprintf(path, sizeof(path), "%s/%d/root", cache->proc, p->pid);
	auto_close int root = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	int error = errno;
	if (root < 0 || !is_fresh(e, p, root)) {
		clear_entry(e);
		*e = (struct entry){ .pid = p->pid, .start_ticks = p->start_ticks };
		if (root < 0)
			nginx_found_add(&e->found, "unreadable", strerror(error), path);
		else
			read_entry(cache, e, root, conf, prefix);
	}
	e->is_alive = true;
	give_entry(e, in);
	free(conf);
	free(prefix);
}

static void forget_ended(struct nginx_cache *cache)
{
	size_t kept = 0;
	for (size_t i = 0; i < cache->count; i++) {
		if (cache->entries[i].is_alive)
			cache->entries[kept++] = cache->entries[i];
		else
			clear_entry(&cache->entries[i]);
	}
	cache->count = kept;
}

void nginx_cache_look(struct nginx_cache *cache, struct intake *in)
{
	for (size_t i = 0; i < cache->count; i++)
		cache->entries[i].is_alive = false;
	for (size_t i = 0; i < in->snap->process_count; i++)
		if (strcmp(in->snap->processes[i].comm, "nginx") == 0)
			look_at_master(cache, in, &in->snap->processes[i]);
	forget_ended(cache);
}
