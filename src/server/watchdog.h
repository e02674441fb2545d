/* SPDX-License-Identifier: MIT */
/* Ends the process if a loop is stuck for WatchdogSec=: watchdog.c. Main thread. */
#ifndef WSD_SERVER_WATCHDOG_H
#define WSD_SERVER_WATCHDOG_H

#include <uv.h>

struct lot;
struct watchdog;
struct workers;

/* Looks at main's loop and the workers', until watchdog_stop(). lot: for the note of a crash; may be NULL. WSD_OK, and
 * *out is NULL if no watchdog is wanted; or -ENOMEM, or a negative errno. */
int watchdog_start(struct watchdog **out, uv_loop_t *loop, const struct workers *workers, const struct lot *lot);

/* Accepts NULL and clears the pointer. */
void watchdog_stop(struct watchdog **watchdog);

#endif
