/* SPDX-License-Identifier: MIT */
/* Makes a loop's table as large as it can ever get: it never shrinks. */
#include "loop/reserve.h"

#include <fcntl.h>
#include <sys/eventfd.h>
#include <sys/resource.h>

#include "base/check.h"
#include "base/err.h"
#include "base/fd.h"
#include "loop/watch.h"

static void
ignore(uv_poll_t *poll, int status, int events)
{
	(void)poll;
	(void)status;
	(void)events;
}

static int
watch_once(uv_loop_t *loop, int fd)
{
	uv_poll_t poll;
	int rc = uv_poll_init(loop, &poll, fd);

	if (rc != 0)
		return rc;
	rc = loop_watch(&poll, UV_READABLE, ignore);
	uv_close((uv_handle_t *)&poll, NULL);
	uv_run(loop, UV_RUN_NOWAIT);
	return rc;
}

int
loop_reserve(uv_loop_t *loop)
{
	int any = eventfd(0, EFD_CLOEXEC), highest = -1, rc;
	struct rlimit limit;

	if (any == -1 || getrlimit(RLIMIT_NOFILE, &limit) != 0) {
		rc = wsd_errno();
		goto out;
	}
	highest = fcntl(any, F_DUPFD_CLOEXEC, (int)limit.rlim_cur - 1);
	rc = highest == -1 ? wsd_errno() : watch_once(loop, highest);
out:
	fd_close(&highest);
	fd_close(&any);
	return rc;
}
