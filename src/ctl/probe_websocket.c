/* SPDX-License-Identifier: MIT */
/* A WebSocket client that is greeted and leaves. The connection is libcurl's, so that TLS is its affair. */
#include "ctl/probe.h"

#include <poll.h>
#include <stdio.h>
#include <string.h>

#include <curl/curl.h>
#include <json-c/json.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/fd.h"
#include "base/hex.h"
#include "ctl/api.h"
#include "ctl/interrupt.h"
#include "ctl/why.h"
#include "wsclient/ws_codec.h"

#define ANSWER_MAX 8192

struct probe {
	CURL *easy;
	uint64_t until_ms;
	char data[ANSWER_MAX + 1];
	size_t len;
	char accept[WS_ACCEPT_LEN + 1]; /* what the server has to answer */
	bool refused;                   /* for want of a token */
};

static int
wait_for(struct probe *p, short events)
{
	curl_socket_t fd = CURL_SOCKET_BAD;
	uint64_t now = clock_mono_ms();

	curl_easy_getinfo(p->easy, CURLINFO_ACTIVESOCKET, &fd);
	{
		struct pollfd fds[] = { { .fd = fd, .events = events }, { .fd = interrupt_fd(), .events = POLLIN } };
		int n = poll(fds, 2, now < p->until_ms ? (int)(p->until_ms - now) : 0);

		if (n == -1)
			return wsd_errno();
		return fds[1].revents ? -EINTR : n == 0 ? WSD_E_TIMEOUT : WSD_OK;
	}
}

static int
send_all(struct probe *p, const char *data, size_t len)
{
	int rc = WSD_OK;

	while (rc == WSD_OK && len > 0) {
		size_t n = 0;
		CURLcode code = curl_easy_send(p->easy, data, len, &n);

		data += n;
		len -= n;
		if (code == CURLE_AGAIN)
			rc = wait_for(p, POLLOUT);
		else if (code != CURLE_OK)
			rc = WSD_E_CLOSED;
	}
	return rc;
}

/* At least one byte more. */
static int
receive(struct probe *p)
{
	int rc = p->len < ANSWER_MAX ? WSD_OK : WSD_E_TOO_LARGE;

	while (rc == WSD_OK) {
		size_t n = 0;
		CURLcode code = curl_easy_recv(p->easy, p->data + p->len, ANSWER_MAX - p->len, &n);

		if (code == CURLE_OK && n > 0) {
			p->len += n;
			p->data[p->len] = '\0';
			return WSD_OK;
		}
		rc = code == CURLE_AGAIN ? wait_for(p, POLLIN) : WSD_E_CLOSED;
	}
	return rc;
}

static int
ask(struct probe *p, const char *url)
{
	const char *host = strstr(url, "://") + 3, *path = strchr(host, '/');
	uint8_t random[24];
	char key[HANDSHAKE_KEY_LEN + 1], id[17], request[2400];
	int len;

	fd_random(random, sizeof(random));
	ws_key(key, random);
	ws_accept(p->accept, key);
	hex_encode(id, random + 16, 8);
	len = snprintf(request, sizeof(request),
		       "GET %sws/chat/wsctl-probe-%s HTTP/1.1\r\nHost: %.*s\r\nUpgrade: "
		       "websocket\r\nConnection: Upgrade\r\n"
		       "Sec-WebSocket-Key: %s\r\nSec-WebSocket-Version: 13\r\n\r\n",
		       path, id, (int)(path - host), host, key);
	return send_all(p, request, (size_t)len);
}

static void
drop_front(struct probe *p, size_t n)
{
	p->len -= n;
	memmove(p->data, p->data + n, p->len + 1);
}

/* With AUTH=jwt wsd asks for a token, and only if the request is a handshake that it would have taken up. */
static bool
asks_for_token(const char *head, int status)
{
	return status == 401 && strcasestr(head, "\r\nWWW-Authenticate: Bearer realm=\"wsd\"");
}

/* The head of the answer is taken away. */
static int
read_head(struct probe *p, const char *url, struct why *why)
{
	struct ws_reply reply;
	int rc;

	while ((rc = ws_reply_parse(p->data, p->len, p->accept, NULL, &reply)) == -EAGAIN)
		if ((rc = receive(p)) != WSD_OK)
			return rc;
	if (rc != WSD_OK)
		return rc;
	if (asks_for_token(p->data, reply.status)) {
		p->refused = true;
		return WSD_OK;
	}
	if (!reply.upgraded)
		return why_set(why, WSD_E_UNSUPPORTED, "%sws/chat/: no WebSocket, but HTTP status %d%s", url,
			       reply.status, reply.status == 101 ? " without what belongs to it" : "");
	drop_front(p, reply.size);
	return WSD_OK;
}

/* The first frame, whole. */
static int
read_frame(struct probe *p, struct ws_frame *frame)
{
	int rc;

	while ((rc = ws_parse((const uint8_t *)p->data, p->len, ANSWER_MAX, frame)) == -EAGAIN)
		if ((rc = receive(p)) != WSD_OK)
			return rc;
	if (rc != WSD_OK)
		return rc;
	return frame->opcode == FRAME_TEXT && frame->fin ? WSD_OK : WSD_E_MALFORMED;
}

/* Good manners; whether it arrives does not matter any more. */
static void
leave(struct probe *p)
{
	static const uint8_t normal[] = { 1000 >> 8, 1000 & 0xff };
	uint8_t mask[4], frame[WS_HEADER_MAX + sizeof(normal)];

	fd_random(mask, sizeof(mask));
	send_all(p, (const char *)frame, ws_control(frame, FRAME_CLOSE, normal, sizeof(normal), mask));
}

static int
read_greeting(struct probe *p, const char *url, char *instance, struct why *why)
{
	struct ws_frame frame;
	struct json_object *o;
	int rc = read_frame(p, &frame);
	struct json_tokener *tokener = json_tokener_new();

	if (rc == WSD_OK && tokener) {
		o = json_tokener_parse_ex(tokener, frame.payload.at, (int)frame.payload.len);
		if (!name_is_instance(api_text(o, "instance")))
			rc = why_set(why, WSD_E_UNSUPPORTED, "%sws/chat/: greeted, but not by an instance of wsd", url);
		else
			snprintf(instance, INSTANCE_NAME_MAX + 1, "%s", api_text(o, "instance"));
		json_object_put(o);
		leave(p);
	}
	json_tokener_free(tokener);
	return rc;
}

static CURL *
dial(const char *url, uint32_t timeout_ms, char *error)
{
	CURL *easy = curl_easy_init();

	if (!easy)
		return NULL;
	curl_easy_setopt(easy, CURLOPT_URL, url);
	curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(easy, CURLOPT_PROXY, "");
	curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(easy, CURLOPT_CONNECT_ONLY, 1L);
	curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_1_1);
	curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long)timeout_ms);
	curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, error);
	if (curl_easy_perform(easy) == CURLE_OK)
		return easy;
	curl_easy_cleanup(easy);
	return NULL;
}

int
probe_websocket(const char *url, uint32_t timeout_ms, char instance[INSTANCE_NAME_MAX + 1], struct why *why)
{
	struct probe p = { .until_ms = clock_mono_ms() + timeout_ms };
	char error[CURL_ERROR_SIZE] = "";
	int rc;

	p.easy = dial(url, timeout_ms, error);
	if (!p.easy)
		return why_set(why, WSD_E_CLOSED, "%s: %s", url, error);
	why->text[0] = '\0';
	rc = ask(&p, url);
	if (rc == WSD_OK)
		rc = read_head(&p, url, why);
	instance[0] = '\0';
	if (rc == WSD_OK && !p.refused)
		rc = read_greeting(&p, url, instance, why);
	if (rc != WSD_OK && why->text[0] == '\0')
		why_set(why, rc, "%sws/chat/: %s", url, rc == -EINTR ? "interrupted" : wsd_strerror(rc));
	curl_easy_cleanup(p.easy);
	return rc;
}
