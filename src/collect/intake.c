/* SPDX-License-Identifier: MIT */
#include "intake.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conn-doctor/memory.h"
#include "diag_decode.h"
#include "recording.h"

/* Settings and counters: which file under /proc, which field of it. */
static const struct {
	const char *file, *field;
} kernel_values[KERNEL_VALUE_COUNT] = {
#define X(id, file, field) { file, field },
	KERNEL_VALUES(X)
#undef X
};

static uint64_t read_le(const uint8_t *p, size_t bytes)
{
	uint64_t value = 0;
	for (size_t i = bytes; i-- > 0;)
		value = value << 8 | p[i];
	return value;
}

void intake_begin(struct intake *in, struct snapshot *snap, struct recorder *recorder)
{
	in->snap = snap;
	in->recorder = recorder;
	in->netns = 0;
	u64_map_reset(&in->process_index);
	snapshot_reset(snap);
}

static void take_pass(struct intake *in, const struct item *item)
{
	if (item->len < 16)
		return;
	in->snap->realtime_ns = read_le(item->data, 8);
	in->snap->monotonic_ms = read_le(item->data + 8, 8);
}

static void copy_text(char *out, size_t size, const struct item *item)
{
	size_t len = item->len < size - 1 ? item->len : size - 1;
	memcpy(out, item->data, len);
	out[len] = '\0';
}

static bool has_key(const struct item *item, const char *key)
{
	return item->key_len == strlen(key) &&
	       memcmp(item->key, key, item->key_len) == 0;
}

static void take_host(struct intake *in, const struct item *item)
{
	if (has_key(item, "name"))
		copy_text(in->snap->host, sizeof(in->snap->host), item);
	else if (has_key(item, "boot_id"))
		copy_text(in->snap->boot_id, sizeof(in->snap->boot_id), item);
}

static void take_netns(struct intake *in, const struct item *item)
{
	if (item->len < 8)
		return;
	char name[ITEM_KEY_MAX + 1];
	memcpy(name, item->key, item->key_len);
	name[item->key_len] = '\0';
	in->netns = snapshot_add_netns(in->snap, read_le(item->data, 8), name);
}

static void take_netlink(struct intake *in, const struct item *item)
{
	if (in->snap->netns_count == 0)
		in->netns = snapshot_add_netns(in->snap, 0, "self");
	in->netlink_result = diag_decode(in->snap, in->netns, item->data, item->len);
}

static void take_addresses(struct intake *in, const struct item *item)
{
	struct ip_address ip;
	for (size_t at = 0; at + sizeof(ip) <= item->len; at += sizeof(ip)) {
		memcpy(&ip, item->data + at, sizeof(ip));
		snapshot_add_host_address(in->snap, &ip);
	}
}

/* The process of a pid, added when new. */
static uint32_t process_of(struct intake *in, int32_t pid)
{
	bool is_new;
	uint32_t *index = u64_map_insert(&in->process_index, (uint32_t)pid, &is_new);
	if (is_new) {
		*index = (uint32_t)in->snap->process_count;
		snapshot_add_process(in->snap, pid);
	}
	return *index;
}

/* Number of the column `field` in "Prefix: a b c\nPrefix: 1 2 3\n" text. */
static int64_t table_value(const char *text, const char *field)
{
	size_t field_len = strlen(field);
	for (const char *names = text; *names;) {
		size_t names_len = strcspn(names, "\n");
		if (!names[names_len])
			return -1;
		const char *numbers = names + names_len + 1;
		const char *name = names, *number = numbers;
		const char *names_end = names + names_len;
		while (name < names_end && *number && *number != '\n') {
			size_t len = strcspn(name, " \n");
			if (len == field_len && strncmp(name, field, len) == 0)
				return strtoll(number, NULL, 10);
			name += len + (name[len] == ' ');
			number += strcspn(number, " \n");
			number += *number == ' ';
		}
		names = numbers + strcspn(numbers, "\n");
		names += *names == '\n';
	}
	return -1;
}

/* The nth number of the text, from 1; -1 when there are fewer. */
static int64_t nth_number(const char *text, long n)
{
	char *end;
	for (long i = 1;; i++, text = end) {
		int64_t value = strtoll(text, &end, 10);
		if (end == text)
			return -1;
		if (i == n)
			return value;
	}
}

/* "TCP:orphan": the number behind `orphan` in the line that begins with "TCP:". */
static int64_t pair_value(const char *text, const char *field)
{
	size_t prefix_len = strcspn(field, ":") + 1;
	const char *name = field + prefix_len;
	while (*text && strncmp(text, field, prefix_len) != 0) {
		text += strcspn(text, "\n");
		text += *text == '\n';
	}
	while (*text && *text != '\n') {
		size_t len = strcspn(text, " \n");
		if (len == strlen(name) && strncmp(text, name, len) == 0)
			return nth_number(text + len, 1);
		text += len + (text[len] == ' ');
	}
	return -1;
}

/* The field as KERNEL_VALUES writes it. */
static int64_t field_value(const char *text, const char *field)
{
	if (*field == '\0')
		return strtoll(text, NULL, 10);
	if (*field == '#')
		return nth_number(text, strtol(field + 1, NULL, 10));
	return strchr(field, ':') ? pair_value(text, field) : table_value(text, field);
}

static bool take_kernel_file(struct intake *in, const struct item *item,
			     const char *text)
{
	bool is_known = false;
	for (size_t i = 0; i < KERNEL_VALUE_COUNT; i++) {
		if (!has_key(item, kernel_values[i].file))
			continue;
		in->snap->kernel[i] = field_value(text, kernel_values[i].field);
		is_known = true;
	}
	return is_known;
}

/*
 * /proc/PID/stat: `4711 (comm) S ppid ...`, threads in field 20, start time in
 * field 22. The name
 * may hold anything, ')' included, so the last one counts.
 */
static void take_stat(struct process *p, const struct item *item, const char *text)
{
	(void)item;
	const char *open = strchr(text, '('), *close = strrchr(text, ')');
	if (!open || !close || close < open)
		return;
	free(p->comm);
	p->comm = xstrndup(open + 1, (size_t)(close - open - 1));
	int ppid, threads;
	unsigned long long start;
	if (sscanf(close + 1,
		   " %c %d %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s "
		   "%d %*s %llu",
		   &p->state, &ppid, &threads, &start) == 4) {
		p->ppid = ppid;
		p->thread_count = threads;
		p->start_ticks = start;
	}
}

static void take_cmdline(struct process *p, const struct item *item, const char *text)
{
	free(p->cmdline);
	p->cmdline = xmalloc(item->len + 1);
	memcpy(p->cmdline, text, item->len + 1);
	p->cmdline_len = item->len;
}

static void take_wchan(struct process *p, const struct item *item, const char *text)
{
	(void)text;
	copy_text(p->wchan, sizeof(p->wchan), item);
	if (strcmp(p->wchan, "0") == 0)
		p->wchan[0] = '\0';
}

static void take_limits(struct process *p, const struct item *item, const char *text)
{
	(void)item;
	const char *line = strstr(text, "Max open files");
	long long soft;
	if (line && sscanf(line, "Max open files %lld", &soft) == 1)
		p->fd_limit = soft;
}

static void take_fd_count(struct process *p, const struct item *item, const char *text)
{
	(void)item;
	p->fd_count = strtoll(text, NULL, 10);
}

static void take_toolchain(struct process *p, const struct item *item, const char *text)
{
	(void)text;
	p->is_go = item->len == 2 && memcmp(item->data, "go", 2) == 0;
}

/* Files of a process, by the name below /proc/PID/. */
static const struct {
	const char *name;
	void (*take)(struct process *p, const struct item *item, const char *text);
} process_files[] = {
	{ "stat", take_stat },   { "cmdline", take_cmdline },
	{ "wchan", take_wchan }, { "limits", take_limits },
	{ "fd", take_fd_count }, { "exe", take_toolchain },
};

static void take_process_file(struct intake *in, const struct item *item,
			      const char *text)
{
	char key[ITEM_KEY_MAX + 1], *name;
	memcpy(key, item->key, item->key_len);
	key[item->key_len] = '\0';
	errno = 0;
	long pid = strtol(key, &name, 10);
	if (errno || pid <= 0 || pid > INT32_MAX || *name++ != '/')
		return;
	for (size_t i = 0; i < sizeof(process_files) / sizeof(*process_files); i++) {
		if (strcmp(process_files[i].name, name) != 0)
			continue;
		uint32_t index = process_of(in, (int32_t)pid);
		process_files[i].take(&in->snap->processes[index], item, text);
	}
}

static void take_file(struct intake *in, const struct item *item)
{
	auto_free char *text = xmalloc((size_t)item->len + 1);
	memcpy(text, item->data, item->len);
	text[item->len] = '\0';
	if (!take_kernel_file(in, item, text))
		take_process_file(in, item, text);
}

static void take_owners(struct intake *in, const struct item *item)
{
	in->snap->has_owners = true;
	for (size_t at = 0; at + 12 <= item->len; at += 12) {
		uint32_t inode = (uint32_t)read_le(item->data + at, 4);
		int32_t pid = (int32_t)read_le(item->data + at + 4, 4);
		int32_t fd = (int32_t)read_le(item->data + at + 8, 4);
		snapshot_add_owner(in->snap, inode, process_of(in, pid), fd);
	}
}

static void take_socket_options(struct intake *in, const struct item *item)
{
	for (size_t at = 0; at + SOCKET_OPTIONS_SIZE <= item->len;
	     at += SOCKET_OPTIONS_SIZE) {
		const uint8_t *p = item->data + at;
		struct socket_options options = {
			.cookie = read_le(p, 8),
			.keepalive = read_le(p + 8, 4) != 0,
			.keepidle_s = (uint32_t)read_le(p + 12, 4),
			.keepintvl_s = (uint32_t)read_le(p + 16, 4),
			.keepcnt = (uint32_t)read_le(p + 20, 4),
			.user_timeout_ms = (uint32_t)read_le(p + 24, 4),
		};
		if (in->snap->socket_options_count < SOCKET_OPTIONS_MAX)
			snapshot_add_socket_options(in->snap, &options);
	}
}

enum { SETTING_FIELDS = 5 };

/* Splits a line at its tabs; false when it has not exactly the fields it needs. */
static bool split_setting(const char *line, size_t len,
			  const char *fields[static SETTING_FIELDS],
			  size_t lens[static SETTING_FIELDS])
{
	size_t count = 0;
	if (memchr(line, '\0', len))
		return false;
	for (const char *end = line + len;; line++) {
		const char *tab = memchr(line, '\t', (size_t)(end - line));
		size_t field_len = (size_t)((tab ? tab : end) - line);
		if (count == SETTING_FIELDS || field_len > SETTING_LEN_MAX)
			return false;
		fields[count] = line;
		lens[count++] = field_len;
		if (!tab)
			return count == SETTING_FIELDS;
		line = tab;
	}
}

static void take_setting(struct intake *in, int32_t pid, const char *line, size_t len)
{
	const char *fields[SETTING_FIELDS];
	size_t lens[SETTING_FIELDS];
	if (in->snap->setting_count >= SETTINGS_MAX ||
	    !split_setting(line, len, fields, lens))
		return;
	auto_free char *number = xstrndup(fields[4], lens[4]);
	struct server_setting *setting = snapshot_add_setting(in->snap, pid);
	setting->context = xstrndup(fields[0], lens[0]);
	setting->name = xstrndup(fields[1], lens[1]);
	setting->value = xstrndup(fields[2], lens[2]);
	setting->file = xstrndup(fields[3], lens[3]);
	unsigned long where = strtoul(number, NULL, 10);
	setting->line = where <= UINT32_MAX ? (uint32_t)where : 0;
}

static void take_settings(struct intake *in, const struct item *item)
{
	char key[ITEM_KEY_MAX + 1], *end;
	memcpy(key, item->key, item->key_len);
	key[item->key_len] = '\0';
	errno = 0;
	long pid = strtol(key, &end, 10);
	if (errno || *end || pid <= 0 || pid > INT32_MAX)
		return;
	const char *text = (const char *)item->data;
	for (size_t at = 0, len; at < item->len; at += len + 1) {
		const char *newline = memchr(text + at, '\n', item->len - at);
		len = newline ? (size_t)(newline - text) - at : item->len - at;
		take_setting(in, (int32_t)pid, text + at, len);
	}
}

static void take_degraded(struct intake *in, const struct item *item)
{
	auto_free char *what = xstrndup(item->key, item->key_len);
	auto_free char *why = xstrndup((const char *)item->data, item->len);
	snapshot_add_degraded(in->snap, what, why);
}

static void take_end(struct intake *in, const struct item *item)
{
	if (item->len < 9)
		return;
	in->snap->duration_ns = read_le(item->data, 8);
	in->snap->is_complete = item->data[8] != 0;
}

static void (*const takers[])(struct intake *in, const struct item *item) = {
	[ITEM_PASS] = take_pass,
	[ITEM_HOST] = take_host,
	[ITEM_NETNS] = take_netns,
	[ITEM_NETLINK] = take_netlink,
	[ITEM_ADDRESSES] = take_addresses,
	[ITEM_FILE] = take_file,
	[ITEM_OWNERS] = take_owners,
	[ITEM_DEGRADED] = take_degraded,
	[ITEM_SOCKET_OPTIONS] = take_socket_options,
	[ITEM_SETTINGS] = take_settings,
	[ITEM_END] = take_end,
};

void intake_item(struct intake *in, const struct item *item)
{
	if (in->recorder)
		recorder_add(in->recorder, item);
	if (item->kind < sizeof(takers) / sizeof(*takers) && takers[item->kind])
		takers[item->kind](in, item);
}

void intake_finish(struct intake *in)
{
	snapshot_finish(in->snap);
}

void intake_clear(struct intake *in)
{
	u64_map_clear(&in->process_index);
}

int intake_replay(struct intake *in, const uint8_t *bytes, size_t len,
		  struct error *err)
{
	size_t at = 0;
	while (at < len) {
		struct item item;
		if (len - at < ITEM_HEADER_SIZE)
			break;
		item.kind = (uint16_t)read_le(bytes + at, 2);
		item.key_len = (uint16_t)read_le(bytes + at + 2, 2);
		item.len = (uint32_t)read_le(bytes + at + 4, 4);
		at += ITEM_HEADER_SIZE;
		if (item.key_len > ITEM_KEY_MAX || item.len > ITEM_LEN_MAX ||
		    (size_t)item.key_len + item.len > len - at)
			break;
		item.key = (const char *)bytes + at;
		item.data = bytes + at + item.key_len;
		at += (size_t)item.key_len + item.len;
		intake_item(in, &item);
	}
	if (at != len)
		return error_set(err, ERROR_INPUT,
				 "the pass is damaged at byte %zu of %zu", at, len);
	return 0;
}

int intake_netlink(struct intake *in, const void *data, size_t len)
{
	struct item item = { .kind = ITEM_NETLINK, .len = (uint32_t)len, .data = data };
	intake_item(in, &item);
	return in->netlink_result;
}

void intake_text(struct intake *in, enum item_kind kind, const char *key,
		 const char *data, size_t len)
{
	struct item item = {
		.kind = (uint16_t)kind,
		.key_len = (uint16_t)strlen(key),
		.len = (uint32_t)len,
		.key = key,
		.data = (const uint8_t *)data,
	};
	intake_item(in, &item);
}
