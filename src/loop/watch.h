/* SPDX-License-Identifier: MIT */
/*
 * libuv tells epoll what to watch when the loop waits next, and aborts the process if epoll does not take it: the
 * user has all of fs.epoll.max_user_watches in use, or the kernel has no memory. Here epoll is told at once, so that
 * it can be said no to; libuv finds the descriptor there already, and has only to change what is waited for, which
 * takes no memory. The thread that has the loop.
 */
#ifndef WSD_LOOP_WATCH_H
#define WSD_LOOP_WATCH_H

#include <uv.h>

/* As uv_poll_start(). WSD_OK, or a negative errno: then it is stopped. */
int loop_watch(uv_poll_t *poll, int events, uv_poll_cb cb);

/* For a descriptor that somebody else's handle watches, or is about to. WSD_OK or a negative errno. */
int loop_hold(uv_loop_t *loop, int fd);

#endif
