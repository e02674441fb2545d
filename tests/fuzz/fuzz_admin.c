/* SPDX-License-Identifier: MIT */
/*
 * Requests to the HTTP daemons, raw, before a server that says yes to all. As in the server, the front desk judges
 * the head first: libmicrohttpd gets no half ones. Every connection ends; what is answered is one well-formed
 * answer; and nothing is changed for anyone who has no right to.
 *
 * The first byte of an input chooses how the rest is sent:
 *   0x01  to the admin side
 *   0x06  from the unix socket, from this machine, from elsewhere, or from where metrics may be read
 *   0x18  the size of the pieces
 */
#include "admin/admin_priv.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/check.h"
#include "base/err.h"
#include "conf/conf.h"
#include "front/request.h"
#include "fuzz/client.h"
#include "fuzz/fuzz.h"
#include "log/log.h"
#include "metrics/metrics.h"
#include "support/json_c.h"

#define TO_ADMIN   0x01
#define TOKEN      "correct-horse-battery"
#define INPUT_MOST 65536

enum peer { PEER_UNIX, PEER_LOCAL, PEER_ELSEWHERE, PEER_SCRAPER };

static struct admin *admin;
static struct conf conf;
static _Atomic unsigned changes;

/* ---- the server ------------------------------------------------------------------------------ */

static void
health(void *arg, struct admin_health *out)
{
	*out = (struct admin_health){ .state = "running", .connections = 3 };
}

static void
fill(struct admin_connection *c, char last)
{
	memset(c, 0, sizeof(*c));
	strcpy(c->id, "c0");
	c->id[1] = last;
	c->worker = 1;
}

static int
page(void *arg, struct admin_page *page)
{
	CHECK(page->limit >= 1 && page->limit <= 1000 && strlen(page->after) <= 128 && strlen(page->prefix) <= 128);
	for (char last = '0'; last <= '4' && page->n < page->limit; last++)
		fill(&page->items[page->n++], last);
	page->total = 5;
	page->more = page->n < 5;
	return WSD_OK;
}

static int
find(void *arg, const char *id, struct admin_connection *out)
{
	CHECK(strlen(id) >= 1 && strlen(id) <= 128);
	fill(out, '0');
	return WSD_OK;
}

static int
disconnect(void *arg, const char *id)
{
	changes++;
	return WSD_OK;
}

static int
drain(void *arg)
{
	changes++;
	return WSD_OK;
}

static int
handoff(void *arg, const char *to, bool closing)
{
	CHECK(strlen(to) >= 1 && strlen(to) < 40);
	changes++;
	return WSD_OK;
}

static int
handoff_status(void *arg, struct admin_handoff *out)
{
	*out = (struct admin_handoff){ .to = "green", .moved = 7 };
	return WSD_OK;
}

static int
accepting(void *arg, bool on)
{
	changes++;
	return WSD_OK;
}

static void
stop(void)
{
	admin_destroy(&admin);
	metrics_deinit();
	addr_nets_deinit(&conf.metrics_allow);
	addr_nets_deinit(&conf.trusted_proxies);
}

static void
start(void)
{
	static const struct admin_ops ops = {
		.health = health,
		.page = page,
		.find = find,
		.disconnect = disconnect,
		.drain = drain,
		.handoff = handoff,
		.handoff_status = handoff_status,
		.accept = accepting,
	};
	static const struct admin_limits limits = {
		.connections = { 8, 8 }, .of_one_client = { 8, 8 }, .idle_s = 1, .request_ms = 1000
	};
	struct metrics_shard *shards[2];

	conf = (struct conf){ .instance = (char *)"blue", .admin_token = (char *)TOKEN, .admin_hosts = (char *)"*" };
	CHECK(addr_nets_parse(&conf.metrics_allow, "127.0.0.0/8,198.51.100.0/24") == WSD_OK);
	CHECK(addr_nets_parse(&conf.trusted_proxies, "127.0.0.0/8") == WSD_OK);
	metrics_init("fuzz", "0");
	shards[0] = metrics_shard_create();
	shards[1] = metrics_shard_create();
	CHECK(shards[0] && shards[1]);
	CHECK(admin_create_limited(&admin, &conf, &ops, shards[0], shards[1], &limits) == WSD_OK);
	CHECK_ZERO(atexit(stop));
}

/* ---- a client -------------------------------------------------------------------------------- */

static int
connect_as(enum peer peer, enum admin_side side)
{
	static const char *const texts[] = { NULL, "127.0.0.1", "203.0.113.9", "198.51.100.7" };
	struct sockaddr_in in = { .sin_family = AF_INET, .sin_port = 4242 };
	struct sockaddr local = { .sa_family = AF_UNIX };
	struct addr a;
	int ends[2];

	CHECK_ZERO(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends));
	if (peer == PEER_UNIX) {
		CHECK(admin_reserve(admin, side, &local, sizeof(sa_family_t)) == WSD_OK);
		CHECK(admin_add(admin, side, ends[1], &local, sizeof(sa_family_t)) == WSD_OK);
		return ends[0];
	}
	CHECK(addr_parse(&a, texts[peer], strlen(texts[peer])) == WSD_OK);
	memcpy(&in.sin_addr, a.bytes, sizeof(in.sin_addr));
	CHECK(admin_reserve(admin, side, (struct sockaddr *)&in, sizeof(in)) == WSD_OK);
	CHECK(admin_add(admin, side, ends[1], (struct sockaddr *)&in, sizeof(in)) == WSD_OK);
	return ends[0];
}

/* ---- what is answered ------------------------------------------------------------------------ */

/* "Name: value" of visible characters and blanks; nothing that the request said can begin a line of its own. */
static void
check_field(const char *at, const char *end)
{
	const char *colon = memchr(at, ':', (size_t)(end - at));

	CHECK(colon && colon > at && colon + 2 <= end && colon[1] == ' ');
	for (; at < colon; at++)
		CHECK((*at >= 'a' && *at <= 'z') || (*at >= 'A' && *at <= 'Z') || *at == '-');
	for (at++; at < end; at++)
		CHECK(*at >= ' ' && *at <= '~');
}

static void
check_head(const char *text, const char *end)
{
	const char *at = strstr(text, "\r\n");

	CHECK(strncmp(text, "HTTP/1.1 ", 9) == 0 || strncmp(text, "HTTP/1.0 ", 9) == 0);
	CHECK(text[9] >= '2' && text[9] <= '5');
	while (at < end) {
		const char *next = strstr(at + 2, "\r\n");

		check_field(at + 2, next);
		at = next;
	}
}

static void
check_said(size_t len, bool whole)
{
	static const char go_on[] = "HTTP/1.1 100 Continue\r\n\r\n";
	const char *text = said, *end, *length;
	size_t rest;

	if (len >= sizeof(go_on) - 1 && memcmp(said, go_on, sizeof(go_on) - 1) == 0)
		text += sizeof(go_on) - 1;
	len -= (size_t)(text - said);
	end = memmem(text, len, "\r\n\r\n", 4);
	if (len == 0 || (!end && !whole))
		return;
	CHECK(end && strlen(text) >= (size_t)(end - text));
	check_head(text, end);
	/* What libmicrohttpd answers by itself, as to a broken chunk, is up to it: 0.9.75 writes the head twice. */
	length = strstr(text, "\r\nX-Request-Id: ");
	if (!length || length > end)
		return;
	rest = len - (size_t)(end + 4 - text);
	length = strcasestr(text, "\r\nContent-Length: ");
	CHECK(length && length < end);
	if (!whole || rest == 0) /* HEAD has no body */
		return;
	CHECK(rest == strtoul(length + 18, NULL, 10));
	if (strstr(text, "\r\nContent-Type: application/json\r\n")) {
		struct json_object *value = json_c_parse(end + 4, rest);

		CHECK(json_object_is_type(value, json_type_object));
		json_object_put(value);
	}
}

/* False: libmicrohttpd would wait for more until a limit is reached, even from a client that has said all. */
static bool
has_body(const char *head, size_t head_len, size_t body_len)
{
	const char *length = memmem(head, head_len, "Content-Length: ", 16);

	if (memmem(head, head_len, "Transfer-Encoding", 17))
		return body_len >= 5 && memcmp(head + head_len + body_len - 5, "0\r\n\r\n", 5) == 0;
	return !length || strtoull(length + 16, NULL, 10) <= body_len;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const size_t pieces[4] = { SIZE_MAX / 2, 1, 7, 500 };
	struct request request;
	enum admin_side side;
	enum peer peer;
	size_t len;
	bool whole;
	int fd;

	if (size < 1 || size > INPUT_MOST)
		return 0;
	request_judge(&request, (const char *)data + 1, size - 1);
	if (request.kind != REQUEST_HTTP ||
	    !has_body((const char *)data + 1, request.head_len, size - 1 - request.head_len))
		return 0;
	if (!admin)
		start();
	changes = 0;
	log_set_level(LOG_LEVEL_ERROR); /* a request may have changed it */
	side = data[0] & TO_ADMIN ? ADMIN_SIDE_ADMIN : ADMIN_SIDE_PUBLIC;
	peer = (enum peer)(data[0] >> 1 & 3);
	fd = connect_as(peer, side);
	say(fd, data + 1, size - 1, pieces[data[0] >> 3 & 3]);
	shutdown(fd, SHUT_WR);
	whole = listen_to(fd, &len);
	close(fd);
	check_said(len, whole);
	if (changes > 0)
		CHECK(side == ADMIN_SIDE_ADMIN && (peer == PEER_UNIX || memmem(data, size, TOKEN, strlen(TOKEN))));
	if (peer == PEER_ELSEWHERE || side == ADMIN_SIDE_PUBLIC)
		CHECK(!strstr(said, "wsd_build_info"));
	return 0;
}
