/* SPDX-License-Identifier: MIT */
/*
 * Finds the few members we need in a server's message, in one pass over the outermost object and without
 * building anything: a JSON library would cost more than the rest of a message's way through this program.
 * Pure; any thread.
 */
#ifndef WSLOAD_SCAN_H
#define WSLOAD_SCAN_H

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"

enum scan_type {
	SCAN_OTHER,
	SCAN_ESTABLISHED,
	SCAN_HEARTBEAT,
	SCAN_RESPONSE,
	SCAN_ERROR,
	SCAN_GOODBYE,
	SCAN_MESSAGE, /* our own message come back: echo servers */
};

struct scan {
	enum scan_type type;
	bool has_count, has_id, has_total, resumed, reconnect;
	uint64_t count;
	uint64_t total; /* of a goodbye: messages counted over the session */
	uint64_t id;    /* of "id":"0000000012" and "id":12 alike; other ids are not ours */
	uint64_t retry_after_ms;
	struct slice session; /* raw, without the quotes */
	struct slice code;    /* of an error; raw */
};

/* False if text is no JSON object as far as we look. */
bool scan_message(const char *text, size_t len, struct scan *out);

#endif
