/* SPDX-License-Identifier: MIT */
#include "base/replace.h"

#include <fcntl.h>
#include <libgen.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/err.h"
#include "base/fd.h"

#define LINKS_MAX 40 /* as the kernel has it */

/* Where the link leads, if it is one: out then has that in its place. */
static bool
follow(char out[PATH_MAX])
{
	char to[PATH_MAX], folder[PATH_MAX];
	ssize_t n = readlink(out, to, sizeof(to) - 1);

	if (n <= 0)
		return false;
	to[n] = '\0';
	strcpy(folder, out);
	if (to[0] == '/')
		strcpy(out, to);
	else if (snprintf(out, PATH_MAX, "%s/%s", dirname(folder), to) >= PATH_MAX)
		return false;
	return true;
}

/* The same place in its one form. A folder that is not there stays as it is; that is found out by whoever writes. */
static int
resolve_folder(char out[PATH_MAX])
{
	char folder[PATH_MAX], name[PATH_MAX], copy[PATH_MAX];

	strcpy(copy, out);
	if (!realpath(dirname(copy), folder))
		return errno == ENOENT ? WSD_OK : wsd_errno();
	strcpy(copy, out);
	strcpy(name, basename(copy));
	return snprintf(out, PATH_MAX, "%s/%s", folder, name) < PATH_MAX ? WSD_OK : -ENAMETOOLONG;
}

int
replace_target(char out[PATH_MAX], const char *path)
{
	if (realpath(path, out))
		return WSD_OK;
	if (errno != ENOENT)
		return wsd_errno();
	if (snprintf(out, PATH_MAX, "%s", path) >= PATH_MAX)
		return -ENAMETOOLONG;
	for (int i = 0; follow(out); i++)
		if (i == LINKS_MAX)
			return -ELOOP;
	return resolve_folder(out);
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
write_file(int fd, const char *like, const char *text, size_t len, mode_t mode)
{
	struct stat st = { .st_mode = mode, .st_uid = geteuid(), .st_gid = getegid() };
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
	snprintf(out, size, "%s/.wsd-new.XXXXXX", dirname(folder));
	fd = mkostemp(out, O_CLOEXEC);
	return fd == -1 ? wsd_errno() : fd;
}

int
replace_file(const char *path, const char *text, size_t len, mode_t mode)
{
	char target[PATH_MAX], beside[PATH_MAX + 16];
	int fd, rc = replace_target(target, path);

	if (rc != WSD_OK)
		return rc;
	fd = open_beside(beside, sizeof(beside), target);
	if (fd < 0)
		return fd;
	rc = write_file(fd, target, text, len, mode);
	fd_close(&fd);
	if (rc == WSD_OK && rename(beside, target) != 0)
		rc = wsd_errno();
	if (rc != WSD_OK)
		unlink(beside);
	if (rc == WSD_OK)
		sync_folder(target);
	return rc;
}

int
replace_check(const char *path)
{
	char target[PATH_MAX], *folder;
	struct statvfs vfs;
	int rc = replace_target(target, path);

	if (rc != WSD_OK)
		return rc;
	folder = dirname(target);
	if (access(folder, W_OK | X_OK) != 0 || statvfs(folder, &vfs) != 0)
		return wsd_errno();
	return vfs.f_flag & ST_RDONLY ? -EROFS : vfs.f_bavail == 0 ? -ENOSPC : WSD_OK;
}
