/* SPDX-License-Identifier: MIT */
/*
 * Client addresses in a small form that fits into every connection, and lists of networks to match them against.
 * IPv4-mapped IPv6 addresses (RFC 4291, 2.5.5.2) are taken as the IPv4 address they hold. Pure; any thread.
 */
#ifndef WSD_BASE_ADDR_H
#define WSD_BASE_ADDR_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

enum addr_family { ADDR_NONE, ADDR_UNIX, ADDR_V4, ADDR_V6 };

struct addr {
	uint8_t bytes[16]; /* network order; IPv4 in the first four, the rest 0 */
	uint16_t port;     /* host order; 0 if there is none */
	uint8_t family;    /* enum addr_family */
};

/* "[ffff:...:ffff]:65535" with the terminating zero */
#define ADDR_TEXT_MAX 64

/* Whom an address is counted for: without its port, and of IPv6 the /64, the smallest network that one client can be
 * expected to have all to itself (RFC 6177). */
struct addr addr_client(const struct addr *a);
/* Whether two results of addr_client() are of one client. */
bool addr_same_client(const struct addr *a, const struct addr *b);

struct addr addr_from_sockaddr(const struct sockaddr *sa, socklen_t len);

/* The other way round; a is of IPv4 or IPv6. Returns its length. */
socklen_t addr_to_sockaddr(const struct addr *a, struct sockaddr_storage *out);

/* An address alone: "192.0.2.1", "2001:db8::1", "[2001:db8::1]:443", "192.0.2.1:443". WSD_OK or WSD_E_MALFORMED. */
int addr_parse(struct addr *out, const char *text, size_t len);

/* "192.0.2.1", "2001:db8::1", "unix", "-"; returns out, which has ADDR_TEXT_MAX bytes. */
const char *addr_text(char *out, const struct addr *a);
/* The same with ":port", IPv6 in brackets. */
const char *addr_port_text(char *out, const struct addr *a);

struct addr_net {
	struct addr base;
	uint8_t bits;
};

struct addr_nets {
	struct addr_net *nets;
	unsigned n;
};

/* "127.0.0.0/8,::1/128": prefix lengths may be left out. An empty text is an empty list. WSD_OK, WSD_E_MALFORMED (also
 * when host bits are set) or -ENOMEM; the list is only changed on success. Release with addr_nets_deinit(). */
int addr_nets_parse(struct addr_nets *out, const char *text);
void addr_nets_deinit(struct addr_nets *nets);

/* Unix-domain peers are on this machine and match whenever a loopback network is listed. */
bool addr_nets_match(const struct addr_nets *nets, const struct addr *a);

#endif
