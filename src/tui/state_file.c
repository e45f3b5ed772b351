/* SPDX-License-Identifier: MIT */
#include "state_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "conn-doctor/memory.h"

/* `dir` and what is missing above it, as the XDG standard wants: for the owner. */
static int make_directory(const char *dir, struct error *err)
{
	auto_free char *path = xstrdup(dir);
	for (char *at = path + 1;; at++) {
		char c = *at;
		if (c != '/' && c != '\0')
			continue;
		*at = '\0';
		if (mkdir(path, 0700) && errno != EEXIST)
			return error_errno(err, errno, "cannot make '%s'", path);
		*at = c;
		if (c == '\0')
			return 0;
	}
}

static void release(struct state_file *f)
{
	free(f->path);
	free(f->temporary_path);
	*f = (struct state_file){ 0 };
}

int state_file_open(struct state_file *f, const char *dir, const char *name,
		    struct error *err)
{
	*f = (struct state_file){ 0 };
	if (make_directory(dir, err))
		return -1;
	f->path = xasprintf("%s/%s", dir, name);
	f->temporary_path = xasprintf("%s/.%s.XXXXXX", dir, name);
	int fd = mkostemp(f->temporary_path, O_CLOEXEC); /* 0600 */
	if (fd >= 0)
		f->stream = fdopen(fd, "w");
	if (f->stream)
		return 0;
	error_errno(err, errno, "cannot write '%s'", f->path);
	if (fd >= 0) {
		close(fd);
		unlink(f->temporary_path);
	}
	release(f);
	return -1;
}

void state_file_abandon(struct state_file *f)
{
	if (!f->stream)
		return;
	fclose(f->stream);
	unlink(f->temporary_path);
	release(f);
}

static bool finish(struct state_file *f, bool is_lasting)
{
	bool is_good = fflush(f->stream) == 0 && !ferror(f->stream);
	if (is_good && is_lasting)
		is_good = fsync(fileno(f->stream)) == 0;
	return is_good && rename(f->temporary_path, f->path) == 0;
}

int state_file_commit(struct state_file *f, bool is_lasting, struct error *err)
{
	errno = 0;
	if (!finish(f, is_lasting)) {
		error_errno(err, errno ? errno : EIO, "cannot write '%s'", f->path);
		state_file_abandon(f);
		return -1;
	}
	fclose(f->stream);
	release(f);
	return 0;
}

/* Up to `max` bytes; more are an error, as is what is no regular file. */
static int read_all(int fd, size_t max, char **out, size_t *len)
{
	struct stat st;
	if (fstat(fd, &st))
		return errno;
	if (!S_ISREG(st.st_mode))
		return EINVAL;
	char *text = xmalloc(max + 1);
	*len = 0;
	for (;;) {
		ssize_t count = read(fd, text + *len, max + 1 - *len);
		if (count > 0)
			*len += (size_t)count;
		int errnum = count < 0 ? errno : *len > max ? EFBIG : 0;
		if (errnum) {
			free(text);
			return errnum;
		}
		if (count == 0)
			break;
	}
	*out = text;
	return 0;
}

int state_file_read(const char *dir, const char *name, size_t max, char **out,
		    size_t *len, struct error *err)
{
	auto_free char *path = xasprintf("%s/%s", dir, name);
	*out = NULL;
	*len = 0;
	/* A pipe in its place must not make us wait. */
	auto_close int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	int errnum = fd < 0 ? errno : read_all(fd, max, out, len);
	if (errnum == 0 || errnum == ENOENT || errnum == ENOTDIR)
		return 0;
	return error_errno(err, errnum, "cannot read '%s'", path);
}
