/* SPDX-License-Identifier: MIT */
/* Files that are replaced in one step. */
#include "base/replace.h"

#include <dirent.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/fd.h"
#include "support/files.h"

/* Each test has a folder of its own, and is in it. */
static char folder[] = "/tmp/wsd-replace.XXXXXX";

static int
enter(void **state)
{
	strcpy(strrchr(folder, '.') + 1, "XXXXXX");
	return !mkdtemp(folder) || chdir(folder) != 0;
}

static int
leave(void **state)
{
	DIR *d = opendir(".");
	struct dirent *entry;

	if (!d)
		return -1;
	while ((entry = readdir(d)) != NULL)
		if (unlink(entry->d_name) != 0 && entry->d_name[0] != '.')
			rmdir(entry->d_name);
	closedir(d);
	return chdir("/") != 0 || rmdir(folder) != 0;
}

static unsigned
count_files(void)
{
	DIR *d = opendir(".");
	struct dirent *entry;
	unsigned n = 0;

	assert_non_null(d);
	while ((entry = readdir(d)) != NULL)
		n += strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0;
	closedir(d);
	return n;
}

static void
check_file(const char *path, const char *text, mode_t mode)
{
	struct stat st;
	char *found;
	size_t len;

	assert_int_equal(fd_read_file(path, 1 << 20, &found, &len), WSD_OK);
	assert_string_equal(found, text);
	assert_int_equal(len, strlen(text));
	free(found);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, mode);
}

static void
test_a_new_file(void **state)
{
	mode_t before = umask(0077);

	assert_int_equal(replace_file("new", "text\n", 5, 0644), WSD_OK);
	umask(before);
	check_file("new", "text\n", 0644);
	assert_int_equal(replace_file("new", "", 0, 0644), WSD_OK);
	check_file("new", "", 0644);
	assert_int_equal(count_files(), 1);
}

static void
test_the_mode_stays(void **state)
{
	make_file("a", "old", 0600);
	assert_int_equal(replace_file("a", "new", 3, 0644), WSD_OK);
	check_file("a", "new", 0600);
	make_file("b", "old", 0664);
	assert_int_equal(replace_file("./b", "n", 1, 0644), WSD_OK);
	check_file("b", "n", 0664);
	assert_int_equal(count_files(), 2);
}

static void
test_the_owner_stays(void **state)
{
	struct stat st;

	if (geteuid() != 0)
		skip();
	make_file("a", "old", 0640);
	assert_int_equal(chown("a", 12345, 54321), 0);
	assert_int_equal(replace_file("a", "new", 3, 0644), WSD_OK);
	assert_int_equal(stat("a", &st), 0);
	assert_int_equal(st.st_uid, 12345);
	assert_int_equal(st.st_gid, 54321);
	check_file("a", "new", 0640);
}

/* Who has it open goes on with the whole old one. */
static void
test_readers_keep_the_old_one(void **state)
{
	char text[8] = "";
	FILE *f;

	make_file("a", "old", 0644);
	f = fopen("a", "r");
	assert_non_null(f);
	assert_int_equal(replace_file("a", "new", 3, 0644), WSD_OK);
	assert_non_null(fgets(text, sizeof(text), f));
	assert_string_equal(text, "old");
	fclose(f);
	check_file("a", "new", 0644);
}

static void
test_a_link_stays_one(void **state)
{
	struct stat st;

	make_file("target", "old", 0600);
	assert_int_equal(symlink("target", "link"), 0);
	assert_int_equal(symlink("link", "further"), 0);
	assert_int_equal(replace_file("further", "new", 3, 0644), WSD_OK);
	check_file("target", "new", 0600);
	assert_int_equal(lstat("link", &st), 0);
	assert_true(S_ISLNK(st.st_mode));
	assert_int_equal(lstat("further", &st), 0);
	assert_true(S_ISLNK(st.st_mode));
	assert_int_equal(count_files(), 3);
}

/* The file goes beside what the link points to, in another folder. */
static void
test_a_link_into_another_folder(void **state)
{
	assert_int_equal(mkdir("sub", 0755), 0);
	make_file("sub/target", "old", 0644);
	assert_int_equal(symlink("sub/target", "link"), 0);
	assert_int_equal(replace_file("link", "new", 3, 0644), WSD_OK);
	check_file("sub/target", "new", 0644);
	assert_int_equal(count_files(), 2);
	assert_int_equal(unlink("sub/target"), 0);
	assert_int_equal(rmdir("sub"), 0); /* nothing else was in it */
}

/* What it points to is made. */
static void
test_a_link_to_nothing(void **state)
{
	char target[PATH_MAX], direct[PATH_MAX];

	assert_int_equal(mkdir("sub", 0755), 0);
	assert_int_equal(symlink("sub/target", "link"), 0);
	assert_int_equal(replace_target(target, "link"), WSD_OK);
	assert_int_equal(replace_target(direct, "./sub/target"), WSD_OK);
	assert_string_equal(target, direct);
	assert_int_equal(replace_file("link", "new", 3, 0640), WSD_OK);
	check_file("sub/target", "new", 0640);
	assert_int_equal(symlink("round", "round"), 0);
	assert_int_equal(replace_file("round", "new", 3, 0644), -ELOOP);
	assert_int_equal(unlink("sub/target"), 0);
}

static void
test_places_that_are_none(void **state)
{
	char longer[6000];

	memset(longer, 'x', sizeof(longer));
	longer[sizeof(longer) - 1] = '\0';
	assert_int_equal(replace_file("no/such/file", "new", 3, 0644), -ENOENT);
	make_file("a", "old", 0644);
	assert_int_equal(replace_file("a/b", "new", 3, 0644), -ENOTDIR);
	assert_int_equal(replace_file(longer, "new", 3, 0644), -ENAMETOOLONG);
	assert_int_equal(mkdir("sub", 0755), 0);
	assert_int_equal(replace_file("sub", "new", 3, 0644), -EISDIR);
	check_file("a", "old", 0644);
	assert_int_equal(count_files(), 2);
}

/* Stands for a full disk. */
static void
test_a_file_that_cannot_be_written(void **state)
{
	struct rlimit before, small;
	char text[4096];
	int rc;

	memset(text, 'x', sizeof(text));
	make_file("a", "old", 0644);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
	small = (struct rlimit){ 1000, before.rlim_max };
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
	rc = replace_file("a", text, sizeof(text), 0644);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
	signal(SIGXFSZ, SIG_DFL);
	assert_int_equal(rc, -EFBIG);
	check_file("a", "old", 0644);
	assert_int_equal(count_files(), 1);
}

/* Asked beforehand, without leaving anything behind. */
static void
test_whether_it_could_be(void **state)
{
	assert_int_equal(replace_check("file"), WSD_OK);
	assert_int_equal(replace_check("new/file"), -ENOENT);
	assert_int_equal(count_files(), 0);
}

#define IN_FOLDER(test) cmocka_unit_test_setup_teardown(test, enter, leave)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		IN_FOLDER(test_a_new_file),
		IN_FOLDER(test_the_mode_stays),
		IN_FOLDER(test_the_owner_stays),
		IN_FOLDER(test_readers_keep_the_old_one),
		IN_FOLDER(test_a_link_stays_one),
		IN_FOLDER(test_a_link_into_another_folder),
		IN_FOLDER(test_a_link_to_nothing),
		IN_FOLDER(test_places_that_are_none),
		IN_FOLDER(test_a_file_that_cannot_be_written),
		IN_FOLDER(test_whether_it_could_be),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
