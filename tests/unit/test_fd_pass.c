/* SPDX-License-Identifier: MIT */
/* Messages with descriptors: as many as the kernel takes, more than there is room for, and none; nothing leaks. */
#include "base/fd_pass.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/fd.h"
#include "support/lowest_fd.h"

static struct {
	int ends[2], lowest;
	int fds[FD_PASS_MOST];
	unsigned n_fds;
	char text[8];
	size_t len;
} rig;

static int
set_up(void **state)
{
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, rig.ends), 0);
	rig.lowest = lowest_free_fd();
	return 0;
}

/* Closes what came. */
static int
tear_down(void **state)
{
	while (rig.n_fds > 0)
		fd_close(&rig.fds[--rig.n_fds]);
	assert_int_equal(lowest_free_fd(), rig.lowest);
	fd_close(&rig.ends[0]);
	fd_close(&rig.ends[1]);
	return 0;
}

static int
send_some(const char *text, unsigned n)
{
	struct iovec iov = { (void *)text, strlen(text) };
	int fds[FD_PASS_MOST] = { 0 };

	return fd_pass_send(rig.ends[0], &iov, 1, fds, n);
}

static int
receive(unsigned room, int flags)
{
	struct iovec iov = { rig.text, sizeof(rig.text) };

	memset(rig.text, 0, sizeof(rig.text));
	rig.n_fds = room;
	return fd_pass_receive(rig.ends[1], flags, &iov, 1, rig.fds, &rig.n_fds, &rig.len);
}

static void
test_there_and_back(void **state)
{
	assert_int_equal(send_some("none", 0), WSD_OK);
	assert_int_equal(send_some("all", FD_PASS_MOST), WSD_OK);
	assert_int_equal(receive(2, 0), WSD_OK);
	assert_string_equal(rig.text, "none");
	assert_int_equal(rig.n_fds, 0);
	assert_int_equal(receive(FD_PASS_MOST, 0), WSD_OK);
	assert_string_equal(rig.text, "all");
	assert_int_equal(rig.len, 3);
	assert_int_equal(rig.n_fds, FD_PASS_MOST);
	for (unsigned i = 0; i < rig.n_fds; i++)
		assert_int_equal(fcntl(rig.fds[i], F_GETFD), FD_CLOEXEC);
}

static void
test_no_room(void **state)
{
	assert_int_equal(send_some("x", 5), WSD_OK);
	assert_int_equal(receive(2, 0), WSD_E_TOO_LARGE);
	assert_int_equal(rig.n_fds, 2);
	fd_close(&rig.fds[0]);
	fd_close(&rig.fds[1]);
	assert_int_equal(send_some("longer than that", 1), WSD_OK);
	assert_int_equal(receive(2, 0), WSD_E_TOO_LARGE);
	assert_int_equal(rig.n_fds, 1);
}

static void
test_look_first(void **state)
{
	assert_int_equal(send_some("x", 1), WSD_OK);
	assert_int_equal(receive(2, MSG_PEEK), WSD_OK);
	assert_int_equal(rig.n_fds, 1);
	fd_close(&rig.fds[0]);
	assert_int_equal(receive(2, 0), WSD_OK);
	assert_int_equal(rig.n_fds, 1);
}

static void
test_nothing_there(void **state)
{
	assert_int_equal(receive(2, 0), -EAGAIN);
	assert_int_equal(rig.n_fds, 0);
	while (send_some("full", 0) == WSD_OK)
		;
	assert_int_equal(send_some("full", 0), -EAGAIN);
	shutdown(rig.ends[0], SHUT_RDWR);
	while (receive(2, 0) == WSD_OK)
		;
	assert_int_equal(receive(2, 0), WSD_E_CLOSED);
	assert_int_equal(rig.n_fds, 0);
	assert_int_equal(send_some("x", 1), -EPIPE); /* and no signal */
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_there_and_back),
		TEST(test_no_room),
		TEST(test_look_first),
		TEST(test_nothing_there),
	};

	return cmocka_run_group_tests_name("fd_pass", tests, NULL, NULL);
}
