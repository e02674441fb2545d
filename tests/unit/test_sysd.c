/* SPDX-License-Identifier: MIT */
/*
 * Sockets passed in: real ones, from fd 3 up, to a child as a service manager starts it. The child sends back
 * what it made of them in one line, since an assertion that fails there would not be heard here.
 */
#include "sysd/sysd.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/fd.h"

enum kind { TCP4, TCP6, UNIX, DGRAM, SEQPACKET, UNBOUND, CONNECTED, REGULAR, EVENT, CLOSED };

#define OUT_OF_THE_WAY 400

static int
listening(int family)
{
	struct sockaddr_in in = { .sin_family = AF_INET, .sin_addr = { htonl(INADDR_LOOPBACK) } };
	struct sockaddr_in6 in6 = { .sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT };
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	int fd = socket(family, SOCK_STREAM, 0);

	if (family == AF_INET)
		bind(fd, (struct sockaddr *)&in, sizeof(in));
	else if (family == AF_INET6)
		bind(fd, (struct sockaddr *)&in6, sizeof(in6));
	else
		bind(fd, (struct sockaddr *)&un, sizeof(un.sun_family)); /* an abstract name: unix(7), autobind */
	listen(fd, 16);
	return fd;
}

static int
make(enum kind kind)
{
	int pair[2];

	switch (kind) {
	case TCP4:
		return listening(AF_INET);
	case TCP6:
		return listening(AF_INET6);
	case UNIX:
		return listening(AF_UNIX);
	case DGRAM:
		return socket(AF_INET, SOCK_DGRAM, 0);
	case SEQPACKET:
		return socket(AF_UNIX, SOCK_SEQPACKET, 0);
	case UNBOUND:
		return socket(AF_INET, SOCK_STREAM, 0);
	case CONNECTED:
		return socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0 ? pair[0] : -1;
	case REGULAR:
		return memfd_create("file", 0);
	case EVENT:
		return eventfd(0, 0);
	default:
		return -1;
	}
}

static bool
environment_is_left(void)
{
	return getenv("LISTEN_PID") || getenv("LISTEN_FDS") || getenv("LISTEN_FDNAMES");
}

static void
say_fds(FILE *to, const struct sysd_listeners *got, enum sysd_role role)
{
	for (unsigned i = 0; i < got->n[role]; i++) {
		int fd = got->fds[role][i];

		fprintf(to, "%s%d", i ? "," : "", fd);
		if (!(fcntl(fd, F_GETFD) & FD_CLOEXEC) || !(fcntl(fd, F_GETFL) & O_NONBLOCK))
			fputs("(not set up)", to);
	}
}

/* In the child: "rc public-fds admin-fds number-of-open-fds [why]" */
static void
take_and_tell(FILE *to, unsigned n)
{
	struct sysd_listeners got;
	char why[512] = "";
	unsigned still_open = 0;
	int rc = sysd_take_listeners(&got, why, sizeof(why));

	fprintf(to, "%d public:", rc);
	say_fds(to, &got, SYSD_PUBLIC);
	fputs(" admin:", to);
	say_fds(to, &got, SYSD_ADMIN);
	for (unsigned i = 0; i < n; i++)
		still_open += fcntl(3 + (int)i, F_GETFD) != -1;
	fprintf(to, " open:%u%s %s", still_open, environment_is_left() ? " environment left" : "", why);
}

static void
be_started(const enum kind *kinds, unsigned n, const char *fds, const char *names, bool our_pid)
{
	int made[64];
	char number[16];

	for (unsigned i = 0; i < n; i++) {
		int fd = make(kinds[i]);

		made[i] = fd >= 0 ? fcntl(fd, F_DUPFD_CLOEXEC, OUT_OF_THE_WAY) : -1;
		fd_close(&fd);
	}
	for (unsigned i = 0; i < n; i++) {
		int at = 3 + (int)i;

		if (made[i] >= 0)
			dup2(made[i], at);
		else
			fd_close(&at);
		fd_close(&made[i]);
	}
	snprintf(number, sizeof(number), "%d", our_pid ? (int)getpid() : (int)getppid());
	setenv("LISTEN_PID", number, 1);
	snprintf(number, sizeof(number), "%u", n);
	setenv("LISTEN_FDS", fds ? fds : number, 1);
	if (names)
		setenv("LISTEN_FDNAMES", names, 1);
	else
		unsetenv("LISTEN_FDNAMES");
}

/* What a daemon started with these sockets says. A static buffer. */
static const char *
started_with(const enum kind *kinds, unsigned n, const char *fds, const char *names, bool our_pid)
{
	static char said[1024];
	int pipe_fds[2], status, high;
	size_t len = 0;
	ssize_t got;
	pid_t pid;

	assert_int_equal(pipe2(pipe_fds, O_CLOEXEC), 0);
	high = fcntl(pipe_fds[1], F_DUPFD_CLOEXEC, OUT_OF_THE_WAY);
	assert_true(high >= 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		FILE *to = fdopen(high, "w");

		be_started(kinds, n, fds, names, our_pid);
		take_and_tell(to, n);
		fclose(to);
		_exit(0);
	}
	fd_close(&pipe_fds[1]);
	fd_close(&high);
	while ((got = read(pipe_fds[0], said + len, sizeof(said) - 1 - len)) > 0)
		len += (size_t)got;
	said[len] = '\0';
	fd_close(&pipe_fds[0]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	return said;
}

#define SOCKETS(...) (const enum kind[]){ __VA_ARGS__ }, sizeof((const enum kind[]){ __VA_ARGS__ }) / sizeof(enum kind)

static void
accepted(const enum kind *kinds, unsigned n, const char *names, const char *public_fds, const char *admin_fds)
{
	char expected[256];

	snprintf(expected, sizeof(expected), "0 public:%s admin:%s open:%u ", public_fds, admin_fds, n);
	assert_string_equal(started_with(kinds, n, NULL, names, true), expected);
}

/* Everything is closed, and the line names what is wrong. */
static void
refused(int rc, const enum kind *kinds, unsigned n, const char *names, const char *why)
{
	char expected[512];

	snprintf(expected, sizeof(expected), "%d public: admin: open:0 %s", rc, why);
	assert_string_equal(started_with(kinds, n, NULL, names, true), expected);
}

static void
test_good_sockets(void **state)
{
	accepted(SOCKETS(TCP4), "public", "3", "");
	accepted(SOCKETS(TCP6), "public", "3", "");
	accepted(SOCKETS(UNIX), "admin", "", "3");
	accepted(SOCKETS(TCP4, TCP6, UNIX, TCP4), "public:admin:admin:public", "3,6", "4,5");
	accepted(SOCKETS(UNIX, UNIX, UNIX), "admin:public:public", "4,5", "3");
}

static void
test_names_of_units(void **state)
{
	accepted(SOCKETS(TCP4, UNIX), "ws@blue.socket:ws-admin@blue.socket", "3", "4");
	accepted(SOCKETS(TCP4, UNIX), "ws-admin.socket:ws.socket", "4", "3");
	accepted(SOCKETS(TCP4), "ws-admin@green.socket", "", "3");
	accepted(SOCKETS(TCP4), "mine.socket", "3", "");
	accepted(SOCKETS(TCP4), "unknown", "3", "");
	accepted(SOCKETS(TCP4), NULL, "3", "");
}

static void
test_unknown_names(void **state)
{
	refused(WSD_E_UNKNOWN, SOCKETS(TCP4), "metrics",
		"fd 3 (\"metrics\"): no known name; FileDescriptorName=public, admin or handoff is needed");
	refused(WSD_E_UNKNOWN, SOCKETS(TCP4, TCP4), "unknown:unknown",
		"fd 3 (\"unknown\"): no known name; FileDescriptorName=public, admin or handoff is needed");
	refused(WSD_E_UNKNOWN, SOCKETS(TCP4, TCP4), NULL,
		"fd 3 (\"unknown\"): no known name; FileDescriptorName=public, admin or handoff is needed");
	refused(WSD_E_UNKNOWN, SOCKETS(TCP4, TCP4), "public:mine.socket",
		"fd 4 (\"mine.socket\"): no known name; FileDescriptorName=public, admin or handoff is needed");
	refused(WSD_E_UNKNOWN, SOCKETS(TCP4, TCP4), "public:a\nb\x1b\"",
		"fd 4 (\"a?b??\"): no known name; FileDescriptorName=public, admin or handoff is needed");
}

static void
test_wrong_kinds(void **state)
{
	static const struct {
		enum kind kind;
		const char *wrong;
	} wrong[] = {
		{ DGRAM, "not a stream socket" }, { SEQPACKET, "not a stream socket" }, { UNBOUND, "not listening" },
		{ CONNECTED, "not listening" },   { REGULAR, "not a socket" },          { EVENT, "not a socket" },
	};

	for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
		char why[256];

		snprintf(why, sizeof(why), "fd 4 (\"admin\"): %s; a listening stream socket (ListenStream=) is needed",
			 wrong[i].wrong);
		refused(WSD_E_UNSUPPORTED, SOCKETS(TCP4, wrong[i].kind, UNIX), "public:admin:public", why);
	}
}

static void
test_too_many(void **state)
{
	enum kind kinds[SYSD_LISTENERS_MAX + 1];
	char names[sizeof(kinds) / sizeof(*kinds) * sizeof("public")] = "public";

	for (unsigned i = 0; i <= SYSD_LISTENERS_MAX; i++)
		kinds[i] = UNIX;
	for (unsigned i = 1; i < SYSD_LISTENERS_MAX; i++)
		strcat(names, ":public");
	accepted(kinds, SYSD_LISTENERS_MAX, names, "3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18", "");
	strcat(names, ":public");
	refused(WSD_E_TOO_LARGE, kinds, SYSD_LISTENERS_MAX + 1, names,
		"fd 19 (\"public\"): one too many; at most 16 sockets of a name are accepted");
}

static void
test_number_of_names(void **state)
{
	refused(WSD_E_MALFORMED, SOCKETS(TCP4, TCP4), "public",
		"LISTEN_FDNAMES: 2 names, one for each socket, are needed");
	refused(WSD_E_MALFORMED, SOCKETS(TCP4), "public:admin",
		"LISTEN_FDNAMES: 1 names, one for each socket, are needed");
}

static void
test_garbage_counts(void **state)
{
	static const char *const counts[] = { "0",  "-1", "-2147483648",          "x",
					      "1x", " ",  "99999999999999999999", "2147483647" };

	for (size_t i = 0; i < sizeof(counts) / sizeof(*counts); i++) {
		const char *said = started_with(SOCKETS(TCP4), counts[i], "public", true);
		int rc = 0;

		assert_int_equal(sscanf(said, "%d public: admin:", &rc), 1);
		if (rc != WSD_E_MALFORMED ||
		    !strstr(said, " LISTEN_FDS and LISTEN_PID: not what sd_listen_fds(3) defines"))
			fail_msg("LISTEN_FDS=%s: %s", counts[i], said);
		assert_null(strstr(said, "environment left"));
	}
}

/* More are announced than there are. */
static void
test_closed_fds(void **state)
{
	const char *said = started_with(SOCKETS(TCP4, CLOSED), NULL, "public:public", true);

	assert_non_null(strstr(said, "(Bad file descriptor)"));
}

/* For another process: an activated one has handed its environment down. */
static void
test_not_for_us(void **state)
{
	assert_string_equal(started_with(SOCKETS(TCP4), NULL, "public", false), "0 public: admin: open:1 ");
}

static void
test_notify(void **state)
{
	struct sockaddr_un name = { .sun_family = AF_UNIX };
	socklen_t len = sizeof(name.sun_family);
	char path[sizeof(name.sun_path) + 1] = "@", text[256];
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	ssize_t n;

	sysd_notify("READY=%d", 1); /* no manager: nothing happens */
	assert_int_equal(bind(fd, (struct sockaddr *)&name, len), 0);
	len = sizeof(name);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&name, &len), 0);
	memcpy(path + 1, name.sun_path + 1, len - offsetof(struct sockaddr_un, sun_path) - 1);
	assert_int_equal(setenv("NOTIFY_SOCKET", path, 1), 0);
	sysd_notify("READY=%d\nSTATUS=%s", 1, "serving");
	n = recv(fd, text, sizeof(text) - 1, MSG_DONTWAIT);
	assert_true(n > 0);
	text[n] = '\0';
	assert_string_equal(text, "READY=1\nSTATUS=serving");
	assert_int_equal(unsetenv("NOTIFY_SOCKET"), 0);
	fd_close(&fd);
}

static void
test_watchdog(void **state)
{
	char pid[16];

	assert_int_equal(sysd_watchdog_us(), 0);
	assert_int_equal(setenv("WATCHDOG_USEC", "10000000", 1), 0);
	assert_int_equal(sysd_watchdog_us(), 10000000);
	snprintf(pid, sizeof(pid), "%d", (int)getpid());
	assert_int_equal(setenv("WATCHDOG_PID", pid, 1), 0);
	assert_int_equal(sysd_watchdog_us(), 10000000);
	assert_int_equal(setenv("WATCHDOG_PID", "1", 1), 0);
	assert_int_equal(sysd_watchdog_us(), 0);
	assert_int_equal(unsetenv("WATCHDOG_PID"), 0);
	assert_int_equal(setenv("WATCHDOG_USEC", "never", 1), 0);
	assert_int_equal(sysd_watchdog_us(), 0);
	assert_int_equal(unsetenv("WATCHDOG_USEC"), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good_sockets),   cmocka_unit_test(test_names_of_units),
		cmocka_unit_test(test_unknown_names),  cmocka_unit_test(test_wrong_kinds),
		cmocka_unit_test(test_too_many),       cmocka_unit_test(test_number_of_names),
		cmocka_unit_test(test_garbage_counts), cmocka_unit_test(test_closed_fds),
		cmocka_unit_test(test_not_for_us),     cmocka_unit_test(test_notify),
		cmocka_unit_test(test_watchdog),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
