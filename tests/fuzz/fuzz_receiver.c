/* SPDX-License-Identifier: MIT */
/*
 * The taking side of a handoff and a sender that says anything, with real descriptors. Each offer has one end, each
 * answer its form, and no descriptor is left when the link is gone.
 *
 * An input is datagrams: type, which descriptors (four bits each), index, length (one byte each), body. With a type
 * above 127 the state is what a real sender would say, and the body changes it.
 */
#include "move/receiver.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/check.h"
#include "base/err.h"
#include "base/fd.h"
#include "fuzz/fuzz.h"
#include "move/arbiter.h"
#include "move/link.h"
#include "support/lowest_fd.h"

#define WORDS     8
#define BODY_MOST 4096

enum kind { KIND_NONE, KIND_TCP, KIND_ARBITER, KIND_MEMFD, KIND_PIPE, KIND_LISTENER, KINDS };

static struct {
	uv_loop_t loop;
	struct receiver *receiver;
	int link; /* the sender's end */
	int fds[KINDS];
	struct arbiter arbiter;
	unsigned taken, told_taken, ended;
} rig;

static struct link_message answer;

/* ---- what a server does with it -------------------------------------------------------------- */

/* Some are not wanted, by their ids. */
static int
judge(const char *id, receiver_claim_cb claim, void *claim_arg)
{
	if (id[0] == 'r')
		return WSD_E_BUSY;
	if (!claim(claim_arg))
		return WSD_E_CLOSED;
	rig.taken++;
	return WSD_OK;
}

static int
arrived(void *arg, int fd, const struct conn_state *state, uint32_t word, receiver_claim_cb claim, void *claim_arg)
{
	CHECK(strlen(state->id) <= CONNECTION_ID_MAX);
	fd_close(&fd);
	return judge(state->id, claim, claim_arg);
}

static int
session(void *arg, const struct session_state *session, uint32_t word, receiver_claim_cb claim, void *claim_arg)
{
	CHECK(strlen(session->id) <= CONNECTION_ID_MAX);
	return claim ? judge(session->id, claim, claim_arg) : WSD_OK;
}

static void
ended(void *arg, const char *from, uint32_t taken, uint32_t sessions, uint32_t refused, bool complete)
{
	CHECK(strlen(from) < sizeof(((struct link_hello *)0)->instance));
	CHECK(taken + sessions == rig.taken);
	CHECK(rig.ended++ == 0);
}

/* ---- the rig --------------------------------------------------------------------------------- */

static int
tcp_listener(struct sockaddr_in *at)
{
	socklen_t len = sizeof(*at);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	*at = (struct sockaddr_in){ .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	CHECK_ZERO(bind(fd, (struct sockaddr *)at, sizeof(*at)));
	CHECK_ZERO(listen(fd, 1));
	CHECK_ZERO(getsockname(fd, (struct sockaddr *)at, &len));
	return fd;
}

static void
make_descriptors(void)
{
	struct sockaddr_in at;
	int pair[2];

	CHECK_ZERO(pipe2(pair, O_CLOEXEC));
	close(pair[1]);
	rig.fds[KIND_NONE] = -1;
	rig.fds[KIND_PIPE] = pair[0];
	rig.fds[KIND_LISTENER] = tcp_listener(&at);
	rig.fds[KIND_TCP] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	CHECK_ZERO(connect(rig.fds[KIND_TCP], (struct sockaddr *)&at, sizeof(at)));
}

/* A listener without a name in the file system, and the sender's end of a link to it. */
static void
begin(void)
{
	static const struct receiver_ops ops = { .arrived = arrived, .session = session, .ended = ended };
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	socklen_t len = sizeof(at);
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	CHECK_ZERO(bind(fd, (struct sockaddr *)&at, sizeof(sa_family_t)));
	CHECK_ZERO(listen(fd, 1));
	CHECK_ZERO(getsockname(fd, (struct sockaddr *)&at, &len));
	CHECK_ZERO(uv_loop_init(&rig.loop));
	CHECK(receiver_start(&rig.receiver, &rig.loop, fd, "green", "1.0", &ops) == WSD_OK);
	rig.link = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	CHECK_ZERO(connect(rig.link, (struct sockaddr *)&at, len));
	CHECK(arbiter_create(&rig.arbiter, WORDS) == WSD_OK);
	rig.fds[KIND_ARBITER] = rig.arbiter.fd;
	rig.taken = rig.told_taken = rig.ended = 0;
}

static void
check_answer(void)
{
	CHECK(answer.fds[0] == -1 && answer.fds[1] == -1);
	switch (answer.type) {
	case LINK_WELCOME:
		CHECK(answer.len == sizeof(struct link_hello));
		break;
	case LINK_TAKEN:
		CHECK(answer.len == 0 && ++rig.told_taken <= rig.taken);
		break;
	case LINK_NO:
	case LINK_REFUSED:
		CHECK(answer.len > 0 && strlen(answer.body) == answer.len);
		break;
	default:
		CHECK(answer.type == LINK_BYE && answer.len == 0);
	}
}

/* Lets the receiver read all, and reads what it says. False: the link is gone. */
static bool
turn(void)
{
	int rc;

	for (int i = 0; i < 4; i++)
		uv_run(&rig.loop, UV_RUN_NOWAIT);
	while ((rc = link_receive(rig.link, &answer)) == WSD_OK)
		check_answer();
	CHECK(rc == -EAGAIN || rc == WSD_E_CLOSED || rc == -ECONNRESET);
	return rc == -EAGAIN;
}

static void
finish(bool linked)
{
	close(rig.link);
	if (linked)
		for (int i = 0; i < 4; i++)
			uv_run(&rig.loop, UV_RUN_NOWAIT);
	else
		CHECK(rig.told_taken == rig.taken || rig.ended == 1);
	receiver_stop(&rig.receiver);
	CHECK_ZERO(uv_run(&rig.loop, UV_RUN_DEFAULT));
	CHECK_ZERO(uv_loop_close(&rig.loop));
	arbiter_close(&rig.arbiter);
}

/* ---- the sender ------------------------------------------------------------------------------ */

/* What a real sender would say, to be changed by the body: pairs of where and what. */
static size_t
sensible(enum link_type type, char *out, const uint8_t *changes, size_t n)
{
	struct conn_state state = { .count = 7, .peer = { .family = ADDR_V4 } };
	struct session_state of = { .count = 7, .expires_in_ms = 1000 };
	size_t len = 0;

	strcpy(state.id, "a");
	strcpy(of.id, "b");
	if (type == LINK_HELLO) {
		link_hello_fill((struct link_hello *)out, "blue", "1.0");
		len = sizeof(struct link_hello);
	} else if (type == LINK_OFFER) {
		len = state_encode(out, &state);
	} else if (type == LINK_SESSION || type == LINK_SESSIONS) {
		len = state_encode_session(out, &of);
		if (type == LINK_SESSIONS)
			len += state_encode_session(out + len, &of);
	}
	for (size_t i = 0; i + 1 < n && len > 0; i += 2)
		out[changes[i] % len] = (char)changes[i + 1];
	return len;
}

static int
memfd_with(const char *data, size_t len)
{
	int fd = memfd_create("fuzz", MFD_CLOEXEC);

	CHECK(fd != -1 && write(fd, data, len) == (ssize_t)len);
	return fd;
}

/* A body whose second descriptor is a memfd travels in that. */
static void
send_one(uint8_t type, uint8_t kinds, uint32_t index, const char *body, size_t len)
{
	int fds[2] = { rig.fds[(kinds & 15) % KINDS], rig.fds[(kinds >> 4) % KINDS] }, memfd = -1;
	unsigned n = fds[0] == -1 ? 0 : fds[1] == -1 ? 1 : 2;

	if (n > 0 && (kinds >> 4) % KINDS == KIND_MEMFD) {
		fds[1] = memfd = memfd_with(body, len);
		n = 2;
		len = 0;
	}
	CHECK(link_send(rig.link, (enum link_type)type, index, body, len, fds, n) == WSD_OK);
	fd_close(&memfd);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static char body[BODY_MOST + STATE_FIXED_MAX];
	bool linked = true;
	int free_before;

	if (rig.fds[KIND_TCP] == 0) {
		make_descriptors();
		rig.fds[KIND_MEMFD] = memfd_with("x", 1);
	}
	free_before = lowest_free_fd();
	begin();
	while (linked && size >= 4) {
		size_t len = data[3] < size - 4 ? data[3] : size - 4;

		if (data[0] >= 0x80) {
			size_t n = sensible((enum link_type)(data[0] & 0x7f), body, data + 4, len);

			send_one(data[0] & 0x7f, data[1], data[2], body, n);
		} else {
			memcpy(body, data + 4, len);
			send_one(data[0], data[1], data[2], body, len);
		}
		data += 4 + len;
		size -= 4 + len;
		linked = turn();
	}
	finish(linked);
	CHECK(lowest_free_fd() == free_before);
	return 0;
}
