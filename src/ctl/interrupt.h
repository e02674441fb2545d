/* SPDX-License-Identifier: MIT */
/*
 * SIGINT, SIGTERM, SIGHUP (a lost terminal) and SIGQUIT as a descriptor that whoever waits can wait for as well, so
 * that nothing ends in the middle of a change. Those that came ignored stay so: under nohup(1) a deploy outlives its
 * terminal. SIGPIPE is ignored: output that nobody reads any more must not stop a deploy.
 */
#ifndef WSD_CTL_INTERRUPT_H
#define WSD_CTL_INTERRUPT_H

#include <stdbool.h>
#include <stdint.h>

/* After inherited_settle(), before anything waits. WSD_OK or a negative errno. */
int interrupt_init(void);

/* Readable once one of the signals has come; -1 while they are held. */
int interrupt_fd(void);

/* One of them has come, and they are not held. */
bool interrupt_seen(void);

/* Until as many releases, what was begun is ended, forwards or backwards, whatever signals come. */
void interrupt_hold(void);
void interrupt_release(void);

/* Waits; WSD_OK, or -EINTR if a signal came. */
int interrupt_pause(uint32_t ms);

#endif
