/* SPDX-License-Identifier: MIT */
/* The service manager, over D-Bus: org.freedesktop.systemd1(5). */
#ifndef WSD_CTL_BUS_H
#define WSD_CTL_BUS_H

#include <stdbool.h>
#include <stdint.h>

struct bus;
struct why;

enum bus_verb { BUS_START, BUS_STOP, BUS_RESTART, BUS_RELOAD };

struct bus_unit {
	char load[24];    /* "loaded", "not-found", ... */
	char active[24];  /* "active", "inactive", "failed", "activating", ... */
	char sub[24];     /* of activating: "start", "auto-restart", ... */
	char enabled[24]; /* "enabled", "disabled", ...; "" if there is no file */
	/* of services; else 0 and "" */
	char result[32];
	char status[256]; /* what it says of itself */
	uint32_t pid;
	uint32_t stored; /* descriptors in its store */
	uint64_t since_us; /* CLOCK_REALTIME of the last change to active; 0: never */
};

/* WSD_OK, then the caller owns *out; or a negative errno with a line in why. */
int bus_open(struct bus **out, struct why *why);
/* Accepts NULL and clears the pointer. */
void bus_close(struct bus **bus);

int bus_unit(struct bus *bus, const char *unit, struct bus_unit *out, struct why *why);
bool bus_unit_runs(const struct bus_unit *unit);

/* The first TCP address that a socket unit listens on, "127.0.0.1:3001"; a wildcard becomes the loopback
 * address. WSD_E_UNKNOWN: it has none. out has at least 64 bytes. */
int bus_listens(struct bus *bus, const char *unit, char *out, struct why *why);

/* Does it with all of them at once and waits for all. units ends with NULL. WSD_OK; WSD_E_CLOSED: a job
 * failed; WSD_E_TIMEOUT, -EINTR: jobs may still go on; or what the manager answered. */
int bus_do(struct bus *bus, enum bus_verb verb, const char *const *units, uint32_t timeout_ms,
	   struct why *why);

/* Closes what is in the descriptor store of a service that does not run. Before systemd 254 there is nothing then. */
void bus_empty_store(struct bus *bus, const char *unit);

/* As systemctl enable of one unit and disable of another, what is in Also= included; then all unit files are
 * read again. */
int bus_enable(struct bus *bus, const char *on, const char *off, struct why *why);

#endif
