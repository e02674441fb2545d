/* SPDX-License-Identifier: MIT */
/* Each file is a memfd: its path, a zero, and what it had. */
#include "kept/file.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "base/fd.h"
#include "kept/table.h"

static int
read_copy(int fd, size_t at, char **out, size_t *len)
{
	struct stat st;
	size_t size;

	if (fstat(fd, &st) != 0 || (size_t)st.st_size < at)
		return WSD_E_MALFORMED;
	size = (size_t)st.st_size - at;
	*out = calloc(1, size + 1);
	if (!*out)
		return -ENOMEM;
	if (pread(fd, *out, size, (off_t)at) != (ssize_t)size) {
		free(*out);
		*out = NULL;
		return -EIO;
	}
	*len = size;
	return WSD_OK;
}

static bool
is_of(int fd, const char *path)
{
	size_t len = strlen(path) + 1;
	char *name = malloc(len);
	bool same = name && pread(fd, name, len, 0) == (ssize_t)len && memcmp(name, path, len) == 0;

	free(name);
	return same;
}

/* Without a copy the next server reads the file itself. */
static void
keep(const char *path, const char *data, size_t len)
{
	int fd = kept_on() ? memfd_create("wsd-file", MFD_CLOEXEC) : -1;

	if (fd == -1)
		return;
	if (fd_write_all(fd, path, strlen(path) + 1) == WSD_OK && fd_write_all(fd, data, len) == WSD_OK)
		kept_add(fd, KEPT_FILE);
	else
		fd_close(&fd);
}

/* -1: there is none. */
static int
find_copy(const char *path)
{
	int fd = -1;

	do
		fd = kept_find(KEPT_FILE, fd + 1);
	while (fd != -1 && !is_of(fd, path));
	return fd;
}

int
kept_read_file(const char *path, size_t room, char **out, size_t *len)
{
	int fd = find_copy(path), rc;

	if (fd != -1)
		return read_copy(fd, strlen(path) + 1, out, len);
	rc = fd_read_file(path, room, out, len);
	if (rc == WSD_OK)
		keep(path, *out, *len);
	return rc;
}

void
kept_renew_file(const char *path, const char *data, size_t len)
{
	int old = find_copy(path);

	keep(path, data, len);
	if (old != -1) {
		kept_remove(old);
		fd_close(&old);
	}
}
