/* SPDX-License-Identifier: MIT */
/* The mapping that the coordinator and the load processes share. */
#ifndef WSLOAD_SHARED_H
#define WSLOAD_SHARED_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "loadtest/stats.h"

#define SHARED_PHASE_END 100 /* the last answers are awaited and the connections closed */

struct shared {
	_Atomic bool stop;          /* coordinator: wind up now */
	_Atomic uint32_t settled;   /* processes whose connections are all there */
	_Atomic uint64_t go_ns;     /* when all go on from there; 0: not known yet */
	_Atomic uint32_t measuring; /* processes that are in the measured window */
	_Atomic uint32_t measured;  /* processes that have left it */
	_Atomic uint32_t phase;     /* of process 0: index into the plan, or SHARED_PHASE_END */
	_Atomic uint64_t phase_start_ns;
	_Atomic uint64_t own_rss_before, own_rss_loaded; /* of all load processes */
	uint64_t start_ns;                               /* [const after start] */
	struct stats stats[];                            /* one for each process */
};

#endif
