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

#include "conn-doctor/frame.h"
#include "conn-doctor/memory.h"
#include "conn-doctor/u64_map.h"
#include "go_binary.h"
#include "inode_set.h"

/* A descriptor that is a socket. */
struct link {
	uint32_t inode;
	int32_t fd;
};

/* Those of one process, sorted by descriptor. */
struct process_links {
	int32_t pid;
	bool is_server; /* one of them listens */
	struct link *items;
	size_t count;
};

struct owner_cache {
	char *proc;
	bool is_single_pass;
	/* Processes with links, by pid: of the previous pass until the search */
	struct process_links *known;
	size_t known_count, known_capacity;
	/*
	 * The living sockets, with enum inode_flag. What was alive in the previous
	 * pass was searched for there, with or without success. The number of a
	 * socket that closed is not given away again before the kernel has counted
	 * through 32 bits, so it need not be held against the cookie.
	 */
	struct inode_set alive;
	/* Of the last look at all processes: what could not be seen stays unseen. */
	size_t process_count, denied_count;
	struct go_cache programs;
};

/* What is known of a living socket's inode. */
enum inode_flag {
	INODE_SEEN = 1,
	INODE_WANTED = 2, /* no descriptor of it is known, nor found yet */
	INODE_LISTENS = 4,
};

/* State of one look-up. */
struct search {
	struct owner_cache *cache;
	struct intake *in;
	struct link *found; /* of the process that is searched */
	size_t found_count, found_capacity;
	size_t missing_count; /* wanted inodes that no descriptor explained yet */
	size_t process_count, denied_count;
};

struct owner_cache *owner_cache_new(const char *proc, bool is_single_pass)
{
	struct owner_cache *cache = xcalloc(1, sizeof(*cache));
	cache->proc = xstrdup(proc);
	cache->is_single_pass = is_single_pass;
	return cache;
}

static void drop_links(struct process_links *process)
{
	free(process->items);
	process->items = NULL;
	process->count = 0;
}

static void forget_processes(struct process_links *list, size_t count)
{
	for (size_t i = 0; i < count; i++)
		drop_links(&list[i]);
	free(list);
}

void owner_cache_free(struct owner_cache *cache)
{
	if (!cache)
		return;
	free(cache->proc);
	forget_processes(cache->known, cache->known_count);
	inode_set_clear(&cache->alive);
	free(cache);
}

static int compare_links(const void *a, const void *b)
{
	const struct link *x = a, *y = b;
	return (x->fd > y->fd) - (x->fd < y->fd);
}

static int compare_processes(const void *a, const void *b)
{
	const struct process_links *x = a, *y = b;
	return (x->pid > y->pid) - (x->pid < y->pid);
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

/* The socket this descriptor was in the last pass; 0 = unknown. */
static uint32_t known_inode(const struct process_links *before, int32_t fd)
{
	struct link key = { .fd = fd };
	const struct link *link = before && before->count
					  ? bsearch(&key, before->items, before->count,
						    sizeof(key), compare_links)
					  : NULL;
	return link ? link->inode : 0;
}

static void search_fd(struct search *s, int dir, struct process_links *process,
		      const struct process_links *before, const char *name)
{
	char *end;
	long fd = strtol(name, &end, 10);
	if (end == name || *end || fd < 0 || fd > INT32_MAX)
		return;
	uint32_t inode = known_inode(before, (int32_t)fd);
	uint8_t *flags = inode_set_find(&s->cache->alive, inode);
	if (!flags) {
		inode = socket_inode(dir, name);
		flags = inode_set_find(&s->cache->alive, inode);
	}
	if (!flags)
		return;
	array_reserve(&s->found, &s->found_capacity, s->found_count + 1,
		      sizeof(*s->found));
	s->found[s->found_count++] = (struct link){ inode, (int32_t)fd };
	process->is_server |= (*flags & INODE_LISTENS) != 0;
	s->missing_count -= (*flags & INODE_WANTED) != 0;
	*flags &= (uint8_t)~INODE_WANTED;
}

static bool is_sorted(const struct link *links, size_t count)
{
	for (size_t i = 1; i < count; i++)
		if (compare_links(&links[i - 1], &links[i]) > 0)
			return false;
	return true;
}

/* What was found becomes the process's own, in no more memory than it needs. */
static void keep_found(struct search *s, struct process_links *process)
{
	/* The kernel lists descriptors in order. */
	if (!is_sorted(s->found, s->found_count))
		qsort(s->found, s->found_count, sizeof(*s->found), compare_links);
	process->count = s->found_count;
	process->items = xreallocarray(s->found, s->found_count, sizeof(*s->found));
	s->found = NULL;
	s->found_count = s->found_capacity = 0;
}

/* `before`: what it had in the last pass, or NULL. */
static struct process_links search_process(struct search *s, int32_t pid,
					   const struct process_links *before)
{
	struct process_links process = { .pid = pid };
	char name[32];
	snprintf(name, sizeof(name), "%d/fd", pid);
	int fd = open_below(s->cache->proc, name, O_DIRECTORY);
	DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
	s->process_count++;
	if (!dir) {
		s->denied_count += errno == EACCES || errno == EPERM;
		if (fd >= 0)
			close(fd);
		return process;
	}
	for (struct dirent *e; (e = readdir(dir));)
		search_fd(s, fd, &process, before, e->d_name);
	closedir(dir);
	if (s->found_count)
		keep_found(s, &process);
	return process;
}

static int compare_pids(const void *a, const void *b)
{
	const int32_t *x = a, *y = b;
	return (*x > *y) - (*x < *y);
}

/* All processes there are, by pid. */
static int32_t *list_pids(const char *proc, size_t *count)
{
	int32_t *pids = NULL;
	size_t capacity = 0;
	*count = 0;
	DIR *dir = opendir(proc);
	if (!dir)
		return NULL;
	for (struct dirent *e; (e = readdir(dir));) {
		char *end;
		long pid = strtol(e->d_name, &end, 10);
		if (*end || pid <= 0 || pid > INT32_MAX)
			continue;
		array_reserve(&pids, &capacity, *count + 1, sizeof(*pids));
		pids[(*count)++] = (int32_t)pid;
	}
	closedir(dir);
	if (*count)
		qsort(pids, *count, sizeof(*pids), compare_pids);
	return pids;
}

/*
 * ITEM_OWNERS of a process, one for each range of descriptors: where one comes or
 * goes, the recorder finds all others in the pass before.
 */
static void give_links(struct intake *in, const struct process_links *process)
{
	enum { RANGE = 1024, LINK_SIZE = 12 };
	uint8_t bytes[RANGE * LINK_SIZE];
	const struct link *link = process->items, *end = link + process->count;
	while (link < end) {
		char key[32];
		int32_t range = link->fd / RANGE;
		size_t len = 0;
		for (; link < end && link->fd / RANGE == range && len < sizeof(bytes);
		     link++, len += LINK_SIZE) {
			put_le32(bytes + len, link->inode);
			put_le32(bytes + len + 4, (uint32_t)process->pid);
			put_le32(bytes + len + 8, (uint32_t)link->fd);
		}
		snprintf(key, sizeof(key), "%d/%d", process->pid, range);
		intake_text(in, ITEM_OWNERS, key, (const char *)bytes, len);
	}
}

static struct process_links *find_process(struct process_links *list, size_t count,
					  int32_t pid)
{
	struct process_links key = { .pid = pid };
	return count ? bsearch(&key, list, count, sizeof(key), compare_processes)
		     : NULL;
}

static void add_process(struct search *s, struct process_links process)
{
	struct owner_cache *cache = s->cache;
	if (cache->is_single_pass) {
		give_links(s->in, &process);
		drop_links(&process);
	}
	array_reserve(&cache->known, &cache->known_capacity, cache->known_count + 1,
		      sizeof(*cache->known));
	cache->known[cache->known_count++] = process;
}

static void search_all(struct search *s)
{
	struct owner_cache *cache = s->cache;
	struct process_links *list = cache->known;
	size_t list_count = cache->known_count, pid_count;
	auto_free int32_t *pids = list_pids(cache->proc, &pid_count);
	cache->known = NULL;
	cache->known_count = cache->known_capacity = 0;
	for (size_t i = 0; i < pid_count; i++) {
		struct process_links *before = find_process(list, list_count, pids[i]);
		struct process_links process = search_process(s, pids[i], before);
		if (before)
			drop_links(before);
		if (process.count)
			add_process(s, process);
	}
	forget_processes(list, list_count);
}

static void forget_those_without_links(struct owner_cache *cache)
{
	size_t kept = 0;
	for (size_t i = 0; i < cache->known_count; i++)
		if (cache->known[i].count)
			cache->known[kept++] = cache->known[i];
		else
			drop_links(&cache->known[i]);
	cache->known_count = kept;
}

/* Only the processes that owned sockets in the last pass. */
static void search_known(struct search *s)
{
	for (size_t i = 0; i < s->cache->known_count; i++) {
		struct process_links *process = &s->cache->known[i];
		struct process_links now = search_process(s, process->pid, process);
		drop_links(process);
		*process = now;
	}
	forget_those_without_links(s->cache);
}

static void keep_links(const struct owner_cache *cache, struct process_links *process)
{
	size_t kept = 0;
	process->is_server = false;
	for (size_t i = 0; i < process->count; i++) {
		const uint8_t *flags =
			inode_set_find(&cache->alive, process->items[i].inode);
		if (!flags)
			continue;
		process->is_server |= (*flags & INODE_LISTENS) != 0;
		process->items[kept++] = process->items[i];
	}
	process->count = kept;
}

/*
 * Nothing new: no descriptor needs to be read. A process that only shares known
 * sockets (a worker forked a moment ago) is found with the next new socket.
 */
static void keep_known(struct owner_cache *cache)
{
	for (size_t i = 0; i < cache->known_count; i++)
		keep_links(cache, &cache->known[i]);
	forget_those_without_links(cache);
}

/* A bit for each row: its inode was not there in the last pass. */
static uint8_t *find_new(const struct inode_set *before, const struct snapshot *snap,
			 size_t *inode_count)
{
	uint8_t *is_new = xcalloc(snap->socket_count / 8 + 1, 1);
	*inode_count = 0;
	for (size_t i = 0; i < snap->socket_count; i++) {
		uint32_t inode = snap->sockets[i].inode;
		*inode_count += inode != 0;
		if (inode && !inode_set_find(before, inode))
			is_new[i / 8] |= (uint8_t)(1 << i % 8);
	}
	return is_new;
}

/* Which sockets are alive; returns how many of them are new to the cache. */
static size_t note_alive(struct owner_cache *cache, const struct snapshot *snap)
{
	size_t wanted_count = 0, inode_count;
	auto_free uint8_t *is_new = find_new(&cache->alive, snap, &inode_count);
	inode_set_reset(&cache->alive, inode_count);
	for (size_t i = 0; i < snap->socket_count; i++) {
		const struct tcp_socket *sk = &snap->sockets[i];
		uint8_t *flags =
			sk->inode ? inode_set_add(&cache->alive, sk->inode) : NULL;
		if (!flags || *flags)
			continue;
		bool is_wanted = is_new[i / 8] >> i % 8 & 1;
		*flags = (uint8_t)(INODE_SEEN | (is_wanted ? INODE_WANTED : 0) |
				   (sk->state == TCP_STATE_LISTEN ? INODE_LISTENS : 0));
		wanted_count += is_wanted;
	}
	return wanted_count;
}

/* The descriptors of new sockets: with those who are known, else with everybody. */
static void search_new(struct owner_cache *cache, struct intake *in,
		       size_t wanted_count)
{
	struct search s = { .cache = cache, .in = in, .missing_count = wanted_count };
	search_known(&s);
	if (!s.missing_count)
		return;
	s.process_count = s.denied_count = 0;
	search_all(&s);
	cache->process_count = s.process_count;
	cache->denied_count = s.denied_count;
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
	struct u64_map given = { 0 };
	bool is_new;
	for (size_t i = 0; i < cache->known_count; i++)
		u64_map_insert(&given, (uint32_t)cache->known[i].pid, &is_new);
	for (size_t i = 0; i < cache->known_count; i++) {
		const struct process_links *process = &cache->known[i];
		give_process(cache, in, process->pid, process->is_server);
		if (process->is_server)
			give_parents(cache, in, process->pid, &given);
	}
	u64_map_clear(&given);
}

static void give_denied(const struct owner_cache *cache, struct intake *in)
{
	char why[160];
	if (!cache->denied_count)
		return;
	snprintf(why, sizeof(why),
		 "no permission to look into %zu of %zu processes; run as root, "
		 "or with CAP_SYS_PTRACE and CAP_DAC_READ_SEARCH",
		 cache->denied_count, cache->process_count);
	intake_text(in, ITEM_DEGRADED, "process owners", why, strlen(why));
}

void owner_cache_look_up(struct owner_cache *cache, struct intake *in)
{
	size_t wanted_count = note_alive(cache, in->snap);
	/* Says that they were looked up, if nothing has an owner. */
	intake_text(in, ITEM_OWNERS, "", "", 0);
	if (wanted_count)
		search_new(cache, in, wanted_count);
	else
		keep_known(cache);
	if (cache->is_single_pass)
		inode_set_clear(&cache->alive);
	for (size_t i = 0; i < cache->known_count; i++)
		give_links(in, &cache->known[i]);
	give_processes(cache, in);
	give_denied(cache, in);
}
