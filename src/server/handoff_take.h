/* SPDX-License-Identifier: MIT */
/* Taking over connections from another instance. Main thread. */
#ifndef WSD_SERVER_HANDOFF_TAKE_H
#define WSD_SERVER_HANDOFF_TAKE_H

#include <uv.h>

struct importer;
struct receiver;

/* Listens on fd, which it owns in every case, and imports what comes. Ended with receiver_stop(), and a turn of the
 * loop. WSD_OK, or a negative code, and then it was told why. */
int handoff_take_start(struct receiver **out, uv_loop_t *loop, int fd, const char *instance, const struct importer *im);

#endif
