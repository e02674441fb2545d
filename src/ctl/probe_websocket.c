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
#include "ctl/api.h"
#include "ctl/interrupt.h"
#include "ctl/why.h"

#define ANSWER_MAX 8192

struct probe {
	CURL *easy;
	uint64_t until_ms;
	char data[ANSWER_MAX + 1];
	size_t len;
	bool refused; /* for want of a token */
};

static int
wait_for(struct probe *p, short events)
{
	curl_socket_t fd = CURL_SOCKET_BAD;
	uint64_t now = clock_mono_ms();

	curl_easy_getinfo(p->easy, CURLINFO_ACTIVESOCKET, &fd);
	{
		struct pollfd fds[] = { { .fd = fd, .events = events },
					{ .fd = interrupt_fd(), .events = POLLIN } };
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

/* 128 random bits as Sec-WebSocket-Key has them, in base64: 22 digits of which the last has two bits, and
 * padding. */
static void
make_key(char key[25])
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	unsigned char random[22];

	fd_random(random, sizeof(random));
	for (int i = 0; i < 21; i++)
		key[i] = digits[random[i] % 64];
	key[21] = "AQgw"[random[21] % 4];
	strcpy(key + 22, "==");
}

static int
ask(struct probe *p, const char *url)
{
	const char *host = strstr(url, "://") + 3, *path = strchr(host, '/');
	char key[25], id[25], request[2400];
	int len;

	make_key(key);
	make_key(id);
	for (char *c = id; *c; c++)
		if (strchr("+/=", *c))
			*c = '-';
	len = snprintf(request, sizeof(request),
		       "GET %sws/chat/wsctl-probe-%s HTTP/1.1\r\nHost: %.*s\r\nUpgrade: "
		       "websocket\r\nConnection: Upgrade\r\n"
		       "Sec-WebSocket-Key: %s\r\nSec-WebSocket-Version: 13\r\n\r\n",
		       path, id, (int)(path - host), host, key);
	return send_all(p, request, (size_t)len);
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
	int rc = WSD_OK, status = 0;
	char *end = NULL;

	while (rc == WSD_OK && !(end = strstr(p->data, "\r\n\r\n")))
		rc = receive(p);
	if (rc != WSD_OK)
		return rc;
	if (sscanf(p->data, "HTTP/1.%*d %d", &status) == 1 && asks_for_token(p->data, status)) {
		p->refused = true;
		return WSD_OK;
	}
	if (status != 101)
		return why_set(why, WSD_E_UNSUPPORTED, "%sws/chat/: no WebSocket, but HTTP status %d", url,
			       status);
	end += 4;
	p->len -= (size_t)(end - p->data);
	memmove(p->data, end, p->len + 1);
	return WSD_OK;
}

/* Until so much is there. */
static int
want(struct probe *p, size_t len)
{
	int rc = WSD_OK;

	while (rc == WSD_OK && p->len < len)
		rc = receive(p);
	return rc;
}

/* A text frame that is not masked (RFC 6455, 5.2), of less than 64 KiB; *text is in p->data. The first of it
 * may have come together with the head of the answer. */
static int
read_frame(struct probe *p, const char **text, size_t *len)
{
	const unsigned char *d = (const unsigned char *)p->data;
	size_t head = 2;
	int rc = want(p, head);

	if (rc == WSD_OK && d[1] == 126)
		rc = want(p, head = 4);
	if (rc != WSD_OK)
		return rc;
	if (d[0] != 0x81 || d[1] > 126)
		return WSD_E_MALFORMED;
	*len = head == 4 ? (size_t)(d[2] << 8 | d[3]) : d[1];
	*text = p->data + head;
	return want(p, head + *len);
}

static int
read_greeting(struct probe *p, const char *url, char *instance, struct why *why)
{
	static const char leave[] = "\x88\x82\0\0\0\0\x03\xe8"; /* close 1000, with a mask of zeros */
	const char *text = "";
	struct json_object *o;
	size_t len = 0;
	int rc = read_frame(p, &text, &len);
	struct json_tokener *tokener = json_tokener_new();

	if (rc == WSD_OK && tokener) {
		o = json_tokener_parse_ex(tokener, text, (int)len);
		if (!instance_is_name(api_text(o, "instance")))
			rc = why_set(why, WSD_E_UNSUPPORTED,
				     "%sws/chat/: greeted, but not by an instance of wsd", url);
		else
			snprintf(instance, INSTANCE_NAME_MAX + 1, "%s", api_text(o, "instance"));
		json_object_put(o);
		send_all(p, leave, sizeof(leave) - 1);
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
