/* SPDX-License-Identifier: MIT */
/* What the files about D-Bus share. The prefix is bus_, as that of bus.h. */
#ifndef WSD_CTL_BUS_PRIV_H
#define WSD_CTL_BUS_PRIV_H

#include <systemd/sd-bus.h>

#include "ctl/bus.h"

#define MANAGER "org.freedesktop.systemd1"
#define UNIT    "org.freedesktop.systemd1.Unit"
#define SERVICE "org.freedesktop.systemd1.Service"
#define SOCKET  "org.freedesktop.systemd1.Socket"
#define OBJECT  "/org/freedesktop/systemd1"

#define CALL(bus, member, error, reply, ...) \
	sd_bus_call_method((bus)->sd, MANAGER, OBJECT, MANAGER ".Manager", member, error, reply, __VA_ARGS__)

struct bus {
	sd_bus *sd;
};

/* What a call has come to, whose error is freed: WSD_OK; or rc, or -EACCES if it was for want of rights, and what the
 * manager has answered in why. */
int bus_done(int rc, sd_bus_error *error, const char *what, struct why *why);

#endif
