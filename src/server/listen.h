/* SPDX-License-Identifier: MIT */
/* The listening sockets. Main thread. */
#ifndef WSD_SERVER_LISTEN_H
#define WSD_SERVER_LISTEN_H

#include <stdint.h>

#include "sysd/sysd.h"

struct conf;
struct front;

/* Takes over what the service manager passed in, and binds the rest. WSD_OK, or a negative code, and then it was told
 * why. */
int listen_prepare(struct sysd_listeners *l, const struct conf *conf);

/* listen_handoff.c: makes the handoff socket, if there is a place for it; part of the above. */
void listen_handoff(struct sysd_listeners *l, const struct conf *conf);

/* Gives the front desk its sockets. As above. */
int listen_start(struct sysd_listeners *l, struct front *front);

/* Where WebSockets are served; 0: on no TCP port. While the front desk does not have the sockets. */
uint16_t listen_public_port(const struct sysd_listeners *l);

/* Those that nobody has taken. */
void listen_close(struct sysd_listeners *l);

#endif
