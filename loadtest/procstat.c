/* SPDX-License-Identifier: MIT */
/* Reading a process's CPU clock and its memory. */
#include "loadtest/procstat.h"

#include <stdio.h>
#include <stdlib.h>
#include <spawn.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/fd.h"

extern char **environ;

/* Asks systemctl, whose answer is stable, instead of linking a bus library for one question. */
static pid_t
unit_pid(const char *unit)
{
	char *const argv[] = { "systemctl", "show", "--property=MainPID", "--value", "--", (char *)unit, NULL };
	posix_spawn_file_actions_t actions;
	int ends[2] = { -1, -1 };
	char text[32] = "";
	pid_t child = -1;
	long pid = 0;

	if (pipe(ends) == -1)
		return 0;
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
	posix_spawn_file_actions_addclose(&actions, ends[0]);
	if (posix_spawnp(&child, argv[0], &actions, NULL, argv, environ) != 0)
		child = -1;
	posix_spawn_file_actions_destroy(&actions);
	fd_close(&ends[1]);
	if (child > 0) {
		size_t len = 0;
		ssize_t n;

		while (len < sizeof(text) - 1 && (n = read(ends[0], text + len, sizeof(text) - 1 - len)) > 0)
			len += (size_t)n;
		waitpid(child, NULL, 0);
		pid = strtol(text, NULL, 10);
	}
	fd_close(&ends[0]);
	return (pid_t)pid;
}

static int
read_cpu(pid_t pid, uint64_t *ns)
{
	struct timespec ts;
	clockid_t clock;
	int rc = clock_getcpuclockid(pid, &clock);

	if (rc != 0)
		return -rc;
	if (clock_gettime(clock, &ts) == -1)
		return -ESRCH;
	*ns = (uint64_t)ts.tv_sec * CLOCK_NS_PER_S + (uint64_t)ts.tv_nsec;
	return WSD_OK;
}

static uint64_t
read_rss(pid_t pid)
{
	unsigned long total, resident = 0;
	char path[64], *text;
	size_t len;

	snprintf(path, sizeof(path), "/proc/%ld/statm", (long)pid);
	if (fd_read_file(path, 256, &text, &len) != WSD_OK)
		return 0;
	if (sscanf(text, "%lu %lu", &total, &resident) != 2)
		resident = 0;
	free(text);
	return (uint64_t)resident * (uint64_t)sysconf(_SC_PAGESIZE);
}

static bool
find_unit(struct procstat *p)
{
	pid_t pid = unit_pid(p->unit);

	p->n = pid > 0;
	p->pids[0] = pid;
	return pid > 0;
}

int
procstat_open(struct procstat *p)
{
	struct procstat_sample sample;

	if (p->unit && !find_unit(p))
		return WSD_E_UNKNOWN;
	return procstat_read(p, &sample);
}

static int
read_all(struct procstat *p, uint64_t *cpu_ns, uint64_t *rss)
{
	*cpu_ns = 0;
	*rss = 0;
	for (unsigned i = 0; i < p->n; i++) {
		uint64_t ns = 0;
		int rc = read_cpu(p->pids[i], &ns);

		if (rc != WSD_OK)
			return rc;
		*cpu_ns += ns;
		*rss += read_rss(p->pids[i]);
	}
	return p->n ? WSD_OK : -ESRCH;
}

int
procstat_read(struct procstat *p, struct procstat_sample *out)
{
	uint64_t cpu_ns;
	int rc = read_all(p, &cpu_ns, &out->rss_bytes);

	if (rc != WSD_OK && p->unit) {
		/* restarted, as a deploy does: what the old process had used stays counted */
		p->cpu_before_ns += p->cpu_latest_ns;
		p->cpu_latest_ns = 0;
		if (find_unit(p))
			rc = read_all(p, &cpu_ns, &out->rss_bytes);
	}
	if (rc == WSD_OK)
		p->cpu_latest_ns = cpu_ns;
	out->at_ns = clock_mono_ns();
	out->cpu_ns = p->cpu_before_ns + p->cpu_latest_ns;
	return rc;
}
