/* SPDX-License-Identifier: MIT */
/* The live line on a terminal. Coordinator. */
#ifndef WSLOAD_PROGRESS_H
#define WSLOAD_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

struct options;
struct plan;
struct shared;

struct progress {
	bool on, shown;
	bool redraws;             /* in one line of a terminal; else a line now and then */
	uint64_t answered, at_ns; /* as of the last line */
};

void progress_init(struct progress *p, const struct options *o);
void progress_show(struct progress *p, const struct options *o, const struct plan *plan, struct shared *shared);
void progress_end(struct progress *p);

#endif
