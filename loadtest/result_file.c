/* SPDX-License-Identifier: MIT */
/* Results are made in memory, and written when they are whole. */
#include "loadtest/result_file.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "base/fd.h"
#include "base/output.h"
#include "base/replace.h"

static bool
same_file(const struct stat *a, const struct stat *b)
{
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino;
}

/* The stream that is open on it already, as with /dev/stdout or ">x --json x": opened once more, each would write over
 * what the other has written. */
static FILE *
stream_on(const struct stat *st)
{
	FILE *const streams[] = { stdout, stderr };

	for (int i = 0; i < 2; i++) {
		struct stat open;

		if (fstat(fileno(streams[i]), &open) == 0 && same_file(&open, st))
			return streams[i];
	}
	return NULL;
}

static int
check_folder(const char *target)
{
	char copy[PATH_MAX];

	snprintf(copy, sizeof(copy), "%s", target);
	return eaccess(dirname(copy), W_OK | X_OK) == 0 ? WSD_OK : wsd_errno();
}

static int
open_stream(struct result_file *f)
{
	f->stream = fopen(f->path, "we");
	return f->stream ? WSD_OK : wsd_errno();
}

/* A file that may be written, in whatever folder, unless it is open only (/dev/fd/3) and has no name any more. */
static int
open_old(struct result_file *f, const struct stat *st)
{
	struct stat target;
	int rc = replace_target(f->target, f->path);

	if (rc != WSD_OK)
		return rc;
	if (stat(f->target, &target) != 0 || !same_file(&target, st))
		return open_stream(f);
	return eaccess(f->target, W_OK) == 0 ? WSD_OK : wsd_errno();
}

static int
open_new(struct result_file *f)
{
	int rc = replace_target(f->target, f->path);

	return rc == WSD_OK ? check_folder(f->target) : rc;
}

int
result_file_open(struct result_file *f, const char *path)
{
	struct stat st;

	*f = (struct result_file){ .path = path };
	if (!path)
		return WSD_OK;
	if (strcmp(path, "-") == 0) {
		f->stream = stdout;
		return WSD_OK;
	}
	if (stat(path, &st) != 0)
		return errno == ENOENT ? open_new(f) : wsd_errno();
	f->stream = stream_on(&st);
	if (f->stream)
		return WSD_OK;
	if (S_ISDIR(st.st_mode))
		return -EISDIR;
	return S_ISREG(st.st_mode) ? open_old(f, &st) : open_stream(f);
}

bool
result_file_same(const struct result_file *a, const struct result_file *b)
{
	struct stat sa, sb;

	if (!a->path || !b->path)
		return false;
	if (a->stream || b->stream)
		return a->stream == b->stream;
	if (stat(a->target, &sa) == 0 && stat(b->target, &sb) == 0)
		return same_file(&sa, &sb);
	return strcmp(a->target, b->target) == 0;
}

static int
write_stream(FILE *stream, const char *text, size_t len)
{
	int rc = output_flush(stream);

	return rc == WSD_OK ? fd_write_all(fileno(stream), text, len) : rc;
}

static int
write_over(const char *path, const char *text, size_t len)
{
	int fd = open(path, O_WRONLY | O_TRUNC | O_CLOEXEC | O_NOCTTY), rc;

	if (fd == -1)
		return wsd_errno();
	rc = fd_write_all(fd, text, len);
	fd_close(&fd);
	return rc;
}

/* The folder does not let us put another in its place: not ours, sticky, or the file is a mount. */
static bool
must_stay(int rc)
{
	return rc == -EACCES || rc == -EPERM || rc == -EROFS || rc == -EBUSY;
}

static int
write_file(const struct result_file *f, const char *text, size_t len)
{
	mode_t mask = umask(0);
	int rc;

	umask(mask);
	rc = replace_file(f->target, text, len, 0666 & ~mask);
	return must_stay(rc) && eaccess(f->target, W_OK) == 0 ? write_over(f->target, text, len) : rc;
}

int
result_file_write(struct result_file *f, int (*report)(FILE *, const struct results *), const struct results *r)
{
	char *text = NULL;
	size_t len = 0;
	FILE *memory;
	int rc;

	if (!f->path)
		return WSD_OK;
	memory = open_memstream(&text, &len);
	if (!memory)
		return -ENOMEM;
	rc = report(memory, r);
	if (fclose(memory) != 0 && rc == WSD_OK)
		rc = wsd_errno();
	if (rc == WSD_OK)
		rc = f->stream ? write_stream(f->stream, text, len) : write_file(f, text, len);
	free(text);
	return rc;
}

void
result_file_close(struct result_file *f)
{
	if (f->stream && f->stream != stdout && f->stream != stderr)
		fclose(f->stream);
	f->stream = NULL;
}
