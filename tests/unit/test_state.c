/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "builders.h"
#include "conn-doctor/frame.h"
#include "conn-doctor/policy.h"
#include "conn-doctor/state.h"
#include "tree.h"

static const char boot[] = "11111111-2222-3333-4444-555555555555";
static char folder[] = "/tmp/cd-state-XXXXXX";
static char path[64];

static int make_folder(void **state)
{
	(void)state;
	strcpy(folder + strlen(folder) - 6, "XXXXXX");
	assert_non_null(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/state", folder);
	return 0;
}

static int remove_folder(void **state)
{
	(void)state;
	remove_tree(folder);
	return 0;
}

/* One run of the program: what it sees, and what it makes of it. */
struct run {
	struct fixture f;
	struct state *state;
	const char *filter;
};

static void run_begin(struct run *r)
{
	struct error err;
	*r = (struct run){ .filter = "" };
	fixture_init(&r->f);
	r->state = state_open(path, 100, &err);
	assert_non_null(r->state);
}

static void run_see(struct run *r, uint64_t at_ms, const struct tcp_socket *sks,
		    size_t count)
{
	struct snapshot *snap = &r->f.snap;
	char boot_id[sizeof(snap->boot_id)];
	memcpy(boot_id, snap->boot_id, sizeof(boot_id));
	snapshot_begin(snap, at_ms);
	snap->is_complete = true;
	strcpy(snap->boot_id, boot_id[0] ? boot_id : boot);
	snap->kernel[KERNEL_LISTEN_OVERFLOWS] = 0;
	snapshot_put(snap, a_listener(0, 128));
	for (size_t i = 0; i < count; i++)
		snapshot_put(snap, sks[i]);
	snapshot_finish(snap);
	if (history_pass_count(r->f.history) == 0)
		state_recall(r->state, snap, r->filter, r->f.history);
	history_update(r->f.history, snap);
}

static void run_diagnose(struct run *r)
{
	fixture_diagnose(&r->f);
	state_follow(r->state, &r->f.report, true);
}

static void run_end(struct run *r)
{
	struct error err = { 0 };
	assert_int_equal(state_save(r->state, &r->f.snap, r->f.history, &err), 0);
	state_free(r->state);
	fixture_clear(&r->f);
}

/* A run of one pass. */
static void run_once(uint64_t at_ms, struct tcp_socket sk)
{
	struct run r;
	run_begin(&r);
	run_see(&r, at_ms, &sk, 1);
	run_diagnose(&r);
	run_end(&r);
}

static struct socket_past past_of(const struct run *r, uint64_t cookie)
{
	struct socket_past past;
	assert_true(history_find(r->f.history, cookie, &past));
	return past;
}

static void ages_outlive_the_run(void **state)
{
	(void)state;
	struct run r;
	run_once(1000000, a_connection());
	run_begin(&r);
	struct tcp_socket sk = a_connection();
	run_see(&r, 1060000, &sk, 1);
	run_diagnose(&r);
	struct socket_past past = past_of(&r, 100);
	assert_int_equal(past.first_seen_ms, 1000000);
	assert_int_equal(past.state_since_ms, 1000000);
	assert_false(past.is_state_since_exact);
	assert_int_equal(past.sample_count, 2);
	assert_int_equal(r.f.report.memory, MEMORY_CONTINUED);
	assert_int_equal(r.f.report.memory_gap_ms, 60000);
	run_end(&r);
}

/* A change in the minute between two runs has no exact time. */
static void state_change_in_a_gap_is_a_lower_bound(void **state)
{
	(void)state;
	static const struct {
		uint64_t gap_ms;
		bool is_exact;
	} cases[] = { { 9990, true }, { 10000, true }, { 10010, false } };
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct run r;
		unlink(path);
		run_once(1000000, a_connection());
		run_begin(&r);
		struct tcp_socket sk = a_connection();
		sk.state = TCP_STATE_CLOSE_WAIT;
		run_see(&r, 1000000 + cases[i].gap_ms, &sk, 1);
		struct socket_past past = past_of(&r, 100);
		assert_int_equal(past.state_since_ms, 1000000 + cases[i].gap_ms);
		assert_int_equal(past.is_state_since_exact, cases[i].is_exact);
		assert_int_equal(past.first_seen_ms, 1000000);
		run_end(&r);
	}
}

static void exact_age_stays_exact(void **state)
{
	(void)state;
	struct run r;
	run_begin(&r);
	struct tcp_socket sk = a_connection();
	run_see(&r, 1000000, &sk, 1);
	sk.state = TCP_STATE_CLOSE_WAIT;
	run_see(&r, 1001000, &sk, 1);
	run_end(&r);
	run_begin(&r);
	/* Keepalive answers keep the kernel's own clock young. */
	sk.last_ack_recv_ms = 500;
	run_see(&r, 1301000, &sk, 1);
	struct socket_past past = past_of(&r, 100);
	assert_int_equal(past.state_since_ms, 1001000);
	assert_true(past.is_state_since_exact);
	run_end(&r);
}

static struct tcp_socket unread_socket(uint32_t bytes, uint32_t newest_ms)
{
	struct tcp_socket sk = a_connection();
	sk.recv_queue = bytes;
	sk.bytes_received = 300 + bytes;
	sk.last_data_recv_ms = newest_ms;
	sk.last_data_sent_ms = newest_ms + 100;
	return sk;
}

static const struct assessment *assess(struct run *r, uint64_t at_ms,
				       struct tcp_socket sk)
{
	run_see(r, at_ms, &sk, 1);
	return fixture_assess(&r->f);
}

static void unread_data_is_as_old_as_the_first_run_that_saw_it(void **state)
{
	(void)state;
	struct run r;
	run_once(1000000, unread_socket(50, 10));
	run_begin(&r);
	/* More came meanwhile; nothing was taken. */
	const struct assessment *a = assess(&r, 1060000, unread_socket(70, 100));
	assert_int_equal(a->verdict, VERDICT_UNREAD);
	assert_int_equal(a->confidence, CONFIDENCE_PROVEN);
	assert_int_equal(a->since_cs, 6000);
	run_end(&r);
}

/* The queue was empty a minute ago and holds what came just now. */
static void fresh_data_after_a_quiet_gap_is_healthy(void **state)
{
	(void)state;
	struct run r;
	run_once(1000000, a_connection());
	run_begin(&r);
	const struct assessment *a = assess(&r, 1060000, unread_socket(50, 3));
	assert_int_equal(a->verdict, VERDICT_ACTIVE);
	run_end(&r);
}

static void fresh_unsent_data_after_a_quiet_gap_is_healthy(void **state)
{
	(void)state;
	struct run r;
	run_once(1000000, a_connection());
	run_begin(&r);
	struct tcp_socket sk = a_connection();
	sk.timer = TCP_TIMER_PROBE0;
	sk.expires_ms = 200;
	sk.send_queue = sk.notsent_bytes = 4000;
	sk.snd_wnd = 0;
	assert_int_not_equal(assess(&r, 1060000, sk)->verdict, VERDICT_SLOW_READER);
	run_end(&r);
}

static void a_window_closed_in_both_runs_is_a_slow_reader(void **state)
{
	(void)state;
	struct run r;
	struct tcp_socket sk = a_connection();
	sk.timer = TCP_TIMER_PROBE0;
	sk.expires_ms = 200;
	sk.send_queue = sk.notsent_bytes = 4000;
	sk.snd_wnd = 0;
	run_once(1000000, sk);
	run_begin(&r);
	const struct assessment *a = assess(&r, 1060000, sk);
	assert_int_equal(a->verdict, VERDICT_SLOW_READER);
	assert_int_equal(a->since_cs, 6000);
	run_end(&r);
}

/* What was read some time in the minute says nothing about now: as one look. */
static void what_moved_in_the_gap_is_judged_as_at_first_sight(void **state)
{
	(void)state;
	struct run r;
	run_once(1000000, unread_socket(50, 10));
	run_begin(&r);
	struct tcp_socket sk = unread_socket(50, 20000);
	sk.bytes_received += 500;
	const struct assessment *a = assess(&r, 1060000, sk);
	assert_int_equal(a->verdict, VERDICT_UNREAD);
	assert_int_equal(a->confidence, CONFIDENCE_LIKELY);
	assert_int_equal(a->since_cs, 2000);
	struct socket_past past = past_of(&r, 100);
	assert_int_equal(past.sample_count, 1);
	assert_false(past.has_consumed);
	/* The second pass, a second later, is an ordinary second look. */
	sk.bytes_received += 10;
	assert_int_not_equal(assess(&r, 1061000, sk)->verdict, VERDICT_UNREAD);
	run_end(&r);
}

/* A segment some time in the minute does not refute a silence of five seconds. */
static void a_peer_heard_in_the_gap_is_heard_at_its_begin(void **state)
{
	(void)state;
	struct run r;
	run_once(1000000, a_connection());
	run_begin(&r);
	struct tcp_socket sk = a_connection();
	sk.segs_in += 4;
	sk.total_retrans = 3;
	run_see(&r, 1060000, &sk, 1);
	struct socket_past past = past_of(&r, 100);
	assert_int_equal(past.heard_since_ms, 1000000);
	assert_int_equal(past.retrans_recent, 0);
	run_end(&r);
}

static void a_socket_that_is_used_anew_is_new(void **state)
{
	(void)state;
	struct run r;
	run_once(1000000, a_connection());
	run_begin(&r);
	struct tcp_socket sk = a_connection();
	sk.bytes_acked = 20;
	run_see(&r, 1060000, &sk, 1);
	assert_int_equal(past_of(&r, 100).first_seen_ms, 1060000);
	run_end(&r);
}

/* One pass each: a socket that is gone must not stay for ever. */
static void what_two_runs_do_not_show_is_forgotten(void **state)
{
	(void)state;
	struct socket_past past;
	struct run r;
	run_once(1000000, a_connection());
	for (int i = 1; i <= 2; i++) {
		run_begin(&r);
		run_see(&r, 1000000 + (uint64_t)i * 60000, NULL, 0);
		assert_int_equal(history_find(r.f.history, 100, &past), i == 1);
		run_end(&r);
	}
}

static void counters_grow_from_the_last_run(void **state)
{
	(void)state;
	static const struct {
		uint64_t gap_ms;
		int64_t overflows, dropped;
	} cases[] = { { 600000, 7, 5 }, { 600001, 0, 0 } };
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct run r;
		unlink(path);
		run_begin(&r);
		run_see(&r, 1000000, NULL, 0);
		run_end(&r);
		run_begin(&r);
		struct snapshot *snap = &r.f.snap;
		snapshot_begin(snap, 1000000 + cases[i].gap_ms);
		strcpy(snap->boot_id, boot);
		struct tcp_socket listener = a_listener(0, 128);
		listener.drops = 5;
		snapshot_put(snap, listener);
		snap->kernel[KERNEL_LISTEN_OVERFLOWS] = 7;
		snapshot_finish(snap);
		state_recall(r.state, snap, "", r.f.history);
		history_update(r.f.history, snap);
		assert_int_equal(
			history_counter_growth(r.f.history, KERNEL_LISTEN_OVERFLOWS),
			cases[i].overflows);
		assert_int_equal(history_drops_growth(r.f.history, 1, 5),
				 cases[i].dropped);
		assert_int_equal(history_counts_since_last_run(r.f.history), i == 0);
		run_end(&r);
	}
}

static void another_boot_begins_anew(void **state)
{
	(void)state;
	struct run r;
	run_once(1000000, a_connection());
	run_begin(&r);
	strcpy(r.f.snap.boot_id, "99999999-2222-3333-4444-555555555555");
	struct tcp_socket sk = a_connection();
	run_see(&r, 5000, &sk, 1);
	run_diagnose(&r);
	assert_int_equal(r.f.report.memory, MEMORY_RESTARTED);
	assert_int_equal(past_of(&r, 100).first_seen_ms, 5000);
	assert_string_equal(state_complaint(r.state), "");
	run_end(&r);
}

static void another_namespace_or_clock_begins_anew(void **state)
{
	(void)state;
	struct run r;
	run_once(1000000, a_connection());
	run_begin(&r);
	/* The clock of a container may run behind the host's. */
	struct tcp_socket sk = a_connection();
	run_see(&r, 999999, &sk, 1);
	run_diagnose(&r);
	assert_int_equal(r.f.report.memory, MEMORY_FOREIGN);
	assert_int_equal(past_of(&r, 100).first_seen_ms, 999999);
	run_end(&r);
	run_begin(&r);
	struct snapshot *snap = &r.f.snap;
	snapshot_begin(snap, 1060000);
	strcpy(snap->boot_id, boot);
	snap->namespaces[0].inode = 4026532999;
	snapshot_put(snap, sk);
	snapshot_finish(snap);
	state_recall(r.state, snap, "", r.f.history);
	history_update(r.f.history, snap);
	run_diagnose(&r);
	assert_int_equal(r.f.report.memory, MEMORY_FOREIGN);
	assert_int_equal(past_of(&r, 100).first_seen_ms, 1060000);
	run_end(&r);
}

/* 300 days between the runs: the age is a lower bound and not exact any more. */
static void very_old_times_become_the_oldest_there_is(void **state)
{
	(void)state;
	const uint64_t day = 24ULL * 3600 * 1000;
	struct run r;
	run_once(1000, a_connection());
	for (uint64_t i = 1; i <= 7; i++) {
		run_begin(&r);
		struct tcp_socket sk = a_connection();
		run_see(&r, 1000 + i * 100 * day, &sk, 1);
		uint64_t age = 1000 + i * 100 * day - past_of(&r, 100).first_seen_ms;
		assert_int_equal(age, (i < 3 ? i * 100 : 250) * day);
		run_end(&r);
	}
}

/* Damage. */

static char *read_file(const char *name, size_t *len)
{
	FILE *f = fopen(name, "rb");
	assert_non_null(f);
	char *bytes = xmalloc(1 << 20);
	*len = fread(bytes, 1, 1 << 20, f);
	fclose(f);
	return bytes;
}

static void write_file(const char *name, const char *bytes, size_t len)
{
	FILE *f = fopen(name, "wb");
	assert_non_null(f);
	assert_int_equal(fwrite(bytes, 1, len, f), len);
	assert_int_equal(fclose(f), 0);
}

static size_t count_set_aside(bool and_remove)
{
	size_t count = 0;
	DIR *dir = opendir(folder);
	assert_non_null(dir);
	for (struct dirent *d; (d = readdir(dir));) {
		if (!strstr(d->d_name, "state.damaged-"))
			continue;
		count++;
		if (and_remove)
			unlinkat(dirfd(dir), d->d_name, 0);
	}
	closedir(dir);
	return count;
}

/* Reads these bytes as the state; says whether they were believed. */
static enum memory_status recall(const char *bytes, size_t len)
{
	struct run r;
	struct socket_past past;
	write_file(path, bytes, len);
	run_begin(&r);
	struct tcp_socket sk = a_connection();
	sk.cookie = 101;
	run_see(&r, 1060000, &sk, 1);
	run_diagnose(&r);
	enum memory_status status = r.f.report.memory;
	bool is_known = history_find(r.f.history, 100, &past);
	assert_int_equal(is_known, status == MEMORY_CONTINUED);
	assert_int_equal(state_complaint(r.state)[0] != '\0', status == MEMORY_DAMAGED);
	state_free(r.state);
	fixture_clear(&r.f);
	assert_int_equal(count_set_aside(true), status == MEMORY_DAMAGED);
	return status;
}

/* A file with a socket, a listener, counters and an episode. */
static char *a_good_file(size_t *len)
{
	struct run r;
	struct tcp_socket sks[2] = { unread_socket(50, 40000),
				     unread_socket(60, 40000) };
	sks[1].cookie = 102;
	sks[1].peer_port++;
	sks[1].inode++;
	run_begin(&r);
	run_see(&r, 1000000, sks, 2);
	run_diagnose(&r);
	assert_true(r.f.report.finding_count > 0);
	struct series *series = series_new();
	series_update(series, &r.f.report);
	state_keep_series(r.state, series);
	series_free(series);
	run_end(&r);
	return read_file(path, len);
}

static void every_truncation_is_set_aside(void **state)
{
	(void)state;
	size_t len;
	auto_free char *bytes = a_good_file(&len);
	assert_int_equal(recall(bytes, len), MEMORY_CONTINUED);
	assert_int_equal(recall(bytes, 0), MEMORY_NEW);
	for (size_t i = 1; i < len; i++)
		assert_int_equal(recall(bytes, i), MEMORY_DAMAGED);
	bytes[len] = '\0';
	assert_int_equal(recall(bytes, len + 1), MEMORY_DAMAGED);
}

static void every_flipped_bit_is_seen(void **state)
{
	(void)state;
	size_t len;
	auto_free char *bytes = a_good_file(&len);
	for (size_t i = 0; i < len; i++) {
		/* Four bytes of the header have no meaning. */
		if (i >= 12 && i < 16)
			continue;
		bytes[i] = (char)(bytes[i] ^ 1 << i % 8);
		assert_int_equal(recall(bytes, len), MEMORY_DAMAGED);
		bytes[i] = (char)(bytes[i] ^ 1 << i % 8);
	}
	assert_int_equal(recall(bytes, len), MEMORY_CONTINUED);
}

/* Corrects the checksums after a change, as a hostile writer would. */
static void correct_checksums(char *bytes, size_t len)
{
	for (size_t at = 16; at + FRAME_HEADER_SIZE <= len;) {
		uint8_t *start = (uint8_t *)bytes + at;
		struct frame_header h;
		assert_true(frame_header_get(&h, start));
		h.checksum = checksum32(start + FRAME_HEADER_SIZE, h.length);
		frame_header_put(start, &h);
		at += FRAME_HEADER_SIZE + h.length;
	}
}

/* Whatever stands in the payloads: it is believed or set aside, never a crash. */
static void wrong_numbers_with_right_checksums_do_no_harm(void **state)
{
	(void)state;
	static const uint8_t values[] = { 0x00, 0x01, 0x7f, 0xff };
	size_t len, damaged = 0;
	auto_free char *bytes = a_good_file(&len);
	auto_free char *changed = xmalloc(len + 1);
	for (size_t i = 32 + 136; i < len - FRAME_HEADER_SIZE; i++) {
		struct frame_header h;
		memcpy(changed, bytes, len);
		changed[i] = (char)values[i % 4];
		bool is_header = false;
		for (size_t at = 16; at + FRAME_HEADER_SIZE <= len;) {
			is_header |= i >= at && i < at + FRAME_HEADER_SIZE;
			frame_header_get(&h, (const uint8_t *)bytes + at);
			at += FRAME_HEADER_SIZE + h.length;
		}
		if (is_header)
			continue;
		correct_checksums(changed, len);
		struct run r;
		write_file(path, changed, len);
		run_begin(&r);
		struct tcp_socket sk = unread_socket(50, 40000);
		run_see(&r, 1060000, &sk, 1);
		run_diagnose(&r);
		damaged += r.f.report.memory == MEMORY_DAMAGED;
		run_end(&r);
		count_set_aside(true);
	}
	/* Counts, lengths and times are among them. */
	assert_in_range(damaged, 10, len);
}

static void a_future_version_is_set_aside(void **state)
{
	(void)state;
	size_t len;
	auto_free char *bytes = a_good_file(&len);
	put_le32((uint8_t *)bytes + 8, 2);
	struct run r;
	write_file(path, bytes, len);
	run_begin(&r);
	run_see(&r, 1060000, NULL, 0);
	assert_non_null(strstr(state_complaint(r.state), "another version"));
	assert_non_null(strstr(state_complaint(r.state), "state.damaged-20"));
	run_end(&r);
	size_t kept_len;
	assert_int_equal(count_set_aside(false), 1);
	auto_free char *now = read_file(path, &kept_len);
	assert_int_equal(get_le32((uint8_t *)now + 8), 1);
}

static void an_oversized_file_is_set_aside(void **state)
{
	(void)state;
	size_t len;
	free(a_good_file(&len));
	assert_int_equal(truncate(path, (256 << 20) + 1), 0);
	struct run r;
	run_begin(&r);
	run_see(&r, 1060000, NULL, 0);
	assert_non_null(strstr(state_complaint(r.state), "too large"));
	run_end(&r);
	assert_int_equal(count_set_aside(true), 1);
}

static size_t recalled_points(const char *filter)
{
	struct run r;
	run_begin(&r);
	r.filter = filter;
	run_see(&r, 1060000, NULL, 0);
	struct series *series = series_new();
	struct series_point points[SERIES_POINTS];
	struct series_scope host = series_of_host();
	state_recall_series(r.state, series);
	size_t count = series_points(series, &host, SERIES_CONNECTIONS, points);
	if (count)
		assert_int_equal(points[0].value, 2);
	series_free(series);
	run_end(&r);
	return count;
}

static void series_are_recalled_for_the_same_filter(void **state)
{
	(void)state;
	size_t len;
	free(a_good_file(&len));
	assert_int_equal(recalled_points(":1"), 0);
	free(a_good_file(&len));
	assert_int_equal(recalled_points(""), 1);
	/* A run without series, `list`, leaves them. */
	assert_int_equal(recalled_points(""), 1);
}

/* Disk. */

static void refuse(const char *message)
{
	struct error err = { 0 };
	assert_null(state_open(path, 100, &err));
	assert_non_null(strstr(err.text, message));
}

static void what_is_no_file_of_ours_is_refused(void **state)
{
	(void)state;
	char other[80];
	snprintf(other, sizeof(other), "%s/other", folder);
	write_file(other, "precious", 8);
	assert_int_equal(symlink(other, path), 0);
	refuse("symbolic link");
	assert_int_equal(unlink(path), 0);
	assert_int_equal(mkfifo(path, 0600), 0);
	refuse("no regular file");
	assert_int_equal(unlink(path), 0);
	assert_int_equal(mkdir(path, 0700), 0);
	refuse("no regular file");
	assert_int_equal(rmdir(path), 0);
	if (geteuid() == 0) {
		write_file(path, "x", 1);
		assert_int_equal(chown(path, 1, 1), 0);
		refuse("belongs to user 1");
	}
	struct stat st;
	assert_int_equal(stat(other, &st), 0);
	assert_int_equal(st.st_size, 8);
}

static void a_held_lock_is_waited_for_and_named(void **state)
{
	(void)state;
	struct error err = { 0 };
	struct state *first = state_open(path, 100, &err);
	assert_non_null(first);
	refuse("another run holds");
	state_free(first);
	struct state *second = state_open(path, 0, &err);
	assert_non_null(second);
	state_free(second);
}

static void the_file_is_private_and_no_rest_stays(void **state)
{
	(void)state;
	struct stat st;
	mode_t mask = umask(0);
	run_once(1000000, a_connection());
	umask(mask);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	size_t count = 0;
	DIR *dir = opendir(folder);
	for (struct dirent *d; (d = readdir(dir));)
		count += d->d_name[0] != '.';
	closedir(dir);
	assert_int_equal(count, 2); /* the state and its lock */
}

static size_t fill_history(struct run *r, uint64_t at_ms, size_t count)
{
	struct snapshot *snap = &r->f.snap;
	snapshot_begin(snap, at_ms);
	strcpy(snap->boot_id, boot);
	for (size_t i = 0; i < count; i++) {
		struct tcp_socket sk = a_connection();
		sk.cookie = 1000 + i;
		snapshot_put(snap, sk);
	}
	snapshot_finish(snap);
	state_recall(r->state, snap, "", r->f.history);
	history_update(r->f.history, snap);
	return count;
}

/* Root only: a file system of 64 KiB. */
static void a_full_disk_leaves_the_old_file(void **state)
{
	(void)state;
	struct error err = { 0 };
	if (geteuid() != 0 || mount("none", folder, "tmpfs", 0, "size=64k"))
		skip();
	run_once(1000000, a_connection());
	size_t before, after;
	auto_free char *old = read_file(path, &before);
	struct run r;
	run_begin(&r);
	fill_history(&r, 1060000, 5000);
	assert_int_equal(state_save(r.state, &r.f.snap, r.f.history, &err), -1);
	assert_non_null(strstr(err.text, "as the last run left it"));
	state_free(r.state);
	fixture_clear(&r.f);
	auto_free char *now = read_file(path, &after);
	assert_int_equal(before, after);
	assert_memory_equal(old, now, before);
	assert_int_equal(umount(folder), 0);
}

static void a_socket_takes_at_most_64_bytes(void **state)
{
	(void)state;
	struct run r;
	struct stat st;
	run_begin(&r);
	fill_history(&r, 1000000, 20000);
	run_end(&r);
	assert_int_equal(stat(path, &st), 0);
	assert_in_range(st.st_size, 20000 * 60, 20000 * 64);
	run_begin(&r);
	fill_history(&r, 1060000, 20000);
	for (uint64_t i = 0; i < 20000; i++)
		assert_int_equal(past_of(&r, 1000 + i).first_seen_ms, 1000000);
	run_end(&r);
}

/* Episodes. */

static const struct finding *find_kind(const struct run *r, enum finding_kind kind)
{
	for (size_t i = 0; i < r->f.report.finding_count; i++)
		if (r->f.report.findings[i].kind == kind)
			return &r->f.report.findings[i];
	return NULL;
}

struct step {
	uint64_t at_s;
	bool is_sick;
	int phase; /* -1 = no such finding */
	enum severity severity;
	uint32_t since_s; /* 0 = not compared */
};

enum { GONE = -1 };

/* Unread connections of one process: stuck, for as long as `lasted_ms`. */
static void see_workers(struct run *r, uint64_t at_ms, bool is_sick, uint32_t lasted_ms,
			uint32_t count)
{
	static const uint32_t inodes[] = { 4999, 5000, 5001, 5002, 5003, 5004 };
	struct snapshot *snap = &r->f.snap;
	snapshot_begin(snap, at_ms);
	snap->is_complete = true;
	strcpy(snap->boot_id, boot);
	snapshot_put(snap, a_listener(0, 128));
	for (uint32_t i = 0; i < count; i++) {
		struct tcp_socket sk =
			is_sick ? unread_socket(50, lasted_ms) : a_connection();
		sk.cookie = 100 + i;
		sk.inode = 5000 + i;
		sk.peer_port = (uint16_t)(CLIENT_PORT + i);
		snapshot_put(snap, sk);
	}
	snapshot_put_process(snap, 4711, "uvicorn", inodes, count + 1);
	snapshot_finish(snap);
	state_recall(r->state, snap, r->filter, r->f.history);
	history_update(r->f.history, snap);
}

static void see_worker(struct run *r, uint64_t at_ms, bool is_sick, uint32_t lasted_ms)
{
	see_workers(r, at_ms, is_sick, lasted_ms, 2);
}

static void follow(const struct step *steps, size_t count, uint64_t open_for_ms,
		   uint64_t close_after_ms)
{
	for (size_t i = 0; i < count; i++) {
		struct run r;
		run_begin(&r);
		r.f.limits.value[LIMIT_OPEN_FOR] = open_for_ms;
		r.f.limits.value[LIMIT_CLOSE_AFTER] = close_after_ms;
		see_worker(&r, steps[i].at_s * 1000, steps[i].is_sick, 6000);
		run_diagnose(&r);
		const struct finding *f = find_kind(&r, FINDING_STUCK_WORKER);
		assert_int_equal(f ? (int)f->phase : GONE, steps[i].phase);
		if (f)
			assert_int_equal(f->severity, steps[i].severity);
		if (f && steps[i].since_s)
			assert_int_equal(f->since_cs, steps[i].since_s * 100);
		assert_int_equal(r.f.report.severity, steps[i].severity);
		assert_int_equal(r.f.report.services[0].severity, steps[i].severity);
		run_end(&r);
	}
}

#define FOLLOW(steps, open_for, close_after) \
	follow(steps, sizeof(steps) / sizeof(*(steps)), open_for, close_after)

static void without_limits_a_finding_opens_and_closes_at_once(void **state)
{
	(void)state;
	static const struct step steps[] = {
		{ 1000, true, PHASE_OPEN, SEVERITY_WARNING, 6 },
		{ 1060, false, GONE, SEVERITY_OK, 0 },
		{ 1120, true, PHASE_OPEN, SEVERITY_WARNING, 6 },
	};
	FOLLOW(steps, 0, 0);
}

static void a_flapping_finding_stays(void **state)
{
	(void)state;
	static const struct step steps[] = {
		{ 1000, true, PHASE_OPEN, SEVERITY_WARNING, 6 },
		{ 1060, false, PHASE_RECOVERING, SEVERITY_WARNING, 0 },
		{ 1080, true, PHASE_OPEN, SEVERITY_WARNING, 6 },
		{ 1140, false, PHASE_RECOVERING, SEVERITY_WARNING, 0 },
		{ 1169, false, PHASE_RECOVERING, SEVERITY_WARNING, 0 },
		{ 1170, false, GONE, SEVERITY_OK, 0 },
		{ 1230, false, GONE, SEVERITY_OK, 0 },
	};
	FOLLOW(steps, 0, 90000);
}

static void a_young_finding_is_pending_and_is_info(void **state)
{
	(void)state;
	static const struct step steps[] = {
		{ 1000, true, PHASE_PENDING, SEVERITY_INFO, 6 },
		{ 1119, true, PHASE_PENDING, SEVERITY_INFO, 119 },
		{ 1120, true, PHASE_OPEN, SEVERITY_CRITICAL, 120 },
		{ 1180, false, PHASE_RECOVERING, SEVERITY_CRITICAL, 0 },
	};
	FOLLOW(steps, 120000, 90000);
}

static void a_pending_finding_that_goes_was_nothing(void **state)
{
	(void)state;
	static const struct step steps[] = {
		{ 1000, true, PHASE_PENDING, SEVERITY_INFO, 6 },
		{ 1060, false, GONE, SEVERITY_OK, 0 },
		{ 1120, true, PHASE_PENDING, SEVERITY_INFO, 6 },
	};
	FOLLOW(steps, 120000, 90000);
}

static void a_recovering_finding_says_so(void **state)
{
	(void)state;
	struct run r;
	run_begin(&r);
	see_worker(&r, 1000000, true, 40000);
	run_diagnose(&r);
	const struct finding *f = find_kind(&r, FINDING_STUCK_WORKER);
	uint64_t fingerprint = f->fingerprint;
	auto_free char *summary = xstrdup(f->summary);
	run_end(&r);
	run_begin(&r);
	see_worker(&r, 1040000, false, 0);
	run_diagnose(&r);
	f = find_kind(&r, FINDING_STUCK_WORKER);
	assert_non_null(f);
	assert_int_equal(f->fingerprint, fingerprint);
	assert_memory_equal(f->summary, "recovering: ", 12);
	assert_string_equal(f->summary + 12, summary);
	assert_string_equal(f->evidence[0], "not seen for 40s; closes after 1m30s");
	assert_int_equal(f->service, 0);
	assert_int_equal(f->first_seen_ms, 1000000);
	run_end(&r);
}

/* [check CODE] for and recover win over the limits; switched off, it is over. */
static void times_of_a_check_win_over_the_limits(void **state)
{
	(void)state;
	static const struct {
		uint64_t at_s;
		bool is_sick, is_off;
		int phase;
	} runs[] = {
		{ 1000, true, false, PHASE_PENDING },
		{ 1060, true, false, PHASE_OPEN },
		{ 1300, false, false, PHASE_RECOVERING },
		{ 1360, false, false, GONE },
		{ 1420, true, false, PHASE_PENDING },
		{ 1480, true, false, PHASE_OPEN },
		{ 1500, false, true, GONE },
		{ 1520, false, false, GONE },
	};
	for (size_t i = 0; i < sizeof(runs) / sizeof(*runs); i++) {
		struct run r;
		struct policy policy = { 0 };
		struct check *check = &policy.checks[FINDING_STUCK_WORKER];
		check->values[CHECK_FOR] = (struct declared){ true, 60000, "f", 1 };
		check->values[CHECK_RECOVER] =
			(struct declared){ true, 300000, "f", 2 };
		if (runs[i].is_off)
			check->values[CHECK_ENABLED] =
				(struct declared){ true, 0, "f", 3 };
		run_begin(&r);
		see_worker(&r, runs[i].at_s * 1000, runs[i].is_sick, 6000);
		struct diagnose_options options = { .with_findings = true,
						    .policy = &policy };
		diagnose(&r.f.snap, r.f.history, &r.f.limits, &options, &r.f.report);
		state_follow(r.state, &r.f.report, true);
		const struct finding *f = find_kind(&r, FINDING_STUCK_WORKER);
		assert_int_equal(f ? (int)f->phase : GONE, runs[i].phase);
		run_end(&r);
	}
}

/* Neither a rule that could not be asked nor half a dump says that all is well. */
static void what_could_not_be_looked_at_does_not_close(void **state)
{
	(void)state;
	for (int i = 0; i < 2; i++) {
		struct run r;
		unlink(path);
		run_begin(&r);
		see_worker(&r, 1000000, true, 40000);
		run_diagnose(&r);
		run_end(&r);
		run_begin(&r);
		see_worker(&r, 2000000, false, 0);
		r.f.snap.is_complete = i != 0;
		fixture_diagnose(&r.f);
		if (i == 1)
			r.f.report.unknown[r.f.report.unknown_count++] =
				(struct unknown_check){ .kind = FINDING_STUCK_WORKER,
							.reason =
								xstrdup("no owners") };
		state_follow(r.state, &r.f.report, true);
		const struct finding *f = find_kind(&r, FINDING_STUCK_WORKER);
		assert_non_null(f);
		assert_int_equal(f->phase, PHASE_RECOVERING);
		assert_non_null(strstr(f->evidence[0], "could not look"));
		run_end(&r);
	}
}

static void another_filter_neither_shows_nor_closes(void **state)
{
	(void)state;
	struct run r;
	run_begin(&r);
	see_worker(&r, 1000000, true, 40000);
	run_diagnose(&r);
	run_end(&r);
	run_begin(&r);
	r.filter = ":8000";
	see_worker(&r, 1060000, false, 0);
	run_diagnose(&r);
	assert_null(find_kind(&r, FINDING_STUCK_WORKER));
	run_end(&r);
	run_begin(&r);
	see_worker(&r, 1080000, false, 0);
	run_diagnose(&r);
	assert_non_null(find_kind(&r, FINDING_STUCK_WORKER));
	run_end(&r);
}

static void growth_since_the_last_run_is_told(void **state)
{
	(void)state;
	static const struct {
		bool is_sick;
		uint32_t count;
		const char *words; /* NULL = nothing is compared */
	} runs[] = {
		{ true, 2, NULL },
		{ true, 5, "3 more than in the last run, 30s ago" },
		{ true, 4, "1 fewer than in the last run, 30s ago" },
		{ true, 4, "" },
		{ false, 4, NULL },
		{ true, 3, NULL },
	};
	for (size_t i = 0; i < sizeof(runs) / sizeof(*runs); i++) {
		struct run r;
		run_begin(&r);
		see_workers(&r, 1000000 + i * 30000, runs[i].is_sick, 6000,
			    runs[i].count);
		run_diagnose(&r);
		const struct finding *f = find_kind(&r, FINDING_STUCK_WORKER);
		assert_non_null(f);
		assert_int_equal(f->has_value_before, runs[i].words != NULL);
		const char *last = f->evidence[f->evidence_count - 1];
		if (runs[i].words && runs[i].words[0])
			assert_string_equal(last, runs[i].words);
		else
			assert_null(strstr(last, "last run"));
		if (runs[i].words)
			assert_int_equal((int)f->value_before, runs[i - 1].count);
		run_end(&r);
	}
}

static void a_restarted_worker_does_not_keep_it_alive(void **state)
{
	(void)state;
	static const struct step steps[] = {
		{ 1000, true, PHASE_OPEN, SEVERITY_WARNING, 0 },
		{ 1060, false, PHASE_RECOVERING, SEVERITY_WARNING, 0 },
		{ 1120, false, GONE, SEVERITY_OK, 0 },
		{ 1180, false, GONE, SEVERITY_OK, 0 },
	};
	FOLLOW(steps, 0, 90000);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, make_folder, remove_folder)
	const struct CMUnitTest tests[] = {
		T(ages_outlive_the_run),
		T(state_change_in_a_gap_is_a_lower_bound),
		T(exact_age_stays_exact),
		T(unread_data_is_as_old_as_the_first_run_that_saw_it),
		T(fresh_data_after_a_quiet_gap_is_healthy),
		T(fresh_unsent_data_after_a_quiet_gap_is_healthy),
		T(a_window_closed_in_both_runs_is_a_slow_reader),
		T(what_moved_in_the_gap_is_judged_as_at_first_sight),
		T(a_peer_heard_in_the_gap_is_heard_at_its_begin),
		T(a_socket_that_is_used_anew_is_new),
		T(what_two_runs_do_not_show_is_forgotten),
		T(counters_grow_from_the_last_run),
		T(another_boot_begins_anew),
		T(another_namespace_or_clock_begins_anew),
		T(very_old_times_become_the_oldest_there_is),
		T(every_truncation_is_set_aside),
		T(every_flipped_bit_is_seen),
		T(wrong_numbers_with_right_checksums_do_no_harm),
		T(a_future_version_is_set_aside),
		T(an_oversized_file_is_set_aside),
		T(series_are_recalled_for_the_same_filter),
		T(what_is_no_file_of_ours_is_refused),
		T(a_held_lock_is_waited_for_and_named),
		T(the_file_is_private_and_no_rest_stays),
		T(a_full_disk_leaves_the_old_file),
		T(a_socket_takes_at_most_64_bytes),
		T(without_limits_a_finding_opens_and_closes_at_once),
		T(a_flapping_finding_stays),
		T(a_young_finding_is_pending_and_is_info),
		T(a_pending_finding_that_goes_was_nothing),
		T(a_recovering_finding_says_so),
		T(times_of_a_check_win_over_the_limits),
		T(what_could_not_be_looked_at_does_not_close),
		T(another_filter_neither_shows_nor_closes),
		T(growth_since_the_last_run_is_told),
		T(a_restarted_worker_does_not_keep_it_alive),
	};
#undef T
	return cmocka_run_group_tests(tests, NULL, NULL);
}
