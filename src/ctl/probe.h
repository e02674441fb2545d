/* SPDX-License-Identifier: MIT */
/* What a client meets at an address: which instance answers a plain request, and which a WebSocket. */
#ifndef WSD_CTL_PROBE_H
#define WSD_CTL_PROBE_H

#include <stdint.h>

#include "ctl/instance.h"

struct why;

/* url ends with a slash. WSD_OK and the instance's name; else why not: -EINTR, WSD_E_TIMEOUT,
 * WSD_E_UNSUPPORTED (another answer), or what went wrong on the way. */
int probe_health(const char *url, uint32_t timeout_ms, char instance[INSTANCE_NAME_MAX + 1], struct why *why);

/* A handshake (RFC 6455, 4.1) and the greeting that comes first; then it is closed. Results as above; the name is ""
 * when an instance wants a token before it says any more. */
int probe_websocket(const char *url, uint32_t timeout_ms, char instance[INSTANCE_NAME_MAX + 1], struct why *why);

#endif
