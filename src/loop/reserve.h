/* SPDX-License-Identifier: MIT */
/*
 * libuv keeps a table of what it watches, by number of descriptor, and aborts the process if it cannot grow it.
 * So it is made to grow once, as far as the limit of open files allows, before anything depends on it. The thread
 * that has the loop.
 */
#ifndef WSD_LOOP_RESERVE_H
#define WSD_LOOP_RESERVE_H

#include <uv.h>

/* For a new loop, after RLIMIT_NOFILE has been set. WSD_OK or a negative errno. */
int loop_reserve(uv_loop_t *loop);

#endif
