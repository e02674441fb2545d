/* SPDX-License-Identifier: MIT */
/* The coordinator: starts the load processes, watches the server meanwhile, and hands back the merged
 * results. */
#ifndef WSLOAD_RUN_H
#define WSLOAD_RUN_H

#include "loadtest/options.h"
#include "loadtest/plan.h"
#include "loadtest/procstat.h"
#include "loadtest/stats.h"

/* The server along the plots' time. */
struct server_point {
	double cpu_share;
	uint64_t rss_bytes;
};

struct results {
	const struct options *o;
	const struct plan *plan;
	struct stats *stats; /* of all processes */
	uint64_t started_real_ms;
	bool interrupted; /* by a signal: the plan was not carried out */
	bool server_measured;
	struct server_figures server;
	struct server_point server_points[STATS_SLOTS];
	double own_memory_per_connection;
	double own_cpu_share; /* of one CPU, per process */
	bool client_limited;  /* our own CPU was at its end, or messages left late: the figures are ours, not
				 the server's */
};

/* Fills r; WSD_OK, or a negative code after one line on standard error. Release with results_deinit(). */
int run(struct options *o, const struct plan *plan, struct results *r);
void results_deinit(struct results *r);

#endif
