/* SPDX-License-Identifier: MIT */
/* Sockets from the service manager, each checked before it is used, and what the manager is told. */
#include "sysd/sysd.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <systemd/sd-daemon.h>

#include "base/check.h"
#include "base/err.h"
#include "base/fd.h"

#define ROLES_NEEDED "FileDescriptorName=public, admin or handoff is needed"

/* What a socket has to be for its role: the type, and what to say if it is something else. */
static const struct role {
	const char *name, *unit;
	int type;
	bool local;
	const char *needed;
} roles[SYSD_ROLES] = {
	[SYSD_PUBLIC] = { "public", "ws", SOCK_STREAM, false, "a listening stream socket (ListenStream=)" },
	[SYSD_ADMIN] = { "admin", "ws-admin", SOCK_STREAM, false, "a listening stream socket (ListenStream=)" },
	[SYSD_HANDOFF] = { "handoff", "ws-handoff", SOCK_SEQPACKET, true,
			   "a listening unix socket of packets (ListenSequentialPacket=)" },
};

/* The name as one printable word: it comes from the environment and goes into a log line. */
static const char *
printable(char *out, size_t size, const char *name)
{
	size_t n = 0;

	for (; *name && n + 1 < size; name++)
		out[n++] = *name > ' ' && *name < 0x7f && *name != '"' ? *name : '?';
	out[n] = '\0';
	return out;
}

static bool
option_is(int fd, int option, int *value)
{
	socklen_t len = sizeof(*value);

	return getsockopt(fd, SOL_SOCKET, option, value, &len) == 0;
}

/* NULL: the socket can be listened on. Else what it is instead. */
static const char *
unusable(int fd, const struct role *role)
{
	struct stat st;
	int value;

	if (fstat(fd, &st) == -1)
		return "not an open file";
	if (!S_ISSOCK(st.st_mode))
		return "not a socket";
	if (!option_is(fd, SO_DOMAIN, &value) || (value != AF_INET && value != AF_INET6 && value != AF_UNIX))
		return "not an IPv4, IPv6 or unix socket";
	if (role->local && value != AF_UNIX)
		return "not a unix socket";
	if (!option_is(fd, SO_TYPE, &value) || value != role->type)
		return role->type == SOCK_STREAM ? "not a stream socket" : "not a socket of packets";
	if (!option_is(fd, SO_ACCEPTCONN, &value) || value == 0)
		return "not listening";
	return NULL;
}

/* SYSD_ROLES: none. */
static enum sysd_role
role_of(const char *name, bool only_one)
{
	const char *dot = strrchr(name, '.');
	bool unit = dot && strcmp(dot, ".socket") == 0;
	size_t stem = strcspn(name, "@.");

	for (enum sysd_role role = 0; role < SYSD_ROLES; role++) {
		const char *own = roles[role].unit;

		if (strcmp(name, roles[role].name) == 0)
			return role;
		if (unit && stem == strlen(own) && strncmp(name, own, stem) == 0)
			return role;
	}
	if (only_one && (unit || strcmp(name, "unknown") == 0 || name[0] == '\0'))
		return SYSD_PUBLIC;
	return SYSD_ROLES;
}

static const char *const kept_names[SYSD_KEPT] = {
	[SYSD_LOT_IN] = "lot-in",
	[SYSD_LOT_OUT] = "lot-out",
	[SYSD_LOT_TABLE] = "lot-table",
	[SYSD_CHANNELS] = "channels",
};

/* Takes what is not a listening socket but ours from before. Its user checks what it is. */
static bool
take_kept(struct sysd_listeners *out, int fd, const char *name)
{
	for (int i = 0; i < SYSD_KEPT; i++) {
		if (strcmp(name, kept_names[i]) != 0)
			continue;
		fd_close(&out->kept[i]);
		out->kept[i] = fd;
		fd_set_cloexec(fd);
		return true;
	}
	return false;
}

int
sysd_store(enum sysd_kept what, int fd)
{
	char state[64];
	int rc;

	snprintf(state, sizeof(state), "FDSTORE=1\nFDPOLL=0\nFDNAME=%s", kept_names[what]);
	rc = sd_pid_notify_with_fds(0, 0, state, &fd, 1);
	return rc > 0 ? WSD_OK : rc == 0 ? WSD_E_UNSUPPORTED : rc;
}

void
sysd_unstore(enum sysd_kept what)
{
	sysd_notify("FDSTOREREMOVE=1\nFDNAME=%s", kept_names[what]);
}

static int
take_one(struct sysd_listeners *out, int fd, const char *name, bool only_one, char *why, size_t why_size)
{
	enum sysd_role role = role_of(name, only_one);
	const struct role *wanted = &roles[role == SYSD_ROLES ? SYSD_PUBLIC : role];
	const char *wrong = unusable(fd, wanted);
	char shown[64];
	int rc;

	printable(shown, sizeof(shown), name);
	if (wrong) {
		snprintf(why, why_size, "fd %d (\"%s\"): %s; %s is needed", fd, shown, wrong, wanted->needed);
		return WSD_E_UNSUPPORTED;
	}
	if (role == SYSD_ROLES) {
		snprintf(why, why_size, "fd %d (\"%s\"): no known name; " ROLES_NEEDED, fd, shown);
		return WSD_E_UNKNOWN;
	}
	if (out->n[role] == SYSD_LISTENERS_MAX) {
		snprintf(why, why_size, "fd %d (\"%s\"): one too many; at most %d sockets of a name are accepted", fd,
			 shown, SYSD_LISTENERS_MAX);
		return WSD_E_TOO_LARGE;
	}
	rc = fd_set_cloexec(fd);
	if (rc == WSD_OK)
		rc = fd_set_nonblock(fd);
	if (rc != WSD_OK) {
		snprintf(why, why_size, "fd %d (\"%s\"): could not be set up (%s)", fd, shown, wsd_strerror(rc));
		return rc;
	}
	out->fds[role][out->n[role]++] = fd;
	return WSD_OK;
}

static void
forget_environment(void)
{
	unsetenv("LISTEN_PID");
	unsetenv("LISTEN_PIDFDID");
	unsetenv("LISTEN_FDS");
	unsetenv("LISTEN_FDNAMES");
}

static void
close_passed(int n)
{
	for (int fd = SD_LISTEN_FDS_START; fd < SD_LISTEN_FDS_START + n; fd++) {
		int passed = fd;

		fd_close(&passed);
	}
}

static int
take_all(struct sysd_listeners *out, int n, char **names, char *why, size_t why_size)
{
	int rc = WSD_OK;

	for (int i = 0; i < n && rc == WSD_OK; i++)
		if (!take_kept(out, SD_LISTEN_FDS_START + i, names[i]))
			rc = take_one(out, SD_LISTEN_FDS_START + i, names[i], n == 1, why, why_size);
	return rc;
}

static void
empty(struct sysd_listeners *out)
{
	memset(out, 0, sizeof(*out));
	for (int i = 0; i < SYSD_KEPT; i++)
		out->kept[i] = -1;
}

int
sysd_take_listeners(struct sysd_listeners *out, char *why, size_t why_size)
{
	char **names = NULL;
	int n, named, rc = WSD_OK;

	empty(out);
	n = sd_listen_fds(0); /* first without names: if those are wrong, it is known how many to close */
	if (n < 0) {
		snprintf(why, why_size, "LISTEN_FDS and LISTEN_PID: not what sd_listen_fds(3) defines (%s)",
			 wsd_strerror(n));
		rc = WSD_E_MALFORMED;
		goto out;
	}
	named = sd_listen_fds_with_names(0, &names);
	if (named != n) {
		snprintf(why, why_size, "LISTEN_FDNAMES: %d names, one for each socket, are needed", n);
		rc = named == -ENOMEM ? -ENOMEM : WSD_E_MALFORMED;
		goto out;
	}
	rc = take_all(out, n, names, why, why_size);
out:
	if (rc != WSD_OK) {
		close_passed(n);
		empty(out);
	}
	for (int i = 0; names && names[i]; i++)
		free(names[i]);
	free(names);
	forget_environment();
	return rc;
}

int
sysd_notify(const char *format, ...)
{
	char state[512];
	va_list args;
	int len, rc;

	va_start(args, format);
	len = vsnprintf(state, sizeof(state), format, args);
	va_end(args);
	CHECK(len >= 0 && (size_t)len < sizeof(state));
	rc = sd_notify(0, state);
	return rc < 0 ? rc : WSD_OK; /* 0: nobody is to be notified */
}

/* As sd_notify(3) describes the socket; false: it is of another kind. */
static bool
notify_address(struct sockaddr_un *at, socklen_t *len)
{
	const char *path = getenv("NOTIFY_SOCKET");
	size_t n = path ? strlen(path) : 0;

	if (n < 2 || n >= sizeof(at->sun_path) || (path[0] != '/' && path[0] != '@'))
		return false;
	*at = (struct sockaddr_un){ .sun_family = AF_UNIX };
	memcpy(at->sun_path, path, n);
	if (path[0] == '@')
		at->sun_path[0] = '\0';
	*len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n);
	return true;
}

void
sysd_notify_now(const char *format, ...)
{
	struct sockaddr_un at;
	socklen_t at_len;
	char state[512];
	va_list args;
	int len, fd;

	if (!notify_address(&at, &at_len))
		return;
	va_start(args, format);
	len = vsnprintf(state, sizeof(state), format, args);
	va_end(args);
	CHECK(len >= 0 && (size_t)len < sizeof(state));
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd != -1 && sendto(fd, state, (size_t)len, MSG_NOSIGNAL, (const struct sockaddr *)&at, at_len) == -1) {
		/* no state that lasts: the next one tells more */
	}
	fd_close(&fd);
}

uint64_t
sysd_watchdog_us(void)
{
	uint64_t us = 0;

	return sd_watchdog_enabled(0, &us) > 0 ? us : 0;
}
