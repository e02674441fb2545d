/* SPDX-License-Identifier: MIT */
/*
 * Signals are blocked in all threads and read from main's loop through a signalfd(2): nothing runs in a handler. They
 * are so from the first line of main on: a restart that follows another at once sends SIGUSR2 to a process that has
 * hardly begun, and what it has been left by the one before must not end with it.
 */
#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "base/check.h"
#include "base/err.h"
#include "base/fd.h"
#include "base/inherited.h"
#include "log/log.h"
#include "loop/watch.h"
#include "server/server.h"
#include "server/server_priv.h"

static void
our_signals(sigset_t *set)
{
	sigemptyset(set);
	sigaddset(set, SIGTERM);
	sigaddset(set, SIGINT);
	sigaddset(set, SIGUSR2);
	sigaddset(set, SIGHUP);
	sigaddset(set, SIGUSR1);
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

	our_signals(&set);
	CHECK_ZERO(pthread_sigmask(SIG_SETMASK, &set, NULL));
	CHECK(sigaction(SIGPIPE, &ignore, NULL) == 0);
}

static void
on_signal(uv_poll_t *poll, int status, int events)
{
	struct server *s = poll->data;
	struct signalfd_siginfo info;

	CHECK_MAGIC(s, SERVER_MAGIC);
	while (read(s->signal_fd, &info, sizeof(info)) == (ssize_t)sizeof(info))
		lifecycle_signal(s, (int)info.ssi_signo);
}

int
signals_start(struct server *s)
{
	sigset_t set;
	int rc;

	our_signals(&set);
	s->signal_fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
	if (s->signal_fd == -1) {
		rc = wsd_errno();
		log_error("could not create a signalfd (%s)", wsd_strerror(rc));
		return rc;
	}
	CHECK_ZERO(uv_poll_init(&s->loop, &s->signals, s->signal_fd));
	s->signals.data = s;
	rc = loop_watch(&s->signals, UV_READABLE, on_signal);
	if (rc != WSD_OK) {
		log_error("could not watch for signals (%s)", wsd_strerror(rc));
		signals_stop(s);
	}
	return rc;
}

void
signals_stop(struct server *s)
{
	uv_close((uv_handle_t *)&s->signals, NULL);
	uv_run(&s->loop, UV_RUN_NOWAIT);
	fd_close(&s->signal_fd);
}
