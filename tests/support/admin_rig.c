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
#include <json-c/json.h>

#include "base/err.h"

struct admin_rig rig;

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

/* Written out, the zeros of `spared` as commas. */
static int
op_command(void *arg, const struct channel_command *c, struct channel_command_result *result)
{
	struct admin_script *s = arg;
	char spared[64];

	s->commands++;
	assert_true(c->spared.len < sizeof(spared));
	for (size_t i = 0; i < c->spared.len; i++)
		spared[i] = c->spared.at[i] ? c->spared.at[i] : ',';
#define TEXT(slice) (int)(slice).len, (slice).at
	snprintf(s->command, sizeof(s->command),
		 "kind %d client %.*s user %.*s spared %.*s channel %.*s data %.*s code %d", (int)c->kind,
		 TEXT(c->client), TEXT(c->user), (int)c->spared.len, spared, TEXT(c->channel), TEXT(c->data), c->code);
#undef TEXT
	if (c->kind == CHANNEL_COMMAND_REFRESH)
		snprintf(s->command + strlen(s->command), sizeof(s->command) - strlen(s->command), " expires %llu",
			 (unsigned long long)c->expires_real_ms);
	*result = s->result;
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

static int
op_handoff_status(void *arg, struct admin_handoff *out)
{
	*out = (struct admin_handoff){ .running = false };
	return WSD_OK;
}

static void
start(const char *token, struct conf_rate rate, const struct admin_limits *limits)
{
	struct admin_ops ops = {
		.arg = &rig.script,
		.public_port = 3001,
		.health = op_health,
		.page = op_page,
		.find = op_find,
		.disconnect = op_disconnect,
		.command = op_command,
		.drain = op_drain,
		.accept = op_accept,
		.handoff_status = op_handoff_status,
	};
	int rc;

	memset(&rig, 0, sizeof(rig));
	rig.script.health = (struct admin_health){
		.state = "running", .connections = 42, .messages_per_second = 17, .uptime_ms = 61007
	};
	rig.conf.instance = (char *)"blue";
	rig.conf.admin_hosts = (char *)"*";
	rig.conf.admin_token = (char *)token;
	rig.conf.rate_admin = rate;
	assert_int_equal(addr_nets_parse(&rig.conf.metrics_allow, "127.0.0.0/8,::1/128,198.51.100.0/24"), WSD_OK);
	assert_int_equal(addr_nets_parse(&rig.conf.trusted_proxies, "127.0.0.0/8,::1/128"), WSD_OK);
	metrics_init("blue", "1.0");
	for (unsigned i = 0; i < ADMIN_SIDES; i++)
		assert_non_null(rig.shards[i] = metrics_shard_create());
	if (limits)
		rc = admin_create_limited(&rig.admin, &rig.conf, &ops, rig.shards[ADMIN_SIDE_PUBLIC],
					  rig.shards[ADMIN_SIDE_ADMIN], limits);
	else
		rc = admin_create(&rig.admin, &rig.conf, &ops, rig.shards[ADMIN_SIDE_PUBLIC],
				  rig.shards[ADMIN_SIDE_ADMIN]);
	assert_int_equal(rc, WSD_OK);
}

void
admin_rig_start(const char *token, const struct admin_limits *limits)
{
	start(token, (struct conf_rate){ 0, 0 }, limits);
}

void
admin_rig_start_rated(struct conf_rate rate)
{
	start(NULL, rate, NULL);
}

int
admin_rig_set_up(void **state)
{
	admin_rig_start(NULL, NULL);
	return 0;
}

int
admin_rig_tear_down(void **state)
{
	admin_destroy(&rig.admin);
	assert_null(rig.admin);
	addr_nets_deinit(&rig.conf.metrics_allow);
	addr_nets_deinit(&rig.conf.trusted_proxies);
	metrics_deinit();
	return 0;
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
admin_rig_connect(enum admin_side side, const char *peer)
{
	struct sockaddr_storage address;
	socklen_t len = peer_address(&address, peer);
	int ends[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
	assert_int_equal(admin_reserve(rig.admin, side, (struct sockaddr *)&address, len), WSD_OK);
	assert_int_equal(admin_add(rig.admin, side, ends[1], (struct sockaddr *)&address, len), WSD_OK);
	return ends[0];
}

void
http_write(int fd, const char *data, size_t len)
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

struct http_answer
http_read(int fd)
{
	struct http_answer out = { 0 };
	size_t room = 4096;
	const char *end;

	assert_non_null(out.text = malloc(room + 1));
	for (;;) {
		ssize_t n = recv(fd, out.text + out.len, room - out.len, 0);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		out.len += (size_t)n;
		if (out.len == room)
			assert_non_null(out.text = realloc(out.text, (room *= 2) + 1));
	}
	close(fd);
	out.text[out.len] = '\0';
	if (sscanf(out.text, "HTTP/1.1 %d ", &out.status) != 1)
		sscanf(out.text, "HTTP/1.0 %d ", &out.status);
	end = strstr(out.text, "\r\n\r\n");
	out.body = end ? end + 4 : out.text + out.len;
	out.body_len = out.len - (size_t)(out.body - out.text);
	return out;
}

void
http_free(struct http_answer *answer)
{
	free(answer->text);
	memset(answer, 0, sizeof(*answer));
}

struct http_answer
http_send(enum admin_side side, const char *peer, const char *request_line, const char *headers, const char *body)
{
	int fd = admin_rig_connect(side, peer), len;
	char length[40] = "", *head;

	if (*body)
		snprintf(length, sizeof(length), "Content-Length: %zu\r\n", strlen(body));
	len = asprintf(&head, "%s\r\nHost: test\r\n%s%s\r\n", request_line, length, headers);
	assert_true(len > 0);
	http_write(fd, head, (size_t)len);
	http_write(fd, body, strlen(body));
	free(head);
	return http_read(fd);
}

struct http_answer
http_ask(enum admin_side side, const char *peer, const char *request_line)
{
	return http_send(side, peer, request_line, "", "");
}

const char *
http_header(const struct http_answer *answer, const char *name)
{
	static char value[512];
	size_t len = strlen(name);

	for (const char *line = strstr(answer->text, "\r\n"); line; line = strstr(line, "\r\n")) {
		line += 2;
		if (line[0] == '\r' || line >= answer->body)
			break;
		if (strncasecmp(line, name, len) == 0 && line[len] == ':') {
			snprintf(value, sizeof(value), "%.*s", (int)strcspn(line + len + 2, "\r"), line + len + 2);
			return value;
		}
	}
	return NULL;
}

void
http_check_headers(const struct http_answer *answer)
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
		const char *value = http_header(answer, expected[i][0]);

		if (!value || strcmp(value, expected[i][1]) != 0)
			fail_msg("%s: %s in\n%s", expected[i][0], value ? value : "missing", answer->text);
	}
	if (!http_header(answer, "ETag"))
		assert_string_equal(http_header(answer, "Cache-Control"), "no-store");
	assert_non_null(http_header(answer, "Content-Security-Policy"));
	assert_non_null(http_header(answer, "Content-Type"));
	assert_non_null(http_header(answer, "Content-Length"));
	assert_non_null(http_header(answer, "X-Request-Id"));
	assert_null(http_header(answer, "Server"));
	assert_null(http_header(answer, "Access-Control-Allow-Origin"));
}

void
http_is(struct http_answer answer, int status, const char *part)
{
	struct json_object *json;

	if (answer.status != status || !strstr(answer.body, part))
		fail_msg("expected %d with %s, got\n%s", status, part, answer.text);
	http_check_headers(&answer);
	assert_string_equal(http_header(&answer, "Content-Type"), "application/json");
	assert_string_equal(http_header(&answer, "Content-Security-Policy"),
			    "default-src 'none'; frame-ancestors 'none'");
	json = json_tokener_parse(answer.body);
	assert_non_null(json);
	json_object_put(json);
	http_free(&answer);
}

void
http_expect(int fd, int status, const char *part)
{
	struct http_answer answer = http_read(fd);

	if (status != 0) {
		http_is(answer, status, part);
		return;
	}
	assert_int_equal(answer.status, 0);
	http_free(&answer);
}
