/* SPDX-License-Identifier: MIT */
#include "conn-doctor/source.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <ifaddrs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "bytecode.h"
#include "conn-doctor/memory.h"
#include "conn-doctor/strbuf.h"
#include "intake.h"
#include "keepalive_audit.h"
#include "nginx_conf.h"
#include "proc_owner.h"
#include "recording.h"
#include "sock_diag.h"

/*
 * The sockets of this host. A pass makes the items of intake.h one after the
 * other: when and where, the rows, the machine's addresses, the settings and
 * counters the rules read, the owners.
 */
struct kernel_source {
	struct intake intake;
	struct recorder *recorder;
	struct owner_cache *owners;    /* NULL: not looked up */
	struct keepalive_audit *audit; /* NULL: not asked for */
	struct nginx_cache *nginx;     /* NULL: not asked for */
	struct strbuf bytecode;
	uint32_t states;
	bool is_single_pass;
	uint64_t timeout_ms;
};

static uint64_t clock_ns(clockid_t clock)
{
	struct timespec ts;
	clock_gettime(clock, &ts);
	return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

static void put_le(uint8_t *out, uint64_t value)
{
	for (int i = 0; i < 8; i++)
		out[i] = (uint8_t)(value >> (8 * i));
}

static void give_bytes(struct intake *in, enum item_kind kind, const char *key,
		       const uint8_t *bytes, size_t len)
{
	intake_text(in, kind, key, (const char *)bytes, len);
}

/* Reads a small file of /proc; -1 when it cannot be read. */
static ssize_t read_file(const char *path, char *out, size_t size)
{
	auto_close int fd = open(path, O_RDONLY | O_CLOEXEC);
	return fd < 0 ? -1 : read(fd, out, size);
}

static void give_time_and_host(struct intake *in)
{
	uint8_t stamps[16];
	put_le(stamps, clock_ns(CLOCK_REALTIME));
	put_le(stamps + 8, clock_ns(CLOCK_MONOTONIC) / 1000000);
	give_bytes(in, ITEM_PASS, "", stamps, sizeof(stamps));

	char text[128];
	if (gethostname(text, sizeof(text)) == 0)
		intake_text(in, ITEM_HOST, "name", text, strnlen(text, sizeof(text)));
	ssize_t len = read_file("/proc/sys/kernel/random/boot_id", text, 36);
	if (len > 0)
		intake_text(in, ITEM_HOST, "boot_id", text, (size_t)len);
}

static void give_netns(struct intake *in)
{
	struct stat st;
	uint8_t inode[8];
	put_le(inode, stat("/proc/self/ns/net", &st) == 0 ? st.st_ino : 0);
	give_bytes(in, ITEM_NETNS, "self", inode, sizeof(inode));
}

static int give_sockets(struct kernel_source *self, bool *is_complete,
			struct error *err)
{
	uint64_t now_ms = clock_ns(CLOCK_MONOTONIC) / 1000000;
	struct dump_request request = {
		.states = self->states | TCP_STATE_BIT(TCP_STATE_LISTEN),
		.deadline_ms = self->timeout_ms ? now_ms + self->timeout_ms : 0,
	};
	*is_complete = true;
	if (self->bytecode.len) {
		/*
		 * Listeners decide the role of a connection, so all of them are
		 * needed whatever the filter says. The kernel keeps them in a
		 * small table of their own: this dump costs next to nothing.
		 */
		request.states = TCP_STATE_BIT(TCP_STATE_LISTEN);
		if (sock_diag_dump(&self->intake, &request, is_complete, err))
			return -1;
		request.states = self->states & ~TCP_STATE_BIT(TCP_STATE_LISTEN);
		request.bytecode = self->bytecode.text;
		request.bytecode_len = self->bytecode.len;
	}
	bool is_dump_complete = true;
	if (request.states &&
	    sock_diag_dump(&self->intake, &request, &is_dump_complete, err))
		return -1;
	*is_complete = *is_complete && is_dump_complete;
	return 0;
}

static void give_addresses(struct intake *in)
{
	struct ifaddrs *list;
	if (getifaddrs(&list)) {
		static const char why[] = "getifaddrs failed; peers on this host are "
					  "taken for remote ones";
		intake_text(in, ITEM_DEGRADED, "local addresses", why, sizeof(why) - 1);
		return;
	}
	struct strbuf all = { 0 };
	for (struct ifaddrs *a = list; a; a = a->ifa_next) {
		struct ip_address ip;
		if (a->ifa_addr && a->ifa_addr->sa_family == AF_INET) {
			struct sockaddr_in sin;
			memcpy(&sin, a->ifa_addr, sizeof(sin));
			ip_address_from_v4(&ip, sin.sin_addr.s_addr);
		} else if (a->ifa_addr && a->ifa_addr->sa_family == AF_INET6) {
			struct sockaddr_in6 sin6;
			memcpy(&sin6, a->ifa_addr, sizeof(sin6));
			memcpy(ip.bytes, &sin6.sin6_addr, sizeof(ip.bytes));
		} else {
			continue;
		}
		strbuf_add_len(&all, (const char *)ip.bytes, sizeof(ip.bytes));
	}
	freeifaddrs(list);
	intake_text(in, ITEM_ADDRESSES, "", strbuf_text(&all), all.len);
	strbuf_clear(&all);
}

static void give_kernel_values(struct intake *in)
{
	static const char *const files[] = {
#define X(id, file, field) file,
		KERNEL_VALUES(X)
#undef X
	};
	for (size_t i = 0; i < sizeof(files) / sizeof(*files); i++) {
		if (i && strcmp(files[i], files[i - 1]) == 0)
			continue; /* rows of one file stand together */
		char path[64], content[16 * 1024];
		/* "net" is of the thread's namespace, "sys/net" as well. */
		snprintf(path, sizeof(path), "/proc/%s", files[i]);
		ssize_t len = read_file(path, content, sizeof(content));
		if (len > 0)
			intake_text(in, ITEM_FILE, files[i], content, (size_t)len);
	}
}

static void give_end(struct intake *in, uint64_t began_ns, bool is_complete)
{
	uint8_t end[9];
	put_le(end, clock_ns(CLOCK_MONOTONIC) - began_ns);
	end[8] = is_complete;
	give_bytes(in, ITEM_END, "", end, sizeof(end));
}

static enum source_result kernel_take(void *ptr, struct snapshot *out,
				      struct error *err)
{
	struct kernel_source *self = ptr;
	struct intake *in = &self->intake;
	uint64_t began_ns = clock_ns(CLOCK_MONOTONIC);
	bool is_complete;
	intake_begin(in, out, self->recorder);
	give_time_and_host(in);
	give_netns(in);
	if (give_sockets(self, &is_complete, err))
		return SOURCE_ERROR;
	if (!is_complete) {
		static const char why[] = "the kernel cut its list short three times; "
					  "some are missing";
		intake_text(in, ITEM_DEGRADED, "sockets", why, sizeof(why) - 1);
	}
	give_addresses(in);
	give_kernel_values(in);
	if (self->owners)
		owner_cache_look_up(self->owners, in);
	if (self->audit)
		keepalive_audit_look(self->audit, in);
	if (self->nginx)
		nginx_cache_look(self->nginx, in);
	give_end(in, began_ns, is_complete);
	intake_finish(in);
	if (self->is_single_pass)
		snapshot_forget_index(out);
	if (self->recorder && recorder_end_pass(self->recorder, err))
		return SOURCE_ERROR;
	return SOURCE_OK;
}

static int kernel_close(void *ptr, struct error *err)
{
	struct kernel_source *self = ptr;
	int result = recorder_close(self->recorder, err);
	owner_cache_free(self->owners);
	keepalive_audit_free(self->audit);
	nginx_cache_free(self->nginx);
	strbuf_clear(&self->bytecode);
	intake_clear(&self->intake);
	free(self);
	return result;
}

static const struct source_ops kernel_ops = {
	.take = kernel_take,
	.close = kernel_close,
	.is_live = true,
};

int source_open_kernel(struct source *out, const struct source_options *options,
		       struct error *err)
{
	struct recorder *recorder = NULL;
	if (options->record_path && recorder_open(&recorder, options->record_path, err))
		return -1;
	struct kernel_source *self = xcalloc(1, sizeof(*self));
	self->recorder = recorder;
	self->timeout_ms = options->timeout_ms;
	self->is_single_pass = options->is_single_pass;
	self->states = TCP_STATES_ALL;
	if (options->filter) {
		self->states = filter_states(options->filter);
		bytecode_compile(options->filter, &self->bytecode);
	}
	if (options->with_owners)
		self->owners = owner_cache_new("/proc", options->is_single_pass);
	if (options->with_owners && options->with_keepalive_audit)
		self->audit = keepalive_audit_new();
	if (options->with_owners && options->with_server_settings)
		self->nginx = nginx_cache_new("/proc");
	*out = (struct source){ .ops = &kernel_ops, .self = self };
	return 0;
}
