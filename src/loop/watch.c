/* SPDX-License-Identifier: MIT */
/* Puts descriptors into a loop's epoll before the loop does. */
#include "loop/watch.h"

#include <errno.h>
#include <sys/epoll.h>

#include "base/check.h"
#include "base/err.h"

int
loop_hold(uv_loop_t *loop, int fd)
{
	struct epoll_event event = { .events = EPOLLIN, .data.fd = fd }; /* as libuv has it */

	if (epoll_ctl(uv_backend_fd(loop), EPOLL_CTL_ADD, fd, &event) == 0 || errno == EEXIST)
		return WSD_OK;
	return wsd_errno();
}

int
loop_watch(uv_poll_t *poll, int events, uv_poll_cb cb)
{
	uv_os_fd_t fd;
	int rc;

	CHECK_ZERO(uv_poll_start(poll, events, cb));
	CHECK_ZERO(uv_fileno((uv_handle_t *)poll, &fd));
	rc = loop_hold(poll->loop, fd);
	if (rc != WSD_OK)
		CHECK_ZERO(uv_poll_stop(poll));
	return rc;
}
