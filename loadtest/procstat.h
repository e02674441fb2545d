/* SPDX-License-Identifier: MIT */
/*
 * CPU time and memory of the server under test, all its threads (and those that have ended): a process given
 * by number, or the main process of a systemd unit. Coordinator only.
 */
#ifndef WSLOAD_PROCSTAT_H
#define WSLOAD_PROCSTAT_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define PROCSTAT_PIDS 16

struct procstat {
	pid_t pids[PROCSTAT_PIDS];
	unsigned n;
	const char *unit;       /* NULL: none; asked again when its process is gone */
	uint64_t cpu_before_ns; /* of main processes that have been replaced */
	uint64_t cpu_latest_ns;
};

struct procstat_sample {
	uint64_t at_ns;
	uint64_t cpu_ns;
	uint64_t rss_bytes;
};

/* What came of it; 0: not measured. */
struct server_figures {
	double cpu_per_message_ns;
	double cpu_share; /* of one CPU, in the window */
	double memory_per_connection;
	uint64_t rss_before, rss_loaded, rss_peak;
};

/* WSD_OK, -ESRCH (no such process), WSD_E_UNKNOWN (systemd knows no running unit of that name). */
int procstat_open(struct procstat *p);
/* WSD_OK or a negative errno. */
int procstat_read(struct procstat *p, struct procstat_sample *out);

#endif
