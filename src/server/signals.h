/* SPDX-License-Identifier: MIT */
/* Signals, read from main's loop; server.h has what holds them back until then. Main thread. */
#ifndef WSD_SERVER_SIGNALS_H
#define WSD_SERVER_SIGNALS_H

#include <stdint.h>

#include <uv.h>

struct lifecycle;

struct signals {
	uint32_t magic;
	uv_loop_t *loop;
	struct lifecycle *lifecycle; /* told of each */
	int fd;
	uv_poll_t poll;
};

/* Before the first thread. */
void signals_block(void);

/* WSD_OK or a negative errno, which has been logged. */
int signals_start(struct signals *g, uv_loop_t *loop, struct lifecycle *lifecycle);
void signals_stop(struct signals *g);

#endif
