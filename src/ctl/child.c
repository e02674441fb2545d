/* SPDX-License-Identifier: MIT */
#include "ctl/child.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/check.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/fd.h"
#include "base/inherited.h"
#include "ctl/interrupt.h"
#include "ctl/why.h"

#define OUTPUT_MAX (4u << 20)
#define PIECE      16384
#define REST_MOST  64 /* pieces: more than a pipe holds */

struct child {
	pid_t pid;
	int pidfd;
	int pipes[2]; /* read ends: standard output, standard error; -1 at the end, or if it is not kept apart
		       */
	struct child_output *sinks[2];
};

/* What is beyond the limit is read, so that the child can go on, and dropped. */
static bool
drain_pipe(int fd, struct child_output *to)
{
	char buf[PIECE];
	ssize_t n = read(fd, buf, sizeof(buf));

	if (n <= 0)
		return n == -1 && (errno == EINTR || errno == EAGAIN);
	if (to->len + (size_t)n <= OUTPUT_MAX) {
		char *bigger = realloc(to->text, to->len + (size_t)n + 1);

		if (bigger) {
			to->text = bigger;
			memcpy(to->text + to->len, buf, (size_t)n);
			to->len += (size_t)n;
			to->text[to->len] = '\0';
		}
	}
	return true;
}

static int
spawn(struct child *c, const char *const *argv, int out, int err)
{
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attr;
	sigset_t none, defaults;
	int rc;

	sigemptyset(&none);
	inherited_defaults(&defaults);
	CHECK_ZERO(posix_spawn_file_actions_init(&actions));
	CHECK_ZERO(posix_spawnattr_init(&attr));
	CHECK_ZERO(posix_spawnattr_setflags(&attr,
					    POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF));
	CHECK_ZERO(posix_spawnattr_setsigmask(&attr, &none));
	CHECK_ZERO(posix_spawnattr_setsigdefault(&attr, &defaults));
	rc = posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
	if (rc == 0)
		rc = posix_spawn_file_actions_adddup2(&actions, out, STDOUT_FILENO);
	if (rc == 0)
		rc = posix_spawn_file_actions_adddup2(&actions, err, STDERR_FILENO);
	if (rc == 0)
		rc = posix_spawnp(&c->pid, argv[0], &actions, &attr, (char *const *)argv, environ);
	posix_spawn_file_actions_destroy(&actions);
	posix_spawnattr_destroy(&attr);
	return -rc;
}

static int
start(struct child *c, const char *const *argv, bool apart)
{
	int out[2] = { -1, -1 }, err[2] = { -1, -1 };
	int rc = pipe2(out, O_CLOEXEC) == 0 && (!apart || pipe2(err, O_CLOEXEC) == 0) ? WSD_OK : wsd_errno();

	if (rc == WSD_OK)
		rc = spawn(c, argv, out[1], apart ? err[1] : out[1]);
	fd_close(&out[1]);
	fd_close(&err[1]);
	if (rc == WSD_OK) {
		c->pipes[0] = out[0];
		c->pipes[1] = err[0];
		c->pidfd = pidfd_open(c->pid, 0);
		return WSD_OK;
	}
	fd_close(&out[0]);
	fd_close(&err[0]);
	return rc;
}

/* Until it has ended and what it wrote was read. A grandchild that keeps the pipe open is not waited for, and
 * not listened to any longer, however much it writes. */
static int
watch(struct child *c, uint64_t until_ms)
{
	unsigned rest = REST_MOST;
	bool ended = false;

	for (;;) {
		uint64_t now = clock_mono_ms();
		struct pollfd p[] = {
			{ .fd = c->pipes[0], .events = POLLIN },
			{ .fd = c->pipes[1], .events = POLLIN },
			{ .fd = ended ? -1 : c->pidfd, .events = POLLIN },
			{ .fd = ended ? -1 : interrupt_fd(), .events = POLLIN },
		};
		int n = poll(p, 4, ended ? 0 : now < until_ms ? (int)(until_ms - now) : 0);

		if (n == -1 && errno != EINTR)
			return wsd_errno();
		for (int i = 0; i < 2; i++)
			if (p[i].revents && !drain_pipe(c->pipes[i], c->sinks[i]))
				fd_close(&c->pipes[i]);
		if (ended && (n == 0 || rest-- == 0))
			return WSD_OK;
		if (p[2].revents)
			ended = true;
		else if (p[3].revents)
			return -EINTR;
		else if (n == 0)
			return WSD_E_TIMEOUT;
	}
}

static int
judge(int rc, int status, const char *name, struct why *why)
{
	if (rc == WSD_E_TIMEOUT)
		return why_set(why, rc, "%s took too long and was ended", name);
	if (rc == -EINTR)
		return why_set(why, rc, "interrupted");
	if (rc != WSD_OK)
		return why_set(why, rc, "%s: %s", name, wsd_strerror(rc));
	if (WIFSIGNALED(status))
		return why_set(why, WSD_E_LIBRARY, "%s was ended by signal %d", name, WTERMSIG(status));
	if (WEXITSTATUS(status) != 0)
		return why_set(why, WSD_E_LIBRARY, "%s ended with status %d", name, WEXITSTATUS(status));
	return WSD_OK;
}

/* How it ended, in *status; a negative errno if that cannot be known, which is never a success. */
static int
reap(pid_t pid, int *status)
{
	return TEMP_FAILURE_RETRY(waitpid(pid, status, 0)) == pid ? WSD_OK : wsd_errno();
}

int
child_run(const char *const *argv, uint32_t timeout_ms, struct child_output *out, struct child_output *err,
	  struct why *why)
{
	struct child c = { .pipes = { -1, -1 }, .pidfd = -1, .sinks = { out, err } };
	int rc, reaped, status = 0;

	*out = (struct child_output){ .text = NULL };
	if (err)
		*err = (struct child_output){ .text = NULL };
	rc = start(&c, argv, err != NULL);
	if (rc != WSD_OK)
		return why_set(why, rc == -ENOENT ? WSD_E_UNKNOWN : rc, "%s: %s", argv[0], wsd_strerror(rc));
	rc = c.pidfd == -1 ? wsd_errno() : watch(&c, clock_mono_ms() + timeout_ms);
	if (rc != WSD_OK)
		kill(-c.pid, SIGKILL);
	reaped = reap(c.pid, &status);
	if (rc == WSD_OK)
		rc = reaped;
	fd_close(&c.pipes[0]);
	fd_close(&c.pipes[1]);
	fd_close(&c.pidfd);
	return judge(rc, status, argv[0], why);
}

void
child_output_deinit(struct child_output *out)
{
	free(out->text);
	*out = (struct child_output){ .text = NULL };
}
