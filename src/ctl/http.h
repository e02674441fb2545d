/* SPDX-License-Identifier: MIT */
/* HTTP requests, by libcurl; they end early when an interrupt comes. */
#ifndef WSD_CTL_HTTP_H
#define WSD_CTL_HTTP_H

#include <stddef.h>
#include <stdint.h>

struct why;

struct http_request {
	const char *method; /* NULL: GET */
	const char *url;
	const char *socket; /* path of a unix socket to connect to; NULL: by the address */
	const char *body;   /* JSON; NULL: none */
	uint32_t timeout_ms;
};

struct http_answer {
	long status;
	char *body; /* zero-terminated; NULL if it was empty */
	size_t len;
};

/* WSD_OK if an answer came, whatever its status; -EINTR, WSD_E_TIMEOUT, a negative errno of the connection,
 * or WSD_E_LIBRARY, with a line in why. End *out with http_answer_deinit(). */
int http_ask(const struct http_request *request, struct http_answer *out, struct why *why);
void http_answer_deinit(struct http_answer *answer);

#endif
