/* SPDX-License-Identifier: MIT */
/* Messages of the link: whole or refused, and no descriptor is left over. */
#include "move/link.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/err.h"
#include "support/lowest_fd.h"

static struct link_message in;

struct ends {
	int near, far, spare; /* spare: the lowest number that is free, if nothing has leaked */
};

static struct ends
open_ends(void)
{
	int pair[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
	return (struct ends){ pair[0], pair[1], lowest_free_fd() };
}

static void
close_ends(struct ends *e)
{
	assert_int_equal(lowest_free_fd(), e->spare);
	close(e->near);
	close(e->far);
}

static void
test_message(void **state)
{
	struct ends e = open_ends();
	int fds[2] = { 0, 1 };

	assert_int_equal(link_send(e.near, LINK_OFFER, 0x12345678, "state", 5, fds, 2), WSD_OK);
	assert_int_equal(link_send(e.near, LINK_DONE, 0, NULL, 0, NULL, 0), WSD_OK);
	assert_int_equal(link_receive(e.far, &in), WSD_OK);
	assert_int_equal(in.type, LINK_OFFER);
	assert_int_equal(in.index, 0x12345678);
	assert_int_equal(in.len, 5);
	assert_string_equal(in.body, "state");
	assert_true(fcntl(in.fds[0], F_GETFD) & FD_CLOEXEC);
	close(in.fds[0]);
	close(in.fds[1]);
	assert_int_equal(link_receive(e.far, &in), WSD_OK);
	assert_int_equal(in.type, LINK_DONE);
	assert_int_equal(in.len, 0);
	assert_int_equal(in.fds[0], -1);
	assert_int_equal(in.fds[1], -1);
	assert_int_equal(link_receive(e.far, &in), -EAGAIN);
	close_ends(&e);
}

static void
test_end(void **state)
{
	struct ends e = open_ends();

	shutdown(e.near, SHUT_WR);
	assert_int_equal(link_receive(e.far, &in), WSD_E_CLOSED);
	close_ends(&e);
}

static void
test_longest(void **state)
{
	static char body[LINK_BODY_MOST + 1];
	struct ends e = open_ends();

	memset(body, 'x', sizeof(body));
	assert_int_equal(link_send(e.near, LINK_OFFER, 0, body, LINK_BODY_MOST, NULL, 0), WSD_OK);
	assert_int_equal(link_receive(e.far, &in), WSD_OK);
	assert_int_equal(in.len, LINK_BODY_MOST);
	assert_int_equal(link_send(e.near, LINK_OFFER, 0, body, LINK_BODY_MOST + 1, (int[]){ 0 }, 1), WSD_OK);
	assert_int_equal(link_receive(e.far, &in), WSD_E_MALFORMED);
	close_ends(&e);
}

static void
test_short_heads(void **state)
{
	struct ends e = open_ends();

	for (size_t len = 1; len < 8; len++) {
		assert_int_equal(send(e.near, "\4\0\0\0\0\0\0\0", len, 0), len);
		assert_int_equal(link_receive(e.far, &in), WSD_E_MALFORMED);
	}
	close_ends(&e);
}

static void
send_fds(int to, unsigned n)
{
	char head[8] = { LINK_OFFER };
	struct iovec iov = { head, sizeof(head) };
	union {
		struct cmsghdr align;
		char space[CMSG_SPACE(40 * sizeof(int))];
	} control = { .space = { 0 } };
	struct msghdr msg = {
		.msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = CMSG_SPACE(n * sizeof(int))
	};
	struct cmsghdr *h = CMSG_FIRSTHDR(&msg);

	h->cmsg_level = SOL_SOCKET;
	h->cmsg_type = SCM_RIGHTS;
	h->cmsg_len = CMSG_LEN(n * sizeof(int)); /* all are 0: standard input */
	assert_int_equal(sendmsg(to, &msg, 0), sizeof(head));
}

static void
test_too_many_descriptors(void **state)
{
	struct ends e = open_ends();

	for (unsigned n = 3; n <= 40; n++) {
		send_fds(e.near, n);
		assert_int_equal(link_receive(e.far, &in), WSD_E_MALFORMED);
	}
	close_ends(&e);
}

static int
check(const struct link_hello *hello, size_t len)
{
	struct link_hello out;

	in.len = len;
	memcpy(in.body, hello, sizeof(*hello));
	return link_hello_check(&in, &out);
}

static void
test_hello(void **state)
{
	struct link_hello hello, out;

	link_hello_fill(&hello, "an instance with a name that is far too long for it", "1.0");
	assert_int_equal(check(&hello, sizeof(hello)), WSD_OK);
	assert_int_equal(check(&hello, sizeof(hello) + 8), WSD_OK); /* of a newer one */
	assert_int_equal(check(&hello, sizeof(hello) - 1), WSD_E_MALFORMED);
	memset(hello.software, 'x', sizeof(hello.software));
	assert_int_equal(check(&hello, sizeof(hello)), WSD_OK);
	assert_int_equal(link_hello_check(&in, &out), WSD_OK);
	assert_int_equal(strlen(out.software), sizeof(out.software) - 1);
	hello.magic[0] = 'W';
	assert_int_equal(check(&hello, sizeof(hello)), WSD_E_MALFORMED);
}

/* Two speak the highest that both know; who knows none in common is refused. */
static void
test_versions(void **state)
{
	static const struct {
		uint32_t min, max;
		int rc;
		uint32_t spoken;
	} cases[] = {
		{ LINK_OLDEST, LINK_OLDEST, WSD_OK, LINK_OLDEST }, /* the one before */
		{ LINK_OLDEST, LINK_LATEST, WSD_OK, LINK_LATEST },
		{ LINK_LATEST, LINK_LATEST + 1, WSD_OK, LINK_LATEST },
		{ 0, UINT32_MAX, WSD_OK, LINK_LATEST },
		{ 0, LINK_OLDEST, WSD_OK, LINK_OLDEST },
		{ LINK_LATEST + 1, LINK_LATEST + 2, WSD_E_UNSUPPORTED, 0 },
		{ 0, LINK_OLDEST - 1, WSD_E_UNSUPPORTED, 0 },
		{ LINK_LATEST, LINK_OLDEST, WSD_E_UNSUPPORTED, 0 }, /* no range */
	};
	struct link_hello hello;

	link_hello_fill(&hello, "blue", "1.0");
	assert_int_equal(hello.version_min, LINK_OLDEST);
	assert_int_equal(hello.version_max, LINK_LATEST);
	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		hello.version_min = cases[i].min;
		hello.version_max = cases[i].max;
		assert_int_equal(check(&hello, sizeof(hello)), cases[i].rc);
		if (cases[i].rc == WSD_OK)
			assert_int_equal(link_version(&hello), cases[i].spoken);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_message),  cmocka_unit_test(test_end),
		cmocka_unit_test(test_longest),  cmocka_unit_test(test_short_heads),
		cmocka_unit_test(test_hello),    cmocka_unit_test(test_too_many_descriptors),
		cmocka_unit_test(test_versions),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
