/* SPDX-License-Identifier: MIT */
/*
 * The service manager: sockets it passes in, and what it is told. Without a manager every call does nothing and
 * succeeds. Main thread, but for what says otherwise. Sources: sd_listen_fds(3), sd_notify(3),
 * sd_watchdog_enabled(3).
 */
#ifndef WSD_SYSD_SYSD_H
#define WSD_SYSD_SYSD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* FileDescriptorName= of our socket units. The handoff's is taken and held; nothing speaks on it yet. */
enum sysd_role { SYSD_PUBLIC, SYSD_ADMIN, SYSD_HANDOFF, SYSD_ROLES };

#define SYSD_LISTENERS_MAX 16 /* of each role */

/* What an earlier process of ours left in the manager's file descriptor store. */
enum sysd_kept { SYSD_LOT_IN, SYSD_LOT_OUT, SYSD_LOT_TABLE, SYSD_CHANNELS, SYSD_KEPT };

struct sysd_listeners {
	int fds[SYSD_ROLES][SYSD_LISTENERS_MAX];
	unsigned n[SYSD_ROLES];
	int kept[SYSD_KEPT]; /* -1: none */
};

/*
 * Takes the passed sockets: CLOEXEC and O_NONBLOCK are set, and each is checked to be a listening stream socket of
 * family AF_INET, AF_INET6 or AF_UNIX with a known name; for the handoff, a listening unix socket of type
 * SOCK_SEQPACKET. A unit's own name, the default, says which by its part before "@" or ".": "ws" is public,
 * "ws-admin" is admin, "ws-handoff" is the handoff's. A single socket named "unknown" (by nobody:
 * systemd-socket-activate without --fdname=) or for any other unit counts as public. The environment variables are
 * removed, so that children do not see them.
 *
 * On success (WSD_OK) the caller owns all fds in *out; on failure all passed fds are closed (but where LISTEN_FDS
 * does not say how many there are) and why holds one line that names the fd, what is wrong with it and what is
 * accepted.
 */
int sysd_take_listeners(struct sysd_listeners *out, char *why, size_t why_size);

/* Sends one or more newline-separated assignments, e.g. "READY=1\nSTATUS=..."; failures are ignored, as
 * sd_notify(3) advises. */
int sysd_notify(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* The same for what comes again and again: it does not wait for a manager that does not read, which may be stuck
 * itself, and is lost then. Any thread. */
void sysd_notify_now(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Puts a copy of fd into the manager's store under one of the names above (FileDescriptorStoreMax=). WSD_OK,
 * or a negative errno; WSD_E_UNSUPPORTED without a manager. */
int sysd_store(enum sysd_kept what, int fd);

/* What is there under that name is no more. */
void sysd_unstore(enum sysd_kept what);

/* WatchdogSec= in us; 0: there is none. */
uint64_t sysd_watchdog_us(void);

#endif
