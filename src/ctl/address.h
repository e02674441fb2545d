/* SPDX-License-Identifier: MIT */
/* Whether an instance's sockets could be opened. */
#ifndef WSD_CTL_ADDRESS_H
#define WSD_CTL_ADDRESS_H

struct bus;
struct instance;
struct why;

/* The TCP addresses of its sockets that are not open. WSD_OK; WSD_E_CLOSED: another program listens there;
 * WSD_E_UNKNOWN: it is none of this machine; or what systemd answered. Then why names it, and the way out. */
int address_check(struct bus *bus, const struct instance *i, struct why *why);

#endif
