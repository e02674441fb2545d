/* SPDX-License-Identifier: MIT */
/* The listening sockets: from the service manager, or bound here when it passed none of that kind. */
#include "server/listen.h"

#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/addr.h"
#include "base/err.h"
#include "base/fd.h"
#include "conf/conf.h"
#include "front/front.h"
#include "kept/table.h"
#include "log/log.h"
#include "server/starting.h"

#define BACKLOG 4096 /* what waits here during a restart */

static int
bind_one(const struct addrinfo *ai, int *out)
{
	int one = 1, zero = 0, rc = WSD_OK;
	int fd = socket(ai->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd == -1)
		return wsd_errno();
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (ai->ai_family == AF_INET6) /* "::" takes IPv4 too, whatever net.ipv6.bindv6only says */
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &zero, sizeof(zero));
	if (bind(fd, ai->ai_addr, ai->ai_addrlen) != 0 || listen(fd, BACKLOG) != 0) {
		rc = wsd_errno();
		fd_close(&fd);
	}
	*out = fd;
	return rc;
}

/* In a unit that has no network, what is wrong is that it got no socket. */
static void
explain(const struct conf *conf, const char *host, uint16_t port, int rc)
{
	if (rc == -EAFNOSUPPORT) {
		starting_failed("no socket for %s port %u was passed in (is the port in use?): systemctl status "
				"ws@%s.socket ws-admin@%s.socket",
				host, port, conf->instance, conf->instance);
		return;
	}
	starting_failed("could not listen on %s port %u (%s)", host, port, wsd_strerror(rc));
}

static int
bind_all(struct sysd_listeners *l, const struct conf *conf, enum sysd_role role, const char *host, uint16_t port)
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE | AI_NUMERICSERV }, *list = NULL;
	unsigned *n = &l->n[role];
	char service[8];
	int rc, failed = WSD_OK;

	snprintf(service, sizeof(service), "%u", port);
	rc = getaddrinfo(host, service, &hints, &list);
	if (rc != 0) {
		starting_failed("could not resolve %s (%s)", host, gai_strerror(rc));
		return WSD_E_UNKNOWN;
	}
	for (const struct addrinfo *ai = list; ai && *n < SYSD_LISTENERS_MAX; ai = ai->ai_next) {
		rc = bind_one(ai, &l->fds[role][*n]);
		if (rc == WSD_OK)
			(*n)++;
		else if (rc != -EADDRNOTAVAIL && rc != -EAFNOSUPPORT) /* "localhost" on a machine without IPv6 */
			failed = rc;
		else if (failed == WSD_OK)
			failed = *n ? WSD_OK : rc;
	}
	freeaddrinfo(list);
	if (failed != WSD_OK && (*n == 0 || failed == -EADDRINUSE)) {
		explain(conf, host, port, failed);
		return failed;
	}
	return WSD_OK;
}

/* Whoever set it may wonder why nothing changes. */
static void
warn_unused(const char *variable, const char *kind)
{
	if (variable)
		log_warn("%s is not used, since a socket is passed in: the address is that of the %s socket unit",
			 variable, kind);
}

/* What this process has made itself outlives it, as what was passed in does. */
static const enum kept_role kept_as[SYSD_ROLES] = { KEPT_PUBLIC, KEPT_ADMIN, KEPT_HANDOFF };

static void
take_kept(struct sysd_listeners *l)
{
	for (int role = 0; role < SYSD_ROLES; role++)
		for (int fd = -1; (fd = kept_find(kept_as[role], fd + 1)) != -1 && l->n[role] < SYSD_LISTENERS_MAX;)
			l->fds[role][l->n[role]++] = fd;
}

static void
keep(const struct sysd_listeners *l)
{
	for (int role = 0; role < SYSD_ROLES; role++)
		for (unsigned i = 0; i < l->n[role]; i++)
			if (kept_role_of(l->fds[role][i]) == KEPT_NOTHING)
				kept_add(l->fds[role][i], kept_as[role]);
}

int
listen_prepare(struct sysd_listeners *l, const struct conf *conf)
{
	char why[256];
	int rc = sysd_take_listeners(l, why, sizeof(why));

	if (rc != WSD_OK) {
		starting_failed("%s", why);
		return rc;
	}
	if (l->n[SYSD_PUBLIC] > 0)
		warn_unused(conf->public_given, "public");
	if (l->n[SYSD_ADMIN] > 0)
		warn_unused(conf->admin_given, "admin");
	take_kept(l);
	if (l->n[SYSD_PUBLIC] == 0)
		rc = bind_all(l, conf, SYSD_PUBLIC, conf->host, conf->port);
	if (rc == WSD_OK && l->n[SYSD_ADMIN] == 0)
		rc = bind_all(l, conf, SYSD_ADMIN, conf->admin_host, conf->admin_port);
	if (rc == WSD_OK && l->n[SYSD_HANDOFF] == 0)
		listen_handoff(l, conf);
	if (rc != WSD_OK)
		listen_close(l);
	keep(l);
	return rc;
}

int
listen_start(struct sysd_listeners *l, struct front *front)
{
	for (int role = SYSD_PUBLIC; role <= SYSD_ADMIN; role++) {
		for (unsigned i = 0; i < l->n[role]; i++) {
			int fd = l->fds[role][i];
			int rc;

			l->fds[role][i] = -1;
			rc = front_listen(front, role == SYSD_ADMIN, fd);
			if (rc != WSD_OK) {
				starting_failed("could not watch a listening socket (%s)", wsd_strerror(rc));
				return rc;
			}
		}
	}
	return WSD_OK;
}

uint16_t
listen_public_port(const struct sysd_listeners *l)
{
	for (unsigned i = 0; i < l->n[SYSD_PUBLIC]; i++) {
		struct sockaddr_storage sa;
		socklen_t len = sizeof(sa);

		if (getsockname(l->fds[SYSD_PUBLIC][i], (struct sockaddr *)&sa, &len) == 0) {
			struct addr a = addr_from_sockaddr((struct sockaddr *)&sa, len);

			if (a.port != 0)
				return a.port;
		}
	}
	return 0;
}

void
listen_close(struct sysd_listeners *l)
{
	for (int role = 0; role < SYSD_ROLES; role++) {
		for (unsigned i = 0; i < l->n[role]; i++)
			fd_close(&l->fds[role][i]);
		l->n[role] = 0;
	}
}
