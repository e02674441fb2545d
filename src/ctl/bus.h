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
	char load[24];     /* "loaded", "not-found", ... */
	char active[24];   /* "active", "inactive", "failed", "activating", ... */
	char sub[24];      /* of activating: "start", "auto-restart", ... */
	char enabled[24];  /* "enabled", "disabled", ...; "" if there is no file */
	uint64_t began_us; /* CLOCK_MONOTONIC of the last change away from inactive; 0: never */
	char result[32];   /* how the last time ended: "success", "exit-code", "resources", ... */
	/* of services; else 0 and "" */
	char status[256]; /* what it says of itself */
	uint32_t pid;
	uint32_t stored;   /* descriptors in its store */
	uint64_t since_us; /* CLOCK_REALTIME of the last change to active; 0: never */
	/* of services: how its process ended, or one of ExecStartPre=, as waitid(2) has si_code and si_status; 0: it
	 * runs, or has never run */
	int32_t exit_code, exit_status;
	uint64_t start_timeout_us; /* UINT64_MAX: it may take for ever */
};

/* What a service is made of. */
struct bus_files {
	char **paths; /* its file and its drop-ins, in the order that systemd reads them; ends with NULL */
	char **argv;  /* of ExecStart=; argv[0] is the program's path; ends with NULL */
	bool stale;   /* they have changed since systemd read them */
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

/* Calls one with the name of each unit that systemd has loaded and that fits one of the patterns (glob(7)), of
 * which the last is NULL. */
int bus_each(struct bus *bus, const char *const *patterns, void (*one)(void *arg, const char *unit), void *arg,
	     struct why *why);

/* Does it with all of them at once and waits for all. units ends with NULL. WSD_OK; WSD_E_CLOSED: a job
 * failed; WSD_E_TIMEOUT, -EINTR: jobs may still go on; or what the manager answered. */
int bus_do(struct bus *bus, enum bus_verb verb, const char *const *units, uint32_t timeout_ms, struct why *why);

/* WSD_OK, then end *out with bus_files_deinit(); or why not. */
int bus_files(struct bus *bus, const char *service, struct bus_files *out, struct why *why);
void bus_files_deinit(struct bus_files *files);
/* Has all unit files read again. */
int bus_reload(struct bus *bus, struct why *why);

/* Keeps a unit loaded, whatever becomes of it, as long as the connection to the bus is there or until it is let
 * go. */
int bus_hold(struct bus *bus, const char *unit, struct why *why);
void bus_let_go(struct bus *bus, const char *unit);
/* That it failed is known, and is no longer to be seen. */
void bus_forget_failure(struct bus *bus, const char *unit);

/* Closes what is in the descriptor store of a service that does not run. Before systemd 254 there is nothing then. */
void bus_empty_store(struct bus *bus, const char *unit);

/* As systemctl enable of one unit and disable of another (NULL: of none), what is in Also= included; then all
 * unit files are read again. */
int bus_enable(struct bus *bus, const char *on, const char *off, struct why *why);

#endif
