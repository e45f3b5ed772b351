/* SPDX-License-Identifier: MIT */
#include "state_disk.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "conn-doctor/format.h"
#include "conn-doctor/memory.h"

enum { LOCK_STEP_MS = 50 };

static int check_file(int fd, const char *path, struct error *err)
{
	struct stat st;
	if (fstat(fd, &st))
		return error_errno(err, errno, "cannot look at '%s'", path);
	if (!S_ISREG(st.st_mode))
		return error_set(err, ERROR_SYSTEM,
				 "'%s' is no regular file; give --state a file of its "
				 "own",
				 path);
	if (st.st_uid != geteuid())
		return error_set(err, ERROR_SYSTEM,
				 "'%s' belongs to user %u, this run to user %u; run as "
				 "that user, or use another file",
				 path, (unsigned)st.st_uid, (unsigned)geteuid());
	return 0;
}

/* A link would have us write wherever it points to. */
static int complain_open(const char *path, struct error *err)
{
	if (errno == ELOOP)
		return error_set(err, ERROR_SYSTEM,
				 "'%s' is a symbolic link; name the file itself", path);
	return error_errno(err, errno, "cannot open '%s'", path);
}

static int wait_for_lock(int fd, const char *path, uint64_t timeout_ms,
			 struct error *err)
{
	char waited[FORMAT_SIZE];
	for (uint64_t ms = 0; flock(fd, LOCK_EX | LOCK_NB); ms += LOCK_STEP_MS) {
		if (errno != EWOULDBLOCK && errno != EINTR)
			return error_errno(err, errno, "cannot lock '%s'", path);
		if (ms >= timeout_ms)
			return error_set(err, ERROR_TIMEOUT,
					 "another run holds '%s' for more than %s; let "
					 "it end (fuser '%s'), or use another file",
					 path, duration_print(timeout_ms, waited),
					 path);
		poll(NULL, 0, LOCK_STEP_MS);
	}
	return 0;
}

int disk_lock(const char *path, uint64_t timeout_ms, struct error *err)
{
	auto_free char *lock = xasprintf("%s.lock", path);
	int fd = open(lock, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK,
		      0600);
	if (fd < 0)
		return complain_open(lock, err);
	if (check_file(fd, lock, err) || wait_for_lock(fd, lock, timeout_ms, err)) {
		close(fd);
		return -1;
	}
	return fd;
}

static int read_all(int fd, const char *path, struct strbuf *out, struct error *err)
{
	char block[65536];
	ssize_t n;
	do {
		n = read(fd, block, sizeof(block));
		if (n > 0)
			strbuf_add_len(out, block, (size_t)n);
	} while ((n > 0 && out->len <= STATE_FILE_MAX) || (n < 0 && errno == EINTR));
	return n < 0 ? error_errno(err, errno, "cannot read '%s'", path) : 0;
}

int disk_read(const char *path, struct strbuf *out, struct error *err)
{
	auto_close int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (fd < 0)
		return errno == ENOENT ? 0 : complain_open(path, err);
	if (check_file(fd, path, err))
		return -1;
	return read_all(fd, path, out, err);
}

static int write_all(int fd, const char *bytes, size_t len)
{
	while (len > 0) {
		ssize_t n = write(fd, bytes, len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return -1;
		bytes += n;
		len -= (size_t)n;
	}
	return fsync(fd);
}

/* So that the new name survives a power cut; the file itself is there already. */
static void sync_folder(const char *path)
{
	const char *slash = strrchr(path, '/');
	auto_free char *folder =
		slash ? xstrndup(path, (size_t)(slash - path) + 1) : xstrdup(".");
	auto_close int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd >= 0)
		fsync(fd);
}

int disk_replace(const char *path, const struct strbuf *bytes, struct error *err)
{
	auto_free char *temporary = xasprintf("%s.XXXXXX", path);
	int fd = mkostemp(temporary, O_CLOEXEC);
	if (fd < 0)
		return error_errno(err, errno, "cannot write beside '%s'", path);
	bool is_written = write_all(fd, bytes->text, bytes->len) == 0;
	int errnum = errno;
	if (close(fd) && is_written) {
		is_written = false;
		errnum = errno;
	}
	if (is_written && rename(temporary, path)) {
		is_written = false;
		errnum = errno;
	}
	if (!is_written) {
		unlink(temporary);
		return error_errno(err, errnum,
				   "cannot write the state file '%s'; it is as the "
				   "last run left it",
				   path);
	}
	sync_folder(path);
	return 0;
}

char *disk_set_aside(const char *path, const char *stamp)
{
	char *target = xasprintf("%s.damaged-%s", path, stamp);
	for (int i = 1; i < 10 && access(target, F_OK) == 0; i++) {
		free(target);
		target = xasprintf("%s.damaged-%s.%d", path, stamp, i);
	}
	if (rename(path, target) == 0)
		return target;
	free(target);
	return NULL;
}
