/* SPDX-License-Identifier: MIT */
/* ws:// and wss:// addresses, and the path template that names each connection. Pure but for url_resolve().
 */
#ifndef WSLOAD_URL_H
#define WSLOAD_URL_H

#include <netdb.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#define URL_HOST_MAX  256
#define URL_PATH_MAX  1024
#define URL_ADDRESSES 8

struct url_address {
	struct sockaddr_storage addr;
	socklen_t len;
};

struct url {
	bool tls;
	char host[URL_HOST_MAX];           /* without brackets */
	char authority[URL_HOST_MAX + 10]; /* for the Host header: the default port is left out */
	char port[6];
	char path[URL_PATH_MAX];                     /* with the query; empty if the address has none (or just "/") */
	struct url_address addresses[URL_ADDRESSES]; /* by url_resolve() */
	unsigned n_addresses;
};

/* ws://, wss://, http:// and https://, or just HOST:PORT. WSD_OK or WSD_E_MALFORMED. */
int url_parse(struct url *u, const char *text);

/* The addresses that the name has, in the order in which they should be tried (RFC 6724), the first URL_ADDRESSES of
 * them; of one family only if that is not AF_UNSPEC. WSD_OK: there is at least one; WSD_E_UNSUPPORTED: none of that
 * family; WSD_E_UNKNOWN: none at all. *why then tells what went wrong. */
int url_resolve(struct url *u, int family, const char **why);

/* Fills {n} with the connection's number and {run} with the run's name; -1 if it does not fit. */
int url_expand(char *out, size_t room, const char *template, uint64_t n, const char *run);

#endif
