/* SPDX-License-Identifier: MIT */
#include "proc_owner.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "conn-doctor/memory.h"
#include "conn-doctor/u64_map.h"

/* A descriptor that is a socket. Sorted by pid, then fd. */
struct link {
	uint32_t inode;
	int32_t pid;
	int32_t fd;
};

struct links {
	struct link *items;
	size_t count, capacity;
};

struct owner_cache {
	char *proc;
	struct links known; /* of the previous pass */
	/* cookie -> inode it had when its owner was searched, found or not */
	struct u64_map searched;
	struct u64_map alive;  /* inodes of this pass */
	struct u64_map wanted; /* inodes whose owner is to be found in this pass */
	/* Of the last look at all processes: what could not be seen stays unseen. */
	size_t process_count, denied_count;
};

/* State of one look-up. */
struct search {
	struct owner_cache *cache;
	struct links found;
	size_t process_count, denied_count;
};

struct owner_cache *owner_cache_new(const char *proc)
{
	struct owner_cache *cache = xcalloc(1, sizeof(*cache));
	cache->proc = xstrdup(proc);
	return cache;
}

void owner_cache_free(struct owner_cache *cache)
{
	if (!cache)
		return;
	free(cache->proc);
	free(cache->known.items);
	u64_map_clear(&cache->searched);
	u64_map_clear(&cache->alive);
	u64_map_clear(&cache->wanted);
	free(cache);
}

static void add_link(struct links *links, struct link link)
{
	array_reserve(&links->items, &links->capacity, links->count + 1,
		      sizeof(*links->items));
	links->items[links->count++] = link;
}

static int compare_links(const void *a, const void *b)
{
	const struct link *x = a, *y = b;
	if (x->pid != y->pid)
		return x->pid < y->pid ? -1 : 1;
	return (x->fd > y->fd) - (x->fd < y->fd);
}

static int open_below(const char *root, const char *name, int flags)
{
	char path[PATH_MAX];
	int len = snprintf(path, sizeof(path), "%s/%s", root, name);
	if (len < 0 || (size_t)len >= sizeof(path)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	return open(path, flags | O_RDONLY | O_CLOEXEC);
}

/* Inode of `socket:[123]`; 0 when the link points to something else. */
static uint32_t socket_inode(int dir, const char *name)
{
	char target[64];
	static const char prefix[] = "socket:[";
	ssize_t len = readlinkat(dir, name, target, sizeof(target) - 1);
	if (len <= (ssize_t)sizeof(prefix) - 1 ||
	    memcmp(target, prefix, sizeof(prefix) - 1) != 0)
		return 0;
	target[len] = '\0';
	return (uint32_t)strtoul(target + sizeof(prefix) - 1, NULL, 10);
}

/* The socket this descriptor was in the last pass, if that socket still lives. */
static const struct link *known_link(const struct owner_cache *cache, int32_t pid,
				     int32_t fd)
{
	struct link key = { .pid = pid, .fd = fd };
	const struct link *link =
		cache->known.count
			? bsearch(&key, cache->known.items, cache->known.count,
				  sizeof(key), compare_links)
			: NULL;
	return link && u64_map_find(&cache->alive, link->inode) ? link : NULL;
}

static void search_fd(struct search *s, int dir, int32_t pid, const char *name)
{
	char *end;
	long fd = strtol(name, &end, 10);
	if (end == name || *end || fd < 0 || fd > INT32_MAX)
		return;
	const struct link *known = known_link(s->cache, pid, (int32_t)fd);
	if (known) {
		add_link(&s->found, *known);
		return;
	}
	uint32_t inode = socket_inode(dir, name);
	if (inode && u64_map_find(&s->cache->alive, inode))
		add_link(&s->found, (struct link){ inode, pid, (int32_t)fd });
}

static void search_process(struct search *s, int32_t pid)
{
	char name[32];
	snprintf(name, sizeof(name), "%d/fd", pid);
	int fd = open_below(s->cache->proc, name, O_DIRECTORY);
	DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
	s->process_count++;
	if (!dir) {
		s->denied_count += errno == EACCES || errno == EPERM;
		if (fd >= 0)
			close(fd);
		return;
	}
	for (struct dirent *e; (e = readdir(dir));)
		search_fd(s, fd, pid, e->d_name);
	closedir(dir);
}

static int compare_pids(const void *a, const void *b)
{
	const int32_t *x = a, *y = b;
	return (*x > *y) - (*x < *y);
}

static void search_all(struct search *s)
{
	DIR *dir = opendir(s->cache->proc);
	if (!dir)
		return;
	auto_free int32_t *pids = NULL;
	size_t count = 0, capacity = 0;
	for (struct dirent *e; (e = readdir(dir));) {
		char *end;
		long pid = strtol(e->d_name, &end, 10);
		if (*end || pid <= 0 || pid > INT32_MAX)
			continue;
		array_reserve(&pids, &capacity, count + 1, sizeof(*pids));
		pids[count++] = (int32_t)pid;
	}
	closedir(dir);
	if (count)
		qsort(pids, count, sizeof(*pids), compare_pids);
	for (size_t i = 0; i < count; i++)
		search_process(s, pids[i]);
}

/* Only the processes that owned sockets in the last pass. */
static void search_known(struct search *s)
{
	const struct links *known = &s->cache->known;
	for (size_t i = 0; i < known->count; i++)
		if (i == 0 || known->items[i].pid != known->items[i - 1].pid)
			search_process(s, known->items[i].pid);
}

/* Which sockets are alive, and whether any of them is new to the cache. */
static void collect_wanted(struct owner_cache *cache, const struct snapshot *snap)
{
	u64_map_reset(&cache->alive);
	u64_map_reset(&cache->wanted);
	for (size_t i = 0; i < snap->socket_count; i++) {
		const struct tcp_socket *sk = &snap->sockets[i];
		bool is_new;
		if (sk->inode == 0)
			continue;
		u64_map_insert(&cache->alive, sk->inode, &is_new);
		const uint32_t *inode = u64_map_find(&cache->searched, sk->cookie);
		if (!inode || *inode != sk->inode)
			u64_map_insert(&cache->wanted, sk->inode, &is_new);
	}
}

static void remember_searched(struct owner_cache *cache, const struct snapshot *snap)
{
	u64_map_reset(&cache->searched);
	for (size_t i = 0; i < snap->socket_count; i++) {
		bool is_new;
		const struct tcp_socket *sk = &snap->sockets[i];
		if (sk->inode)
			*u64_map_insert(&cache->searched, sk->cookie, &is_new) =
				sk->inode;
	}
}

/* How many wanted inodes the links do not explain. */
static size_t missing_count(const struct owner_cache *cache, const struct links *links)
{
	struct u64_map found = { 0 };
	for (size_t i = 0; i < links->count; i++) {
		bool is_new;
		if (u64_map_find(&cache->wanted, links->items[i].inode))
			u64_map_insert(&found, links->items[i].inode, &is_new);
	}
	size_t missing = cache->wanted.count - found.count;
	u64_map_clear(&found);
	return missing;
}

static void give_file(struct intake *in, const char *proc, int32_t pid,
		      const char *name)
{
	char key[48], content[16 * 1024];
	snprintf(key, sizeof(key), "%d/%s", pid, name);
	auto_close int fd = open_below(proc, key, 0);
	if (fd < 0)
		return;
	/* A longer command line is cut: it is for recognising the program. */
	ssize_t len = read(fd, content, sizeof(content));
	if (len >= 0)
		intake_text(in, ITEM_FILE, key, content, (size_t)len);
}

/* How many descriptors are open; counted, since st_size tells it only from 6.2 on. */
static void give_fd_count(struct intake *in, const char *proc, int32_t pid)
{
	char key[48], text[32];
	snprintf(key, sizeof(key), "%d/fd", pid);
	auto_close int fd = open_below(proc, key, O_DIRECTORY);
	DIR *dir = fd >= 0 ? fdopendir(dup(fd)) : NULL;
	if (!dir)
		return;
	long count = 0;
	for (struct dirent *e; (e = readdir(dir));)
		count += e->d_name[0] != '.';
	closedir(dir);
	int len = snprintf(text, sizeof(text), "%ld", count);
	intake_text(in, ITEM_FILE, key, text, (size_t)len);
}

/* Facts of each owner; those of a listener's owner in full. */
static void give_processes(struct owner_cache *cache, struct intake *in)
{
	struct u64_map listener_inodes = { 0 };
	const struct snapshot *snap = in->snap;
	bool is_new;
	for (size_t i = 0; i < snap->socket_count; i++)
		if (snap->sockets[i].state == TCP_STATE_LISTEN)
			u64_map_insert(&listener_inodes, snap->sockets[i].inode,
				       &is_new);

	const struct links *links = &cache->known;
	for (size_t i = 0, end; i < links->count; i = end) {
		int32_t pid = links->items[i].pid;
		bool is_server = false;
		for (end = i; end < links->count && links->items[end].pid == pid; end++)
			is_server |= u64_map_find(&listener_inodes,
						  links->items[end].inode) != NULL;
		give_file(in, cache->proc, pid, "stat");
		give_file(in, cache->proc, pid, "cmdline");
		if (!is_server)
			continue;
		give_file(in, cache->proc, pid, "limits");
		give_file(in, cache->proc, pid, "wchan");
		give_fd_count(in, cache->proc, pid);
	}
	u64_map_clear(&listener_inodes);
}

static void give_owners(struct owner_cache *cache, struct intake *in)
{
	/* struct link is the item's layout on a little-endian machine. */
	_Static_assert(sizeof(struct link) == 12, "ITEM_OWNERS layout");
	intake_text(in, ITEM_OWNERS, "", (const char *)cache->known.items,
		    cache->known.count * sizeof(struct link));
}

void owner_cache_look_up(struct owner_cache *cache, struct intake *in)
{
	collect_wanted(cache, in->snap);
	struct search s = { .cache = cache };
	search_known(&s);
	if (missing_count(cache, &s.found)) {
		s.found.count = s.process_count = s.denied_count = 0;
		search_all(&s);
		cache->process_count = s.process_count;
		cache->denied_count = s.denied_count;
	}
	if (s.found.count)
		qsort(s.found.items, s.found.count, sizeof(*s.found.items),
		      compare_links);
	free(cache->known.items);
	cache->known = s.found;
	remember_searched(cache, in->snap);
	give_owners(cache, in);
	give_processes(cache, in);

	if (cache->denied_count) {
		char why[160];
		snprintf(
			why, sizeof(why),
			"no permission to look into %zu of %zu processes; run as root, "
			"or with CAP_SYS_PTRACE and CAP_DAC_READ_SEARCH",
			cache->denied_count, cache->process_count);
		intake_text(in, ITEM_DEGRADED, "process owners", why, strlen(why));
	}
}
