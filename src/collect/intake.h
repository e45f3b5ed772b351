/* SPDX-License-Identifier: MIT */
#ifndef CONN_DOCTOR_INTAKE_H
#define CONN_DOCTOR_INTAKE_H

#include <stddef.h>
#include <stdint.h>

#include "conn-doctor/error.h"
#include "conn-doctor/snapshot.h"

/*
 * What a pass is made of, before anything is concluded: netlink replies as the
 * kernel sent them, files of /proc as they were read. The kernel source makes
 * such items and gives each to the intake, which decodes it into the snapshot
 * and hands it on to the recorder; a recording is a file of the same items. So
 * there is one decoder, and a recording shows exactly what the live run saw.
 *
 * Items of a recording are hostile: every length is checked here.
 */
enum item_kind {
	ITEM_PASS = 1,    /* u64 realtime_ns, u64 monotonic_ms; begins a pass */
	ITEM_HOST = 2,    /* key "name" or "boot_id", data = text */
	ITEM_NETNS = 3,   /* key = name, data = u64 inode; what follows is from there */
	ITEM_NETLINK = 4, /* one reply buffer: whole netlink messages */
	ITEM_ADDRESSES = 5, /* 16 bytes for each address of this machine */
	ITEM_FILE = 6,      /* key = path under /proc, data = its content */
	ITEM_OWNERS = 7,    /* u32 inode, i32 pid, i32 fd for each socket descriptor */
	ITEM_DEGRADED = 8,  /* key = what could not be seen, data = why */
	ITEM_SOCKET_OPTIONS = 10, /* 28 bytes for each socket, see below */
	ITEM_SETTINGS = 11,       /* key = pid, data = lines, see below */
	ITEM_END = 9,             /* u64 duration_ns, u8 is_complete; ends a pass */
};

/*
 * ITEM_SOCKET_OPTIONS: u64 cookie, u32 SO_KEEPALIVE (0 or 1), keepidle s,
 * keepintvl s, keepcnt, user timeout ms. ITEM_SETTINGS: a line for each setting,
 * "context TAB name TAB value TAB file TAB line". What exceeds the bounds below is
 * left out.
 */
enum {
	SOCKET_OPTIONS_SIZE = 28,
	SOCKET_OPTIONS_MAX = 1 << 20, /* sockets in a pass */
	SETTINGS_MAX = 1 << 13,       /* settings in a pass */
	SETTING_LEN_MAX = 1024,       /* bytes of one of its texts */
};

/* Numbers are little-endian. */
struct item {
	uint16_t kind;
	uint16_t key_len;
	uint32_t len;
	const char *key;
	const uint8_t *data;
};

enum { ITEM_HEADER_SIZE = 8, ITEM_KEY_MAX = 255, ITEM_LEN_MAX = 64 * 1024 * 1024 };

struct recorder;

struct intake {
	struct snapshot *snap;
	struct recorder *recorder; /* NULL: items are not kept */
	uint16_t netns;
	int netlink_result;           /* of the last ITEM_NETLINK, see diag_decode() */
	struct u64_map process_index; /* pid -> index into snap->processes */
};

/* Resets the snapshot and readies the intake for the items of one pass. */
void intake_begin(struct intake *in, struct snapshot *snap, struct recorder *recorder);

/* Decodes one item. An item of unknown kind is passed over. */
void intake_item(struct intake *in, const struct item *item);

/* After the last item of the pass. */
void intake_finish(struct intake *in);

/* Releases the intake's own memory (not the snapshot's). */
void intake_clear(struct intake *in);

/*
 * All items of a recorded pass. -1 when the bytes are not a sequence of items;
 * what came before the damage is in the snapshot.
 */
int intake_replay(struct intake *in, const uint8_t *bytes, size_t len,
		  struct error *err);

/* Shorthands for the kernel source. intake_netlink() returns as diag_decode(). */
int intake_netlink(struct intake *in, const void *data, size_t len);
void intake_text(struct intake *in, enum item_kind kind, const char *key,
		 const char *data, size_t len);

#endif
