/* SPDX-License-Identifier: MIT */
/* Scripted ops, a configuration, and a small HTTP client that trusts nothing to libraries. */
#include "admin_rig.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/err.h"

static void
op_health(void *arg, struct admin_health *out)
{
	*out = ((struct admin_script *)arg)->health;
}

static void
fill(struct admin_connection *c, unsigned i)
{
	memset(c, 0, sizeof(*c));
	snprintf(c->id, sizeof(c->id), "c%02u", i);
	addr_parse(&c->peer, "[2001:db8::1]:4242", 18);
	c->connected_real_ms = 1700000000123;
	c->idle_ms = 5;
	c->messages = 7;
	c->queued_bytes = 9;
	c->worker = 1;
	c->resumed = true;
}

static int
op_page(void *arg, struct admin_page *page)
{
	struct admin_script *s = arg;

	s->pages++;
	snprintf(s->after, sizeof(s->after), "%s", page->after);
	snprintf(s->prefix, sizeof(s->prefix), "%s", page->prefix);
	s->limit = page->limit;
	page->total = s->have;
	for (unsigned i = 0; i < s->have && s->rc == WSD_OK; i++) {
		struct admin_connection c;

		fill(&c, i);
		if (strcmp(c.id, page->after) <= 0)
			continue;
		if (page->n == page->limit) {
			page->more = true;
			break;
		}
		page->items[page->n++] = c;
	}
	return s->rc;
}

static int
op_find(void *arg, const char *id, struct admin_connection *out)
{
	struct admin_script *s = arg;

	s->finds++;
	snprintf(s->id, sizeof(s->id), "%s", id);
	fill(out, 3);
	return s->rc;
}

static int
op_disconnect(void *arg, const char *id)
{
	struct admin_script *s = arg;

	s->disconnects++;
	snprintf(s->id, sizeof(s->id), "%s", id);
	return s->rc;
}

static int
op_drain(void *arg)
{
	struct admin_script *s = arg;

	s->drains++;
	return s->rc;
}

static int
op_accept(void *arg, bool on)
{
	struct admin_script *s = arg;

	s->accepts++;
	s->accept_on = on;
	return s->rc;
}

static void
start(struct admin_rig *rig, const char *token, struct conf_rate rate, const struct admin_limits *limits)
{
	struct admin_ops ops = {
		.arg = &rig->script,
		.public_port = 3001,
		.health = op_health,
		.page = op_page,
		.find = op_find,
		.disconnect = op_disconnect,
		.drain = op_drain,
		.accept = op_accept,
	};
	int rc;

	memset(rig, 0, sizeof(*rig));
	rig->script.health =
		(struct admin_health){ .state = "running", .connections = 42, .messages_per_second = 17,
				       .uptime_ms = 61007 };
	rig->conf.instance = (char *)"blue";
	rig->conf.admin_token = (char *)token;
	rig->conf.rate_admin = rate;
	assert_int_equal(addr_nets_parse(&rig->conf.metrics_allow, "127.0.0.0/8,::1/128,198.51.100.0/24"),
			 WSD_OK);
	assert_int_equal(addr_nets_parse(&rig->conf.trusted_proxies, "127.0.0.0/8,::1/128"), WSD_OK);
	metrics_init("blue", "1.0");
	for (unsigned i = 0; i < ADMIN_SIDES; i++)
		assert_non_null(rig->shards[i] = metrics_shard_create());
	if (limits)
		rc = admin_create_limited(&rig->admin, &rig->conf, &ops, rig->shards[ADMIN_SIDE_PUBLIC],
					  rig->shards[ADMIN_SIDE_ADMIN], limits);
	else
		rc = admin_create(&rig->admin, &rig->conf, &ops, rig->shards[ADMIN_SIDE_PUBLIC],
				  rig->shards[ADMIN_SIDE_ADMIN]);
	assert_int_equal(rc, WSD_OK);
}

void
admin_rig_start(struct admin_rig *rig, const char *token, const struct admin_limits *limits)
{
	start(rig, token, (struct conf_rate){ 0, 0 }, limits);
}

void
admin_rig_start_rated(struct admin_rig *rig, struct conf_rate rate)
{
	start(rig, NULL, rate, NULL);
}

void
admin_rig_stop(struct admin_rig *rig)
{
	admin_destroy(&rig->admin);
	assert_null(rig->admin);
	addr_nets_deinit(&rig->conf.metrics_allow);
	addr_nets_deinit(&rig->conf.trusted_proxies);
	metrics_deinit();
}

static socklen_t
peer_address(struct sockaddr_storage *out, const char *peer)
{
	struct addr a;

	memset(out, 0, sizeof(*out));
	out->ss_family = AF_UNIX;
	if (strcmp(peer, "unix") == 0)
		return sizeof(sa_family_t);
	assert_int_equal(addr_parse(&a, peer, strlen(peer)), WSD_OK);
	if (a.family == ADDR_V4) {
		struct sockaddr_in in = { .sin_family = AF_INET, .sin_port = htons(4711) };

		memcpy(&in.sin_addr, a.bytes, 4);
		memcpy(out, &in, sizeof(in));
		return sizeof(in);
	}
	struct sockaddr_in6 in6 = { .sin6_family = AF_INET6, .sin6_port = htons(4711) };

	memcpy(&in6.sin6_addr, a.bytes, 16);
	memcpy(out, &in6, sizeof(in6));
	return sizeof(in6);
}

int
admin_rig_connect(struct admin_rig *rig, enum admin_side side, const char *peer)
{
	struct sockaddr_storage address;
	socklen_t len = peer_address(&address, peer);
	int ends[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
	assert_int_equal(admin_reserve(rig->admin, side, (struct sockaddr *)&address, len), WSD_OK);
	assert_int_equal(admin_add(rig->admin, side, ends[1], (struct sockaddr *)&address, len), WSD_OK);
	return ends[0];
}

void
admin_rig_write(int fd, const char *data, size_t len)
{
	while (len > 0) {
		ssize_t n = send(fd, data, len, MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return; /* the server hung up: what it said before is still to be read */
		data += n;
		len -= (size_t)n;
	}
}

void
admin_rig_read(struct http_answer *out, int fd)
{
	size_t room = 4096;
	const char *end;

	memset(out, 0, sizeof(*out));
	assert_non_null(out->text = malloc(room + 1));
	for (;;) {
		ssize_t n = recv(fd, out->text + out->len, room - out->len, 0);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		out->len += (size_t)n;
		if (out->len == room)
			assert_non_null(out->text = realloc(out->text, (room *= 2) + 1));
	}
	close(fd);
	out->text[out->len] = '\0';
	if (sscanf(out->text, "HTTP/1.1 %d ", &out->status) != 1)
		sscanf(out->text, "HTTP/1.0 %d ", &out->status);
	end = strstr(out->text, "\r\n\r\n");
	out->body = end ? end + 4 : out->text + out->len;
	out->body_len = out->len - (size_t)(out->body - out->text);
}

void
admin_rig_free(struct http_answer *answer)
{
	free(answer->text);
	memset(answer, 0, sizeof(*answer));
}

void
admin_rig_ask(struct admin_rig *rig, struct http_answer *out, enum admin_side side, const char *peer,
	      const char *request_line, const char *headers, const char *body)
{
	int fd = admin_rig_connect(rig, side, peer), len;
	char *head;

	len = asprintf(&head, "%s\r\nHost: test\r\n%s\r\n", request_line, headers);
	assert_true(len > 0);
	if (*body) {
		free(head);
		len = asprintf(&head, "%s\r\nHost: test\r\nContent-Length: %zu\r\n%s\r\n", request_line,
			       strlen(body), headers);
		assert_true(len > 0);
	}
	admin_rig_write(fd, head, (size_t)len);
	admin_rig_write(fd, body, strlen(body));
	free(head);
	admin_rig_read(out, fd);
}

const char *
admin_rig_header(const struct http_answer *answer, const char *name)
{
	static char value[512];
	size_t len = strlen(name);

	for (const char *line = strstr(answer->text, "\r\n"); line; line = strstr(line, "\r\n")) {
		line += 2;
		if (line[0] == '\r' || line >= answer->body)
			break;
		if (strncasecmp(line, name, len) == 0 && line[len] == ':') {
			snprintf(value, sizeof(value), "%.*s", (int)strcspn(line + len + 2, "\r"),
				 line + len + 2);
			return value;
		}
	}
	return NULL;
}

void
admin_rig_check_headers(const struct http_answer *answer)
{
	static const char *const expected[][2] = {
		{ "X-Content-Type-Options", "nosniff" },
		{ "X-Frame-Options", "DENY" },
		{ "Referrer-Policy", "no-referrer" },
		{ "Cross-Origin-Opener-Policy", "same-origin" },
		{ "Cross-Origin-Resource-Policy", "same-origin" },
		{ "Connection", "close" },
	};

	assert_true(answer->status >= 200);
	for (size_t i = 0; i < sizeof(expected) / sizeof(expected[0]); i++) {
		const char *value = admin_rig_header(answer, expected[i][0]);

		if (!value || strcmp(value, expected[i][1]) != 0)
			fail_msg("%s: %s in\n%s", expected[i][0], value ? value : "missing", answer->text);
	}
	if (!admin_rig_header(answer, "ETag"))
		assert_string_equal(admin_rig_header(answer, "Cache-Control"), "no-store");
	assert_non_null(admin_rig_header(answer, "Content-Security-Policy"));
	assert_non_null(admin_rig_header(answer, "Content-Type"));
	assert_non_null(admin_rig_header(answer, "Content-Length"));
	assert_non_null(admin_rig_header(answer, "X-Request-Id"));
	assert_null(admin_rig_header(answer, "Server"));
	assert_null(admin_rig_header(answer, "Access-Control-Allow-Origin"));
}
