/* SPDX-License-Identifier: MIT */
/* The request of a handshake. Pure; load processes. */
#ifndef WSLOAD_REQUEST_H
#define WSLOAD_REQUEST_H

#include <stddef.h>
#include <stdint.h>

#include "loadtest/options.h"
#include "loadtest/url.h"
#include "wsclient/ws_codec.h"

/* The key that goes along: a line of --header, or one made of the nonce. Its answer, which is what the server has to
 * send, goes to accept. */
void request_key(char key[HANDSHAKE_KEY_LEN + 1], char accept[WS_ACCEPT_LEN + 1], const struct options *o,
		 const uint8_t nonce[16]);

/*
 * The connection number n asks url for an upgrade; session: to be resumed, or NULL. A header that --header gives takes
 * the place of the one that would be made here. Returns the length, or 0 if there is not so much room.
 */
size_t request_write(char *out, size_t room, const struct options *o, const struct url *url, uint64_t n,
		     const char *key, const char *session);

#endif
