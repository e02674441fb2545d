/* SPDX-License-Identifier: MIT */
/*
 * Figures of our own process. Only /proc/self is read, since the unit's ProcSubset=pid hides the rest of
 * /proc: the start time is reckoned from the clocks instead of /proc/stat, once, so that it does not move
 * with the wall clock. Any thread.
 */
#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/err.h"
#include "base/fd.h"
#include "metrics/metrics_priv.h"

/* Places in /proc/self/stat counted from the process's state, which follows the name: proc(5). */
enum {
	STAT_THREADS = 17,
	STAT_START_TICKS = 19,
	STAT_VIRTUAL_BYTES = 20,
	STAT_RESIDENT_PAGES = 21,
	STAT_FIELDS = 22,
};

static bool
read_stat(uint64_t fields[STAT_FIELDS])
{
	char *text, *at, *rest;
	size_t len;
	bool whole = false;

	if (fd_read_file("/proc/self/stat", 4096, &text, &len) != WSD_OK)
		return false;
	at = strrchr(text, ')'); /* the name may hold anything, parentheses too */
	at = at ? strtok_r(at + 1, " ", &rest) : NULL;
	for (unsigned i = 0; at; at = strtok_r(NULL, " ", &rest), i++) {
		fields[i] = strtoull(at, NULL, 10); /* the state's letter becomes 0 */
		if (i == STAT_FIELDS - 1) {
			whole = true;
			break;
		}
	}
	free(text);
	return whole;
}

static bool
count_fds(uint64_t *out)
{
	struct stat st;
	DIR *dir;

	if (stat("/proc/self/fd", &st) == -1)
		return false;
	*out = (uint64_t)st.st_size; /* the number of open fds since Linux 6.2, else 0 */
	if (st.st_size > 0)
		return true;
	dir = opendir("/proc/self/fd");
	if (!dir)
		return false;
	while (readdir(dir))
		++*out;
	closedir(dir);
	*out -= *out < 3 ? *out : 3; /* ".", ".." and the directory itself */
	return true;
}

static double
clock_seconds(clockid_t id)
{
	struct timespec ts = { 0, 0 };

	clock_gettime(id, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec * 1e-9;
}

double
metrics_process_start_time(void)
{
	uint64_t fields[STAT_FIELDS];

	if (!read_stat(fields))
		return 0;
	return clock_seconds(CLOCK_REALTIME) - clock_seconds(CLOCK_BOOTTIME) +
	       (double)fields[STAT_START_TICKS] / (double)sysconf(_SC_CLK_TCK);
}

void
metrics_process_read(struct metrics_process *out)
{
	uint64_t fields[STAT_FIELDS];
	struct rlimit limit;

	memset(out, 0, sizeof(*out));
	out->cpu_s = clock_seconds(CLOCK_PROCESS_CPUTIME_ID);
	out->have_memory = read_stat(fields);
	if (out->have_memory) {
		out->threads = fields[STAT_THREADS];
		out->virtual_bytes = fields[STAT_VIRTUAL_BYTES];
		out->resident_bytes = fields[STAT_RESIDENT_PAGES] * (uint64_t)sysconf(_SC_PAGESIZE);
	}
	out->have_fds = count_fds(&out->open_fds) && getrlimit(RLIMIT_NOFILE, &limit) == 0;
	if (out->have_fds)
		out->max_fds = limit.rlim_cur;
}
