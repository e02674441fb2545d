/* SPDX-License-Identifier: MIT */
#include "ctl/interrupt.h"

#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <sys/signalfd.h>

#include "base/check.h"
#include "base/err.h"
#include "base/inherited.h"

static int fd = -1;
static unsigned held;

int
interrupt_init(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGQUIT);
	inherited_respect(&set);
	signal(SIGPIPE, SIG_IGN);
	if (sigprocmask(SIG_BLOCK, &set, NULL) != 0)
		return wsd_errno();
	fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	return fd == -1 ? wsd_errno() : WSD_OK;
}

int
interrupt_fd(void)
{
	return held > 0 ? -1 : fd;
}

bool
interrupt_seen(void)
{
	/* never read, so that it stays so */
	struct pollfd p = { .fd = interrupt_fd(), .events = POLLIN };

	return poll(&p, 1, 0) == 1;
}

void
interrupt_hold(void)
{
	held++;
}

void
interrupt_release(void)
{
	CHECK(held > 0);
	held--;
}

int
interrupt_pause(uint32_t ms)
{
	struct pollfd p = { .fd = interrupt_fd(), .events = POLLIN };

	return poll(&p, 1, (int)ms) == 1 ? -EINTR : WSD_OK;
}
