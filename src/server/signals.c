/* SPDX-License-Identifier: MIT */
/*
 * Signals are blocked in all threads and read from main's loop through a signalfd(2): nothing runs in a handler. They
 * are so from the first line of main on: a restart that follows another at once sends SIGUSR2 to a process that has
 * hardly begun, and what it has been left by the one before must not end with it.
 */
#include "server/signals.h"

#include <signal.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "base/check.h"
#include "base/err.h"
#include "base/fd.h"
#include "base/inherited.h"
#include "keeper/keeper.h"
#include "log/log.h"
#include "loop/watch.h"
#include "server/lifecycle.h"
#include "server/server.h"

#define SIGNALS_MAGIC 0x7369676eu

void
server_signals(sigset_t *set)
{
	sigemptyset(set);
	sigaddset(set, SIGTERM);
	sigaddset(set, SIGINT);
	sigaddset(set, SIGUSR2);
	sigaddset(set, SIGHUP);
	sigaddset(set, SIGUSR1);
	sigaddset(set, keeper_signal());
	inherited_respect(set);
}

void
server_hold_signals(void)
{
	sigset_t all;

	sigfillset(&all);
	inherited_settle(&all); /* only then is it known which ones came ignored */
	signals_block();
}

void
server_release_signals(void)
{
	sigset_t none;

	sigemptyset(&none);
	CHECK_ZERO(pthread_sigmask(SIG_SETMASK, &none, NULL));
}

void
signals_block(void)
{
	struct sigaction ignore = { .sa_handler = SIG_IGN };
	sigset_t set;

	server_signals(&set);
	CHECK_ZERO(pthread_sigmask(SIG_SETMASK, &set, NULL));
	CHECK(sigaction(SIGPIPE, &ignore, NULL) == 0);
}

static void
on_signal(uv_poll_t *poll, int status, int events)
{
	struct signals *g = poll->data;
	struct signalfd_siginfo info;

	CHECK_MAGIC(g, SIGNALS_MAGIC);
	while (read(g->fd, &info, sizeof(info)) == (ssize_t)sizeof(info)) {
		int signo = keeper_signal_of((int)info.ssi_signo, info.ssi_int);

		if (signo != 0)
			lifecycle_signal(g->lifecycle, signo);
	}
}

int
signals_start(struct signals *g, uv_loop_t *loop, struct lifecycle *lifecycle)
{
	sigset_t set;
	int rc;

	*g = (struct signals){ .magic = SIGNALS_MAGIC, .loop = loop, .lifecycle = lifecycle };
	server_signals(&set);
	g->fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
	if (g->fd == -1) {
		rc = wsd_errno();
		log_error("could not create a signalfd (%s)", wsd_strerror(rc));
		return rc;
	}
	CHECK_ZERO(uv_poll_init(g->loop, &g->poll, g->fd));
	g->poll.data = g;
	rc = loop_watch(&g->poll, UV_READABLE, on_signal);
	if (rc != WSD_OK) {
		log_error("could not watch for signals (%s)", wsd_strerror(rc));
		signals_stop(g);
	}
	return rc;
}

void
signals_stop(struct signals *g)
{
	uv_close((uv_handle_t *)&g->poll, NULL);
	uv_run(g->loop, UV_RUN_NOWAIT);
	fd_close(&g->fd);
}
