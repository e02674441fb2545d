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

#define URL_HOST_MAX 256
#define URL_PATH_MAX 1024

struct url {
	bool tls;
	char host[URL_HOST_MAX];           /* without brackets */
	char authority[URL_HOST_MAX + 10]; /* for the Host header: the default port is left out */
	char port[6];
	char path[URL_PATH_MAX];      /* with the query; empty if the address has none (or just "/") */
	struct sockaddr_storage addr; /* by url_resolve() */
	socklen_t addr_len;
};

/* ws://, wss://, http:// and https://, or just HOST:PORT. WSD_OK or WSD_E_MALFORMED. */
int url_parse(struct url *u, const char *text);

/* The first address that the name has; *why tells what went wrong. */
int url_resolve(struct url *u, const char **why);

/* Fills {n} with the connection's number and {run} with the run's name; -1 if it does not fit. */
int url_expand(char *out, size_t room, const char *template, uint64_t n, const char *run);

#endif
