/* SPDX-License-Identifier: MIT */
/* The journal's native protocol, through libsystemd. Any thread. Sources: sd_journal_sendv(3), systemd.exec(5). */
#define SD_JOURNAL_SUPPRESS_LOCATION /* the place in our source says nothing to an operator; MESSAGE_ID does */
#include "log/log_priv.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/uio.h>
#include <unistd.h>

#include <systemd/sd-journal.h>

#define JOURNAL_FOLDER "/run/systemd/journal"
#define JOURNAL_SOCKET JOURNAL_FOLDER "/socket"

/* $JOURNAL_STREAM is inherited by everything below a service, so that it has to be compared with what stderr is now. */
bool
log_journal_is_stderr(void)
{
	const char *stream = getenv("JOURNAL_STREAM");
	unsigned long long device, inode;
	struct stat st;
	int end = 0;

	if (!stream || sscanf(stream, "%llu:%llu%n", &device, &inode, &end) != 2 || stream[end] != '\0')
		return false;
	return fstat(STDERR_FILENO, &st) == 0 && st.st_dev == device && st.st_ino == inode;
}

/* The service manager gives /dev/null to whoever it starts meanwhile, and tells it nothing. It also does so with
 * StandardError=null, which cannot be told from that. */
bool
log_journal_was_down(void)
{
	const char *started = getenv("SYSTEMD_EXEC_PID"); /* inherited, too */
	struct stat st;

	return started && strtol(started, NULL, 10) == getpid() && fstat(STDERR_FILENO, &st) == 0 &&
	       S_ISCHR(st.st_mode) && st.st_rdev == makedev(1, 3);
}

bool
log_journal_exists(void)
{
	return access(JOURNAL_FOLDER, F_OK) == 0;
}

bool
log_journal_reachable(void)
{
	return access(JOURNAL_SOCKET, F_OK) == 0;
}

bool
log_journal_send(const struct log_sink *sink, const struct log_line *line)
{
	struct iovec iov[LOG_FIELDS_MAX + 4];
	char priority[sizeof("PRIORITY=") + 1];
	char instance[sizeof("WS_INSTANCE=") + LOG_INSTANCE_MAX];
	int n = 0;

	iov[n].iov_base = priority;
	iov[n++].iov_len = (size_t)snprintf(priority, sizeof(priority), "PRIORITY=%d", (int)line->level % 10);
	if (sink->instance[0] != '\0') { /* known once there is a configuration */
		iov[n].iov_base = instance;
		iov[n++].iov_len = (size_t)snprintf(instance, sizeof(instance), "WS_INSTANCE=%s", sink->instance);
	}
	for (unsigned i = 0; i < line->n_items; i++)
		iov[n++] = (struct iovec){ line->items[i].at, line->items[i].len };
	/* 0 also without a socket, as if all were well */
	return sd_journal_sendv(iov, n) == 0 && log_journal_reachable();
}
