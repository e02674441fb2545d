/* SPDX-License-Identifier: MIT */
#include "ctl/address.h"

#include <string.h>
#include <sys/socket.h>

#include "base/addr.h"
#include "base/err.h"
#include "base/fd.h"
#include "ctl/bus.h"
#include "ctl/instance.h"
#include "ctl/why.h"

/* As systemd would. */
static int
try_bind(const char *address)
{
	struct sockaddr_storage sa;
	struct addr a;
	int one = 1, fd, rc;

	if (addr_parse(&a, address, strlen(address)) != WSD_OK)
		return WSD_OK; /* not for us to judge */
	fd = socket(a.family == ADDR_V4 ? AF_INET : AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd == -1)
		return wsd_errno();
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	rc = bind(fd, (struct sockaddr *)&sa, addr_to_sockaddr(&a, &sa)) == 0 && listen(fd, 1) == 0 ? WSD_OK
												    : wsd_errno();
	fd_close(&fd);
	return rc;
}

static int
judge(int rc, const char *address, const char *unit, struct why *why)
{
	if (rc == -EADDRINUSE)
		return why_set(why, WSD_E_CLOSED,
			       "%s, the address of %s, is in use by another program: ss -Hltnp 'sport = %s' names it",
			       address, unit, strrchr(address, ':'));
	if (rc == -EADDRNOTAVAIL || rc == -EAFNOSUPPORT)
		return why_set(why, WSD_E_UNKNOWN, "%s, the address of %s, is none of this machine: systemctl edit %s",
			       address, unit, unit);
	return WSD_OK; /* not for us to judge */
}

int
address_check(struct bus *bus, const struct instance *i, struct why *why)
{
	int rc = WSD_OK;

	if (i->runs) /* it still has a socket that its unit has closed, and opens again when it is restarted */
		return WSD_OK;
	for (unsigned n = 0; n < INSTANCE_SOCKETS && rc == WSD_OK; n++) {
		const char *active = i->sockets[n].active;
		char unit[64], address[64];

		if (strcmp(active, "inactive") != 0 && strcmp(active, "failed") != 0)
			continue;
		instance_socket(unit, i->name, n);
		rc = bus_listens(bus, unit, address, why);
		if (rc == WSD_OK)
			rc = judge(try_bind(address), address, unit, why);
		else if (rc == WSD_E_UNKNOWN) /* a unix socket alone */
			rc = WSD_OK;
	}
	return rc;
}
