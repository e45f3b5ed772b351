/* SPDX-License-Identifier: MIT */
#include "output.h"

#include <errno.h>
#include <fcntl.h>
#include <langinfo.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "conn-doctor/memory.h"

static const char *environment(const char *name)
{
	const char *value = secure_getenv(name);
	return value && *value ? value : NULL;
}

static int terminal_columns(void)
{
	struct winsize size;
	const char *columns = environment("COLUMNS");
	if (columns && atoi(columns) > 0)
		return atoi(columns);
	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0)
		return size.ws_col;
	return 0;
}

bool output_use_color(const struct options *o, int fd)
{
	const char *term = environment("TERM"), *force = environment("CLICOLOR_FORCE");
	if (o->color != COLOR_AUTO)
		return o->color == COLOR_ALWAYS;
	if (environment("NO_COLOR"))
		return false;
	if (force && strcmp(force, "0") != 0)
		return true;
	return isatty(fd) && term && strcmp(term, "dumb") != 0;
}

struct render_options output_render_options(const struct options *o)
{
	bool is_terminal = !o->output_path && isatty(STDOUT_FILENO);
	return (struct render_options){
		.use_color = o->output_path ? o->color == COLOR_ALWAYS
					    : output_use_color(o, STDOUT_FILENO),
		.use_utf8 = !o->is_ascii && strcmp(nl_langinfo(CODESET), "UTF-8") == 0,
		.no_header = o->no_header,
		.wide = o->is_wide,
		.all_connections = o->all_connections,
		.columns = is_terminal ? terminal_columns() : 0,
	};
}

/* stdio forgets why a write failed when the next one succeeds; this does not. */
static ssize_t write_out(void *cookie, const char *bytes, size_t len)
{
	struct output *out = cookie;
	size_t done = 0;
	while (done < len && !out->write_errnum) {
		ssize_t n = write(out->fd, bytes + done, len - done);
		if (n > 0)
			done += (size_t)n;
		else if (n < 0 && errno != EINTR)
			out->write_errnum = errno;
	}
	return (ssize_t)done;
}

static FILE *open_stream(struct output *out, int fd)
{
	enum { BUFFER_SIZE = 64 * 1024 };
	out->fd = fd;
	out->write_errnum = 0;
	FILE *stream = fopencookie(out, "w",
				   (cookie_io_functions_t){
					   .write = write_out,
				   });
	if (stream)
		setvbuf(stream, NULL, _IOFBF, BUFFER_SIZE);
	return stream;
}

static int open_file(struct output *out, const struct options *o, struct error *err)
{
	out->path = o->output_path;
	out->temporary_path = xasprintf("%s.XXXXXX", o->output_path);
	int fd = mkostemp(out->temporary_path, O_CLOEXEC);
	/* mkstemp gives 0600; others are meant to read it. */
	if (fd >= 0 && fchmod(fd, 0644) == 0)
		out->stream = open_stream(out, fd);
	if (!out->stream) {
		error_errno(err, errno, "cannot write beside '%s'", o->output_path);
		if (fd >= 0) {
			close(fd);
			unlink(out->temporary_path);
		}
		free(out->temporary_path);
		out->temporary_path = NULL;
		return -1;
	}
	return 0;
}

static const char *pager_command(void)
{
	const char *pager = environment("CONN_DOCTOR_PAGER");
	if (!pager)
		pager = environment("PAGER");
	return pager ? pager : "less";
}

/* Output through the pager; without one, straight to the terminal. */
static bool start_pager(struct output *out)
{
	int fds[2];
	if (pipe2(fds, O_CLOEXEC))
		return false;
	pid_t pid = fork();
	if (pid < 0) {
		close(fds[0]);
		close(fds[1]);
		return false;
	}
	if (pid == 0) {
		dup2(fds[0], STDIN_FILENO);
		/* F: quit when it fits one screen, so short reports pass through. */
		setenv("LESS", "FIRX", 0);
		execl("/bin/sh", "sh", "-c", pager_command(), (char *)NULL);
		_exit(127);
	}
	close(fds[0]);
	/* Its reader may quit before all was written: not our failure. */
	signal(SIGPIPE, SIG_IGN);
	out->pager_pid = pid;
	out->stream = fdopen(fds[1], "w");
	return true;
}

/* A pager that does not exist would swallow the report. */
static bool has_pager(void)
{
	const char *command = pager_command();
	size_t len = strcspn(command, " ");
	const char *path = environment("PATH");
	if (memchr(command, '/', len))
		return true;
	for (const char *dir = path; dir && *dir;) {
		size_t dir_len = strcspn(dir, ":");
		auto_free char *file =
			xasprintf("%.*s/%.*s", (int)dir_len, dir, (int)len, command);
		if (access(file, X_OK) == 0)
			return true;
		dir += dir_len + (dir[dir_len] == ':');
	}
	return false;
}

static bool wants_pager(const struct options *o)
{
	const char *term = environment("TERM");
	return !o->no_pager && strcmp(o->renderer->name, "text") == 0 &&
	       isatty(STDOUT_FILENO) && isatty(STDIN_FILENO) && term &&
	       strcmp(term, "dumb") != 0 && has_pager();
}

int output_open(struct output *out, const struct options *o, struct error *err)
{
	*out = (struct output){ 0 };
	if (o->output_path)
		return open_file(out, o, err);
	if (wants_pager(o) && start_pager(out))
		return 0;
	out->stream = open_stream(out, STDOUT_FILENO);
	return out->stream ? 0
			   : error_errno(err, errno, "cannot write to standard output");
}

/* What went wrong with any of the writes, 0 = nothing. */
static int close_stream(struct output *out)
{
	bool is_failed = ferror(out->stream);
	is_failed |= fclose(out->stream) != 0;
	if (out->write_errnum)
		return out->write_errnum;
	return is_failed ? EIO : 0;
}

void output_abandon(struct output *out)
{
	if (out->pager_pid)
		fclose(out->stream);
	else if (out->stream)
		close_stream(out);
	if (out->temporary_path) {
		close(out->fd);
		unlink(out->temporary_path);
		free(out->temporary_path);
	}
	*out = (struct output){ 0 };
}

static int close_file(struct output *out, struct error *err)
{
	int errnum = close_stream(out);
	if (!errnum && fsync(out->fd))
		errnum = errno;
	if (close(out->fd) && !errnum)
		errnum = errno;
	bool is_written = !errnum;
	if (is_written && rename(out->temporary_path, out->path)) {
		is_written = false;
		errnum = errno;
	}
	if (!is_written)
		unlink(out->temporary_path);
	free(out->temporary_path);
	return is_written ? 0
			  : error_errno(err, errnum, "cannot write '%s'", out->path);
}

int output_close(struct output *out, struct error *err)
{
	if (out->temporary_path)
		return close_file(out, err);
	if (out->pager_pid) {
		fclose(out->stream);
		waitpid(out->pager_pid, NULL, 0);
		return 0;
	}
	int errnum = close_stream(out);
	return errnum ? error_errno(err, errnum, "cannot write to standard output") : 0;
}
