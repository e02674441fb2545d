/* SPDX-License-Identifier: MIT */
#include "ctl/replace.h"

#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "base/fd.h"

/* A link to it stays one: what it points to is replaced. */
static int
resolve(char *out, const char *path)
{
	if (realpath(path, out))
		return WSD_OK;
	if (errno != ENOENT)
		return wsd_errno();
	return snprintf(out, PATH_MAX, "%s", path) < PATH_MAX ? WSD_OK : -ENAMETOOLONG;
}

/* The new file is in place for every reader, so that it is no failure if this does not work: only a power cut
 * that comes at once could bring the old one back. */
static void
sync_folder(const char *path)
{
	char copy[PATH_MAX];
	int fd;

	snprintf(copy, sizeof(copy), "%s", path);
	fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd != -1)
		fsync(fd);
	fd_close(&fd);
}

static int
write_file(int fd, const char *like, const char *text, size_t len)
{
	struct stat st = { .st_mode = 0644, .st_uid = geteuid(), .st_gid = getegid() };
	int rc;

	if (stat(like, &st) != 0 && errno != ENOENT)
		return wsd_errno();
	rc = fd_write_all(fd, text, len);
	if (rc == WSD_OK && fchown(fd, st.st_uid, st.st_gid) != 0)
		rc = wsd_errno();
	if (rc == WSD_OK && fchmod(fd, st.st_mode & 07777) != 0)
		rc = wsd_errno();
	if (rc == WSD_OK && fsync(fd) != 0)
		rc = wsd_errno();
	return rc;
}

/* A new file in the folder of target; hidden, so that nothing that takes all files of a folder takes this
 * one. Its descriptor, or a negative errno. */
static int
open_beside(char *out, size_t size, const char *target)
{
	char folder[PATH_MAX];
	int fd;

	snprintf(folder, sizeof(folder), "%s", target);
	snprintf(out, size, "%s/.wsctl.XXXXXX", dirname(folder));
	fd = mkostemp(out, O_CLOEXEC);
	return fd == -1 ? wsd_errno() : fd;
}

int
replace_file(const char *path, const char *text, size_t len)
{
	char target[PATH_MAX], beside[PATH_MAX + 16];
	int fd, rc = resolve(target, path);

	if (rc != WSD_OK)
		return rc;
	fd = open_beside(beside, sizeof(beside), target);
	if (fd < 0)
		return fd;
	rc = write_file(fd, target, text, len);
	fd_close(&fd);
	if (rc == WSD_OK && rename(beside, target) != 0)
		rc = wsd_errno();
	if (rc != WSD_OK)
		unlink(beside);
	if (rc == WSD_OK)
		sync_folder(target);
	return rc;
}
