/* SPDX-License-Identifier: MIT */
#include "proc_owner.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "conn-doctor/memory.h"
#include "conn-doctor/u64_map.h"
#include "go_binary.h"
#include "inode_set.h"

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
	/*
	 * Inodes of the previous pass: their owners were searched, found or not. The
	 * number of a socket that closed is not given away again before the kernel
	 * has counted through 32 bits, so it need not be held against the cookie.
	 */
	struct inode_set searched;
	struct inode_set alive; /* of this pass, with enum inode_flag */
	/* Of the last look at all processes: what could not be seen stays unseen. */
	size_t process_count, denied_count;
	struct go_cache programs;
};

/* What is known of a living socket's inode. */
enum inode_flag {
	INODE_SEEN = 1,
	INODE_WANTED = 2, /* its owner is not in the cache, nor found yet */
};

/* State of one look-up. */
struct search {
	struct owner_cache *cache;
	struct links found;
	size_t missing_count; /* wanted inodes that no descriptor explained yet */
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
	inode_set_clear(&cache->searched);
	inode_set_clear(&cache->alive);
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
	return link && inode_set_find(&cache->alive, link->inode) ? link : NULL;
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
	uint8_t *flags = inode_set_find(&s->cache->alive, inode);
	if (!flags)
		return;
	add_link(&s->found, (struct link){ inode, pid, (int32_t)fd });
	if (*flags & INODE_WANTED)
		s->missing_count--;
	*flags = INODE_SEEN;
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

/*
 * Nothing new: no descriptor needs to be read. A process that only shares known
 * sockets (a worker forked a moment ago) is found with the next new socket.
 */
static void keep_known(struct owner_cache *cache)
{
	struct links *known = &cache->known;
	size_t kept = 0;
	for (size_t i = 0; i < known->count; i++)
		if (inode_set_find(&cache->alive, known->items[i].inode))
			known->items[kept++] = known->items[i];
	known->count = kept;
}

/* Which sockets are alive; returns how many of them are new to the cache. */
static size_t note_alive(struct owner_cache *cache, const struct snapshot *snap)
{
	size_t wanted_count = 0;
	inode_set_reset(&cache->alive, snap->socket_count);
	for (size_t i = 0; i < snap->socket_count; i++) {
		uint32_t inode = snap->sockets[i].inode;
		uint8_t *flags = inode ? inode_set_add(&cache->alive, inode) : NULL;
		if (!flags || *flags)
			continue;
		*flags = INODE_SEEN;
		if (inode_set_find(&cache->searched, inode))
			continue;
		*flags |= INODE_WANTED;
		wanted_count++;
	}
	return wanted_count;
}

/* This pass is the previous one from now on; the next one has a new size. */
static void remember_searched(struct owner_cache *cache)
{
	struct inode_set spare = cache->searched;
	cache->searched = cache->alive;
	inode_set_clear(&spare);
	cache->alive = (struct inode_set){ 0 };
}

static bool is_sorted(const struct links *links)
{
	for (size_t i = 1; i < links->count; i++)
		if (compare_links(&links->items[i - 1], &links->items[i]) > 0)
			return false;
	return true;
}

/* The descriptors of new sockets: with those who are known, else with everybody. */
static void search_new(struct owner_cache *cache, size_t wanted_count)
{
	struct search s = { .cache = cache, .missing_count = wanted_count };
	search_known(&s);
	if (s.missing_count) {
		s.found.count = 0;
		s.process_count = s.denied_count = 0;
		search_all(&s);
		cache->process_count = s.process_count;
		cache->denied_count = s.denied_count;
	}
	/* The kernel lists descriptors in order, and sorting takes as much again. */
	if (!is_sorted(&s.found))
		qsort(s.found.items, s.found.count, sizeof(*s.found.items),
		      compare_links);
	free(cache->known.items);
	cache->known = s.found;
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

static long count_entries(int fd)
{
	DIR *dir = fdopendir(dup(fd));
	long count = 0;
	if (!dir)
		return -1;
	for (struct dirent *e; (e = readdir(dir));)
		count += e->d_name[0] != '.';
	closedir(dir);
	return count;
}

/* How many descriptors are open: from Linux 6.2 on the size of the folder. */
static void give_fd_count(struct intake *in, const char *proc, int32_t pid)
{
	char key[48], text[32];
	struct stat st;
	snprintf(key, sizeof(key), "%d/fd", pid);
	auto_close int fd = open_below(proc, key, O_DIRECTORY);
	if (fd < 0 || fstat(fd, &st))
		return;
	long count = st.st_size > 0 ? (long)st.st_size : count_entries(fd);
	if (count < 0)
		return;
	int len = snprintf(text, sizeof(text), "%ld", count);
	intake_text(in, ITEM_FILE, key, text, (size_t)len);
}

/* The program's file itself is not kept, only which toolchain made it, if known. */
static void give_toolchain(struct owner_cache *cache, struct intake *in, int32_t pid)
{
	char key[48], path[PATH_MAX];
	snprintf(key, sizeof(key), "%d/exe", pid);
	int len = snprintf(path, sizeof(path), "%s/%s", cache->proc, key);
	if (len < 0 || (size_t)len >= sizeof(path))
		return;
	if (go_binary_ask(&cache->programs, path) == GO_YES)
		intake_text(in, ITEM_FILE, key, "go", 2);
}

/* Parent of a process whose facts the intake has; 0 = unknown. */
static int32_t parent_of(const struct intake *in, int32_t pid)
{
	const uint32_t *index = u64_map_find(&in->process_index, (uint32_t)pid);
	return index ? in->snap->processes[*index].ppid : 0;
}

/*
 * A worker's own command line may say nothing of the flags it was started with
 * (multiprocessing, --reload): those who started it are told as well. `given`
 * holds the processes told already.
 */
static void give_parents(struct owner_cache *cache, struct intake *in, int32_t pid,
			 struct u64_map *given)
{
	enum { PARENTS_MAX = 3 };
	for (int i = 0; i < PARENTS_MAX; i++) {
		bool is_new;
		pid = parent_of(in, pid);
		if (pid <= 1)
			return;
		u64_map_insert(given, (uint32_t)pid, &is_new);
		if (!is_new)
			continue;
		give_file(in, cache->proc, pid, "stat");
		give_file(in, cache->proc, pid, "cmdline");
	}
}

/* Facts of one owner; those of a listener's owner in full. */
static void give_process(struct owner_cache *cache, struct intake *in, int32_t pid,
			 bool is_server)
{
	give_file(in, cache->proc, pid, "stat");
	give_file(in, cache->proc, pid, "cmdline");
	give_file(in, cache->proc, pid, "limits");
	give_fd_count(in, cache->proc, pid);
	give_toolchain(cache, in, pid);
	if (is_server)
		give_file(in, cache->proc, pid, "wchan");
}

static void give_processes(struct owner_cache *cache, struct intake *in)
{
	struct u64_map listener_inodes = { 0 }, given = { 0 };
	const struct snapshot *snap = in->snap;
	const struct links *links = &cache->known;
	bool is_new;
	for (size_t i = 0; i < snap->socket_count; i++)
		if (snap->sockets[i].state == TCP_STATE_LISTEN)
			u64_map_insert(&listener_inodes, snap->sockets[i].inode,
				       &is_new);
	for (size_t i = 0; i < links->count; i++)
		u64_map_insert(&given, (uint32_t)links->items[i].pid, &is_new);

	for (size_t i = 0, end; i < links->count; i = end) {
		int32_t pid = links->items[i].pid;
		bool is_server = false;
		for (end = i; end < links->count && links->items[end].pid == pid; end++)
			is_server |= u64_map_find(&listener_inodes,
						  links->items[end].inode) != NULL;
		give_process(cache, in, pid, is_server);
		if (is_server)
			give_parents(cache, in, pid, &given);
	}
	u64_map_clear(&listener_inodes);
	u64_map_clear(&given);
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
	size_t wanted_count = note_alive(cache, in->snap);
	if (wanted_count)
		search_new(cache, wanted_count);
	else
		keep_known(cache);
	remember_searched(cache);
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
