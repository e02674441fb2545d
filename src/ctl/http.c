/* SPDX-License-Identifier: MIT */
#include "ctl/http.h"

#include <stdlib.h>
#include <string.h>

#include <curl/curl.h>

#include "base/check.h"
#include "base/err.h"
#include "config.h"
#include "ctl/interrupt.h"
#include "ctl/why.h"

#define BODY_MAX (16u << 20)

static size_t
take_body(char *data, size_t size, size_t n, void *arg)
{
	struct http_answer *a = arg;
	char *bigger;

	n *= size;
	if (a->len + n > BODY_MAX)
		return 0;
	bigger = realloc(a->body, a->len + n + 1);
	if (!bigger)
		return 0;
	a->body = bigger;
	memcpy(a->body + a->len, data, n);
	a->len += n;
	a->body[a->len] = '\0';
	return n;
}

static void
set_options(CURL *easy, const struct http_request *request, struct curl_slist *headers, struct http_answer *out,
	    char *error)
{
	curl_easy_setopt(easy, CURLOPT_URL, request->url);
	curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(easy, CURLOPT_PROXY, "");
	curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(easy, CURLOPT_USERAGENT, "ctl/" PACKAGE_VERSION);
	curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long)request->timeout_ms);
	curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, take_body);
	curl_easy_setopt(easy, CURLOPT_WRITEDATA, out);
	curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, error);
	curl_easy_setopt(easy, CURLOPT_FORBID_REUSE, 1L);
	curl_easy_setopt(easy, CURLOPT_HTTPHEADER, headers);
	if (request->socket)
		curl_easy_setopt(easy, CURLOPT_UNIX_SOCKET_PATH, request->socket);
	if (request->body)
		curl_easy_setopt(easy, CURLOPT_POSTFIELDS, request->body);
	if (request->method)
		curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, request->method);
}

/* curl_easy_perform() that an interrupt ends. */
static int
perform(CURL *easy, CURLcode *result)
{
	CURLM *multi = curl_multi_init();
	int running = 1, rc = multi && curl_multi_add_handle(multi, easy) == CURLM_OK ? WSD_OK : -ENOMEM;
	CURLMsg *message;
	int left;

	*result = CURLE_OK;
	while (rc == WSD_OK && running > 0) {
		struct curl_waitfd signals = { .fd = interrupt_fd(), .events = CURL_WAIT_POLLIN };

		if (curl_multi_perform(multi, &running) != CURLM_OK)
			rc = WSD_E_LIBRARY;
		else if (running > 0 && curl_multi_poll(multi, &signals, signals.fd != -1, 1000, NULL) != CURLM_OK)
			rc = WSD_E_LIBRARY;
		else if (running > 0 && interrupt_seen())
			rc = -EINTR;
	}
	while (multi && (message = curl_multi_info_read(multi, &left)) != NULL)
		if (message->msg == CURLMSG_DONE)
			*result = message->data.result;
	curl_multi_remove_handle(multi, easy);
	curl_multi_cleanup(multi);
	return rc;
}

static int
judge(CURL *easy, CURLcode result, const char *error, struct why *why)
{
	const char *said = error[0] ? error : curl_easy_strerror(result);
	long os = 0;

	if (result == CURLE_OK)
		return WSD_OK;
	curl_easy_getinfo(easy, CURLINFO_OS_ERRNO, &os);
	if (result == CURLE_OPERATION_TIMEDOUT)
		return why_set(why, WSD_E_TIMEOUT, "%s", said);
	return why_set(why, result == CURLE_COULDNT_CONNECT && os > 0 ? -(int)os : WSD_E_LIBRARY, "%s", said);
}

int
http_ask(const struct http_request *request, struct http_answer *out, struct why *why)
{
	CURL *easy = curl_easy_init();
	struct curl_slist *headers = NULL;
	char error[CURL_ERROR_SIZE] = "";
	CURLcode result;
	int rc;

	*out = (struct http_answer){ .status = 0 };
	if (request->body)
		headers = curl_slist_append(headers, "Content-Type: application/json");
	if (!easy || (request->body && !headers)) {
		rc = why_set(why, -ENOMEM, "out of memory");
		goto out;
	}
	set_options(easy, request, headers, out, error);
	rc = perform(easy, &result);
	if (rc == WSD_OK)
		rc = judge(easy, result, error, why);
	else
		why_set(why, rc, "%s", rc == -EINTR ? "interrupted" : wsd_strerror(rc));
	curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &out->status);
out:
	curl_slist_free_all(headers);
	curl_easy_cleanup(easy);
	return rc;
}

void
http_answer_deinit(struct http_answer *answer)
{
	free(answer->body);
	*answer = (struct http_answer){ .status = 0 };
}
