/* SPDX-License-Identifier: MIT */
/*
 * Subscribers of one channel and a publisher, for loadtest/bench/fanout: all in one thread, which reads what comes and
 * counts frames, and looks at nothing else. Each burst is sent when all of the one before has come to everybody.
 *
 * usage: fanout_clients PORT SUBSCRIBERS BURST ROUNDS ANSWERED PID
 *
 * ANSWERED: 1 if the server answers each publication to its publisher, who is not subscribed, else 0. PID: of the
 * server. Prints "MICROSECONDS DELIVERIES SECONDS": its CPU time, user and system, and how many deliveries that was
 * for.
 */
#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define EVENTS_MAX  512
#define PATIENCE_MS 20000
#define MASK_LEN    4

static const char subscribe[] = "{\"type\":\"subscribe\",\"channel\":\"news\"}";
static const char publish[] =
	"{\"type\":\"publish\",\"channel\":\"news\",\"data\":{\"text\":\"hello, this is some text of a chat\"}}";

/* A frame that is being read: its header as far as it has come, and what of its payload is missing. */
struct peer {
	int fd;
	unsigned n_head, missing;
	unsigned char head[4];
};

static unsigned char input[256 * 1024];
static uint64_t frames;
static int epoll_fd;

/* ---- reading --------------------------------------------------------------------------------- */

static void
end_frame(struct peer *p)
{
	p->n_head = 0;
	frames++;
}

/* One byte of a header. */
static void
take_head(struct peer *p, unsigned char byte)
{
	p->head[p->n_head++] = byte;
	if (p->n_head == 4)
		p->missing = p->head[2] * 256u + p->head[3];
	else if (p->n_head == 2 && p->head[1] < 126)
		p->missing = p->head[1];
	else
		return;
	if (p->missing == 0)
		end_frame(p);
}

static void
take(struct peer *p, const unsigned char *at, size_t len)
{
	while (len > 0) {
		size_t n = p->missing < len ? p->missing : len;

		if (p->missing == 0) {
			take_head(p, *at++);
			len--;
			continue;
		}
		at += n;
		len -= n;
		p->missing -= (unsigned)n;
		if (p->missing == 0)
			end_frame(p);
	}
}

/* Reads whoever has anything. False: nobody had for so long. */
static bool
turn(int patience_ms)
{
	struct epoll_event events[EVENTS_MAX];
	int n = epoll_wait(epoll_fd, events, EVENTS_MAX, patience_ms);

	for (int i = 0; i < n; i++) {
		struct peer *p = events[i].data.ptr;
		ssize_t got = read(p->fd, input, sizeof(input));

		if (got > 0)
			take(p, input, (size_t)got);
		else if (got == 0 || errno != EAGAIN)
			errx(1, "a connection was closed");
	}
	return n > 0;
}

/* ---- writing --------------------------------------------------------------------------------- */

/* The same text so many times, each in a frame with a mask of zeros. */
static void
say(const struct peer *p, const char *text, unsigned times)
{
	size_t len = strlen(text), room = times * (len + 2 + MASK_LEN), at = 0;
	char *out = calloc(1, room);

	if (!out || len > 125)
		errx(1, "no memory, or too long a text");
	for (unsigned i = 0; i < times; i++, at += MASK_LEN + len) {
		out[at++] = (char)0x81;
		out[at++] = (char)(0x80 | len);
		memcpy(out + at + MASK_LEN, text, len);
	}
	for (size_t done = 0; done < room;) {
		ssize_t n = write(p->fd, out + done, room - done);

		if (n < 0 && errno != EAGAIN)
			err(1, "write");
		done += n > 0 ? (size_t)n : 0;
	}
	free(out);
}

static void
open_one(struct peer *p, uint16_t port, unsigned number)
{
	struct sockaddr_in to = { .sin_family = AF_INET,
				  .sin_port = htons(port),
				  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	struct epoll_event event = { .events = EPOLLIN, .data.ptr = p };
	char head[2048] = "";
	size_t n = 0;

	p->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (p->fd == -1 || connect(p->fd, (struct sockaddr *)&to, sizeof(to)) != 0)
		err(1, "connect");
	dprintf(p->fd,
		"GET /ws/chat/c%u HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
		"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n",
		number);
	while (!strstr(head, "\r\n\r\n")) /* and no byte of what follows */
		if (n == sizeof(head) - 1 || read(p->fd, &head[n++], 1) != 1)
			errx(1, "the handshake was not answered");
	if (strncmp(head, "HTTP/1.1 101", 12) != 0)
		errx(1, "refused: %.40s", head);
	fcntl(p->fd, F_SETFL, O_NONBLOCK);
	if (epoll_ctl(epoll_fd, EPOLL_CTL_ADD, p->fd, &event) != 0)
		err(1, "epoll_ctl");
}

/* ---- measuring ------------------------------------------------------------------------------- */

/* User and system time of a process in microseconds: proc(5), utime and stime. */
static uint64_t
cpu_us(const char *pid)
{
	unsigned long user = 0, system = 0;
	char path[64], text[1024] = "";
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%s/stat", pid);
	file = fopen(path, "r");
	if (!file || fread(text, 1, sizeof(text) - 1, file) == 0 || !strrchr(text, ')') ||
	    sscanf(strrchr(text, ')') + 2, "%*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user, &system) != 2)
		errx(1, "no process %s", pid);
	fclose(file);
	return (uint64_t)(user + system) * 1000000 / (uint64_t)sysconf(_SC_CLK_TCK);
}

static double
now_s(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static unsigned
number(const char *text)
{
	char *end;
	unsigned long value = strtoul(text, &end, 10);

	if (*end || value > 1000000)
		errx(2, "%s is no number from 0 to 1000000", text);
	return (unsigned)value;
}

int
main(int argc, char **argv)
{
	unsigned n, burst, rounds;
	uint64_t before, wanted;
	struct peer *peers;
	double began;

	if (argc != 7)
		errx(2, "usage: fanout_clients PORT SUBSCRIBERS BURST ROUNDS ANSWERED PID");
	n = number(argv[2]);
	burst = number(argv[3]);
	rounds = number(argv[4]);
	wanted = (uint64_t)burst * (n + number(argv[5]));
	peers = calloc(n + 1, sizeof(*peers));
	epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (!peers || epoll_fd == -1)
		err(1, "epoll_create1");
	for (unsigned i = 0; i <= n; i++) {
		open_one(&peers[i], (uint16_t)number(argv[1]), i);
		if (i < n)
			say(&peers[i], subscribe, 1);
	}
	while (turn(500)) /* until all is quiet */
		;
	before = cpu_us(argv[6]);
	began = now_s();
	for (unsigned i = 0; i < rounds; i++) {
		frames = 0;
		say(&peers[n], publish, burst);
		while (frames < wanted)
			if (!turn(PATIENCE_MS))
				errx(1, "%ju of %ju frames have come", (uintmax_t)frames, (uintmax_t)wanted);
	}
	printf("%ju %ju %.3f\n", (uintmax_t)(cpu_us(argv[6]) - before), (uintmax_t)n * burst * rounds, now_s() - began);
	return 0;
}
