/* SPDX-License-Identifier: MIT */
/* What the kernel knows of a TCP connection; tcp(7). Any thread. */
#ifndef WSD_BASE_TCP_H
#define WSD_BASE_TCP_H

#include <stdbool.h>
#include <stdint.h>

struct tcp_state {
	uint64_t consumed; /* payload bytes that have been read from the socket so far */
	uint64_t sent;     /* payload bytes that it has taken from us so far */
	uint32_t unread;   /* bytes that wait in the kernel */
	bool connected;    /* established, also if the peer has finished sending */
};

/* False if fd is no TCP socket. */
bool tcp_state_of(int fd, struct tcp_state *out);

#endif
