/* SPDX-License-Identifier: MIT */
/*
 * A whole connection: the server runs in a thread, as in production but for one worker and free ports, and each
 * input is what a client sends to it. It must end every connection whose client has said all, and whatever it
 * says itself must be whole and well-formed: one HTTP answer, or a handshake and frames.
 *
 * The first byte of an input chooses how the rest is sent:
 *   0x07  the size of the pieces
 *   0x08  to the admin side
 *   0x10  after a handshake
 *   0x20  the client hangs up with the last byte, and does not read
 *   0x40  each line becomes a frame; its first byte, if it is no printable ASCII, is the frame's, else it is text
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/check.h"
#include "base/err.h"
#include "base/fd.h"
#include "conf/conf.h"
#include "fuzz/client.h"
#include "fuzz/fuzz.h"
#include "log/log.h"
#include "metrics/metrics.h"
#include "proto/utf8.h"
#include "server/server.h"
#include "support/json_c.h"

#define TO_ADMIN   0x08
#define HANDSHAKE  0x10
#define HANG_UP    0x20
#define AS_FRAMES  0x40
#define INPUT_MOST 16384

static const char handshake[] = "GET /ws/chat/f HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
				"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";

static struct {
	struct conf conf;
	struct sockaddr_in at[2]; /* the public side, the admin side */
	pthread_t thread;
} server;

/* ---- the server ------------------------------------------------------------------------------ */

static char rules_path[] = "/tmp/wsd-fuzz-XXXXXX";

static const char rules[] =
	"{\"channel\":{\"without_namespace\":{\"history_size\":5,\"history_ttl\":\"60s\",\"presence\":true,\"join_"
	"leave\":true,"
	"\"force_recovery\":true,\"allow_subscribe_for_client\":true,\"allow_publish_for_client\":true,"
	"\"allow_history_for_client\":true,\"allow_presence_for_client\":true},\"namespaces\":[{\"name\":\"push\","
	"\"join_leave\":true,\"force_push_join_leave\":true,\"allow_subscribe_for_client\":true,"
	"\"allow_publish_for_subscriber\":true}]}}";

static const char *
setting(const char *name)
{
	static const char *const settings[][2] = {
		{ "WORKERS", "1" },
		{ "MAX_CONNECTIONS", "16" },
		{ "MAX_MESSAGE_BYTES", "1024" },
		{ "RATE_LIMIT_CONNECT", "0" },
		{ "RATE_LIMIT_ADMIN", "0" },
		{ "RATE_LIMIT_MESSAGE", "1/50" },
		{ "SESSION_TTL", "1000" },
		{ "DRAIN_TIMEOUT", "0" },
		{ "PARKING", "off" },
		{ "LOG_LEVEL", "error" },
		{ "SEND_QUEUE_BYTES", "4096" },
		{ "SEND_TIMEOUT", "1000" },
		{ "ALLOWED_ORIGINS", "https://example.org,*.example.net" },
		{ "CHANNELS_FILE", rules_path },
		{ "CHANNELS_MAX", "100" },
		{ "HISTORY_BYTES", "1048576" },
		{ "CHANNEL_LIMIT", "3" },
	};

	for (size_t i = 0; i < sizeof(settings) / sizeof(settings[0]); i++)
		if (strcmp(settings[i][0], name) == 0)
			return settings[i][1];
	return NULL;
}

/* A listening socket as this descriptor, as a service manager passes it. */
static void
listen_as(int wanted, struct sockaddr_in *at)
{
	socklen_t len = sizeof(*at);
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	*at = (struct sockaddr_in){ .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	CHECK_ZERO(bind(fd, (struct sockaddr *)at, sizeof(*at)));
	CHECK_ZERO(listen(fd, 64));
	CHECK_ZERO(getsockname(fd, (struct sockaddr *)at, &len));
	if (fd != wanted) {
		CHECK(dup2(fd, wanted) == wanted);
		close(fd);
	}
}

static void *
run(void *arg)
{
	CHECK(server_run(&server.conf, NULL) == WSD_OK);
	return NULL;
}

/* The orderly end: whatever is still allocated after it is a leak. */
static void
stop(void)
{
	CHECK_ZERO(pthread_kill(server.thread, SIGTERM));
	CHECK_ZERO(pthread_join(server.thread, NULL));
	log_stop();
	unlink(rules_path);
	metrics_deinit();
	conf_deinit(&server.conf);
}

static void
start(void)
{
	char pid[16], why[256];
	int fd = mkstemp(rules_path);

	CHECK_ZERO(fd_write_all(fd, rules, sizeof(rules) - 1));
	fd_close(&fd);
	CHECK(conf_load(&server.conf, setting, why, sizeof(why)) == WSD_OK);
	listen_as(3, &server.at[0]);
	listen_as(4, &server.at[1]);
	snprintf(pid, sizeof(pid), "%d", (int)getpid());
	setenv("LISTEN_PID", pid, 1);
	setenv("LISTEN_FDS", "2", 1);
	setenv("LISTEN_FDNAMES", "public:admin", 1);
	CHECK(log_start(LOG_FORMAT_TEXT, LOG_LEVEL_ERROR, "fuzz") == WSD_OK);
	metrics_init("fuzz", "0");
	CHECK_ZERO(pthread_create(&server.thread, NULL, run, NULL));
	CHECK_ZERO(atexit(stop));
}

/* ---- what the client says -------------------------------------------------------------------- */

static int
connect_to(const struct sockaddr_in *at)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), one = 1;

	CHECK(fd != -1);
	CHECK_ZERO(connect(fd, (const struct sockaddr *)at, sizeof(*at)));
	CHECK_ZERO(setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one)));
	return fd;
}

/* A client's frame, masked with a key that is not its own opposite. */
static size_t
put_frame(char *out, unsigned char first, const uint8_t *data, size_t len)
{
	static const uint8_t key[4] = { 0x12, 0x34, 0x56, 0x78 };
	size_t n = 0;

	out[n++] = (char)first;
	out[n++] = (char)(0x80 | (len < 126 ? len : 126));
	if (len >= 126) {
		out[n++] = (char)(len >> 8);
		out[n++] = (char)len;
	}
	memcpy(out + n, key, sizeof(key));
	n += sizeof(key);
	for (size_t i = 0; i < len; i++)
		out[n++] = (char)(data[i] ^ key[i % 4]);
	return n;
}

/* Returns the length; out has room for 8 bytes a line more than the input has. */
static size_t
put_frames(char *out, const uint8_t *data, size_t size)
{
	size_t n = 0;

	while (size > 0) {
		const uint8_t *end = memchr(data, '\n', size);
		size_t len = end ? (size_t)(end - data) : size, rest = size - len - (end ? 1 : 0);
		unsigned char first = 0x81;

		if (len > 0 && (data[0] < 0x20 || data[0] >= 0x80)) {
			first = *data++;
			len--;
		}
		n += put_frame(out + n, first, data, len);
		data += len + (end ? 1 : 0);
		size = rest;
	}
	return n;
}

/* ---- what the server says -------------------------------------------------------------------- */

static void
check_text(const char *text, size_t len)
{
	struct json_object *value = json_c_parse(text, len), *type;

	CHECK(utf8_valid(text, len));
	CHECK(json_object_is_type(value, json_type_object));
	CHECK(json_object_object_get_ex(value, "type", &type));
	json_object_put(value);
}

static void
check_close(const char *body, size_t len)
{
	unsigned code;

	if (len == 0) /* as the client's was */
		return;
	CHECK(len >= 2);
	code = (unsigned)(uint8_t)body[0] << 8 | (uint8_t)body[1];
	CHECK((code >= 1000 && code <= 1013 && code != 1004 && code != 1005 && code != 1006) || code == 4001 ||
	      (code >= 3000 && code <= 4999)); /* the client's own, echoed */
	CHECK(utf8_valid(body + 2, len - 2));
}

/* One frame; returns its length, 0 if it is not whole. */
static size_t
check_frame(const char *at, size_t len, bool *closed)
{
	const uint8_t *head = (const uint8_t *)at;
	size_t body = 2, n;

	CHECK(!*closed);
	if (len < 2)
		return 0;
	n = head[1];
	CHECK(n <= 126); /* not masked, and nothing here is longer than 64 KiB */
	if (n == 126) {
		if (len < 4)
			return 0;
		n = (size_t)head[2] << 8 | head[3];
		CHECK(n >= 126);
		body = 4;
	}
	if (len < body + n)
		return 0;
	CHECK(head[0] == 0x81 || ((head[0] == 0x88 || head[0] == 0x89 || head[0] == 0x8a) && n < 126));
	if (head[0] == 0x81)
		check_text(at + body, n);
	if (head[0] == 0x88)
		check_close(at + body, n);
	*closed = head[0] == 0x88;
	return body + n;
}

static void
check_frames(const char *at, size_t len, bool whole)
{
	bool closed = false;

	while (len > 0) {
		size_t n = check_frame(at, len, &closed);

		if (n == 0) {
			CHECK(!whole);
			return;
		}
		at += n;
		len -= n;
	}
}

static void
check_said(size_t len, bool whole)
{
	const char *end = memmem(said, len, "\r\n\r\n", 4), *length;
	size_t rest;

	if (len == 0 || (!end && !whole))
		return;
	CHECK(end && strlen(said) >= (size_t)(end - said));
	CHECK(strncmp(said, "HTTP/1.1 ", 9) == 0 || strncmp(said, "HTTP/1.0 ", 9) == 0);
	rest = len - (size_t)(end + 4 - said);
	if (strncmp(said + 9, "101 ", 4) == 0) {
		check_frames(end + 4, rest, whole);
		return;
	}
	/* What libmicrohttpd answers by itself is its own affair: 0.9.75 writes the head twice. */
	length = strstr(said, "\r\nX-Request-Id: ");
	if (!length || length > end)
		return;
	length = strcasestr(said, "\r\nContent-Length: ");
	CHECK(length && length < end);
	CHECK(!whole || rest == 0 || rest == strtoul(length + 18, NULL, 10)); /* HEAD has none */
}

/* So that the next input finds the server as this one did. */
static void
wait_for_rest(void)
{
	while (metrics_sum(METRIC_CONNECTIONS) > 0 || metrics_sum(METRIC_PENDING) > 0)
		sched_yield();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const size_t pieces[8] = { SIZE_MAX / 2, 1, 2, 7, 61, 200, 512, 1000 };
	static bool started;
	size_t piece, len;
	int fd;

	if (size < 1 || size > INPUT_MOST)
		return 0;
	if (!started)
		start();
	started = true;
	piece = pieces[data[0] & 7];
	fd = connect_to(&server.at[data[0] & TO_ADMIN ? 1 : 0]);
	if (data[0] & HANDSHAKE)
		say(fd, handshake, sizeof(handshake) - 1, piece);
	if (data[0] & AS_FRAMES) {
		char *frames = malloc(size * 9);

		CHECK(frames);
		say(fd, frames, put_frames(frames, data + 1, size - 1), piece);
		free(frames);
	} else {
		say(fd, (const char *)data + 1, size - 1, piece);
	}
	if (!(data[0] & HANG_UP)) {
		bool whole;

		shutdown(fd, SHUT_WR);
		whole = listen_to(fd, &len);
		check_said(len, whole);
	}
	close(fd);
	wait_for_rest();
	return 0;
}
