/* SPDX-License-Identifier: MIT */
#include "ctl/program.h"

#include <dirent.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "ctl/child.h"
#include "ctl/instance.h"
#include "ctl/why.h"

#define KEEP_TIMEOUT_MS 30000

static const char *kept = PROGRAMS_DIR;
static const char *used = "/var/lib/ws/programs";

void
program_places(const char *kept_in, const char *used_in)
{
	kept = kept_in;
	used = used_in;
}

static void
read_link(char out[PROGRAM_MAX], const char *folder, const char *name)
{
	char path[PATH_MAX];
	ssize_t n;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	n = readlink(path, out, PROGRAM_MAX - 1);
	out[n > 0 ? n : 0] = '\0';
}

void
program_of(const char *instance, char out[PROGRAM_MAX])
{
	read_link(out, used, instance);
}

void
program_installed(char out[PROGRAM_MAX])
{
	read_link(out, kept, "installed");
}

const char *
program_name(const char *folder)
{
	const char *slash = strrchr(folder, '/');

	return slash ? slash + 1 : folder;
}

int
program_each(program_cb cb, void *arg)
{
	DIR *d = opendir(used);
	struct dirent *entry;
	int rc = WSD_OK;

	while (d && rc == WSD_OK && (entry = readdir(d)) != NULL) {
		char folder[PROGRAM_MAX];

		program_of(entry->d_name, folder);
		if (folder[0] && name_is_instance(entry->d_name))
			rc = cb(arg, entry->d_name, folder);
	}
	if (d)
		closedir(d);
	return rc;
}

/* A reader, or a power cut, finds the old link or the new one. */
int
program_use(const char *instance, const char *folder, struct why *why)
{
	char path[PATH_MAX], beside[PATH_MAX + 16];
	int rc = WSD_OK;

	snprintf(path, sizeof(path), "%s/%s", used, instance);
	snprintf(beside, sizeof(beside), "%s.wsctl", path);
	unlink(beside); /* of one that was killed here */
	if (mkdir(used, 0755) != 0 && errno != EEXIST)
		rc = wsd_errno();
	else if (!folder[0])
		rc = unlink(path) == 0 || errno == ENOENT ? WSD_OK : wsd_errno();
	else if (symlink(folder, beside) != 0 || rename(beside, path) != 0)
		rc = wsd_errno();
	return rc == WSD_OK ? rc : why_set(why, rc, "%s: %s", path, wsd_strerror(rc));
}

/* ---- taking one */

/* It is one that is kept, which goes by its folder. */
static bool
take_kept(const char *path, char out[PROGRAM_MAX])
{
	char folder[PATH_MAX];
	size_t len;

	if (!realpath(kept, folder))
		return false;
	len = strlen(folder);
	if (strncmp(path, folder, len) != 0 || path[len] != '/' || strcmp(strrchr(path, '/'), "/wsd") != 0 ||
	    strchr(path + len + 1, '/') != strrchr(path, '/'))
		return false;
	snprintf(out, PROGRAM_MAX, "%.*s", (int)(strrchr(path, '/') - path), path);
	return true;
}

int
program_take(const char *file, char out[PROGRAM_MAX], struct why *why)
{
	char path[PATH_MAX];
	const char *const argv[] = { PROGRAM_KEEPER, "keep", path, NULL };
	struct child_output said, err;
	struct stat st;
	int rc;

	if (!realpath(file, path) || stat(path, &st) != 0)
		return why_set(why, wsd_errno(), "%s: %s", file, strerror(errno));
	if (!S_ISREG(st.st_mode) || !(st.st_mode & 0111))
		return why_set(why, WSD_E_UNSUPPORTED, "%s: not a program", file);
	if (take_kept(path, out))
		return WSD_OK;
	rc = child_run(argv, KEEP_TIMEOUT_MS, &said, &err, why);
	if (rc != WSD_OK)
		why_set(why, rc, "%s could not be kept: %s", file, err.text && err.text[0] ? err.text : why->text);
	else if (!said.text || said.text[0] != '/' || said.len > PROGRAM_MAX)
		rc = why_set(why, WSD_E_MALFORMED, "%s says no folder", PROGRAM_KEEPER);
	else
		snprintf(out, PROGRAM_MAX, "%.*s", (int)strcspn(said.text, "\n"), said.text);
	child_output_deinit(&said);
	child_output_deinit(&err);
	return rc;
}

/* ---- forgetting */

static int
compare(void *arg, const char *instance, const char *folder)
{
	return strcmp(arg, folder) == 0 ? WSD_E_BUSY : WSD_OK;
}

/* A folder with nothing in it but a program. */
static void
forget(const char *folder)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/wsd", folder);
	unlink(path);
	rmdir(folder);
}

void
program_prune(const char *needed)
{
	char folder[PROGRAM_MAX], installed[PROGRAM_MAX];
	DIR *d = opendir(kept);
	struct dirent *entry;

	program_installed(installed);
	while (d && (entry = readdir(d)) != NULL) {
		int n = snprintf(folder, sizeof(folder), "%s/%s", kept, entry->d_name);
		struct stat st;

		if (entry->d_name[0] == '.' || n >= (int)sizeof(folder) || lstat(folder, &st) != 0 ||
		    !S_ISDIR(st.st_mode))
			continue;
		if (strcmp(folder, installed) != 0 && strcmp(folder, needed) != 0 &&
		    program_each(compare, folder) == WSD_OK)
			forget(folder);
	}
	if (d)
		closedir(d);
}
