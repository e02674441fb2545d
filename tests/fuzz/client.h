/* SPDX-License-Identifier: MIT */
/* The client of a fuzz target that serves: sends an input in pieces, and hears all that is answered. */
#ifndef WSD_FUZZ_CLIENT_H
#define WSD_FUZZ_CLIENT_H

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>

#include "base/check.h"

#define SAID_MOST (1u << 20) /* less than this comes of any input */

/* What the server said last, and a zero byte behind it. */
static char said[SAID_MOST + 1];

/* The server may have hung up: what it said before is still to be read. The fuzzer's own alarms interrupt. */
static void
say(int fd, const void *data, size_t len, size_t piece)
{
	const char *at = data;

	while (len > 0) {
		ssize_t n = send(fd, at, len < piece ? len : piece, MSG_NOSIGNAL);

		if (n < 0 && errno != EINTR)
			return;
		at += n > 0 ? n : 0;
		len -= n > 0 ? (size_t)n : 0;
	}
}

/* Reads to the end. False: it was cut off, since the server did not read all. */
static bool
listen_to(int fd, size_t *len)
{
	ssize_t n;

	*len = 0;
	do {
		CHECK(*len < SAID_MOST);
		n = recv(fd, said + *len, SAID_MOST - *len, 0);
		*len += n > 0 ? (size_t)n : 0;
	} while (n > 0 || (n < 0 && errno == EINTR));
	CHECK(n == 0 || errno == ECONNRESET);
	said[*len] = '\0';
	return n == 0;
}

#endif
