/* SPDX-License-Identifier: MIT */
/* The two instances, as the service manager and they themselves describe them. */
#ifndef WSD_CTL_INSTANCE_H
#define WSD_CTL_INSTANCE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/names.h"
#include "ctl/bus.h"
#include "ctl/program.h"

struct why;

#define INSTANCES        2
#define INSTANCE_SOCKETS 3

extern const char *const instance_names[INSTANCES];

/* Blue's is green, and the other way round; NULL for a name that is neither. */
const char *instance_other(const char *name);

/* The pair, and whoever else systemd knows of: a third one that is enabled, runs, or has run. */
#define INSTANCES_MOST 16

struct instance_list {
	char names[INSTANCES_MOST][INSTANCE_NAME_MAX + 1]; /* blue, green, and then by name */
	unsigned n;
};

/* As bus_do(), with its service. */
int instance_do(struct bus *bus, enum bus_verb verb, const char *name, uint32_t timeout_ms, struct why *why);

int instance_list(struct bus *bus, struct instance_list *out, struct why *why);

struct instance {
	const char *name;
	struct bus_unit unit;                      /* of the service */
	struct bus_unit sockets[INSTANCE_SOCKETS]; /* the first is the one for clients */
	char address[64];                          /* for clients; "" if its socket unit has none */
	bool runs;                                 /* the service is active */
	bool answers;                              /* and told the following; else all of it is 0 */
	bool denied;                               /* it may not be asked: only root and the group ws may */
	bool ready;
	char state[24]; /* "running", "standby", "draining", ... */
	char version[40];
	uint64_t connections;
	uint64_t messages_per_second;
	char program[PROGRAM_MAX]; /* that it starts with; "": not chosen yet */
	double uptime;             /* seconds */
	uint64_t memory;           /* resident bytes of the process that serves; 0: not known */
	struct {
		uint64_t n, kept, closed; /* that were survived, and what became of their connections */
		int signal;
		char at[32];
	} crashes; /* signal, at: of the last */
};

/* A service that does not run is not asked, which would start it. WSD_OK, or what the service manager
 * answered. */
int instance_look(struct bus *bus, const char *name, struct instance *out, struct why *why);

/* It does not run, and was not stopped either: what a restart has left for its next process, which did not come
 * up, may wait in its descriptor store. */
bool instance_holds(const struct instance *i);
/* It is on its way to another state, and was not just ended by a failure. */
bool instance_changes(const struct instance *i);
/* Nobody but a new connection starts it: its service does not run, and its socket listens. */
bool instance_would_start(const struct instance *i);
/* It did not start, and systemd tries that again and again. */
bool instance_retries(const struct instance *i);
/* Why it does not run, in its own words if it had any; "" if it runs, or was stopped. */
void instance_failure(const struct instance *i, struct why *out);
/* The first of its sockets, as from `from`, that is closed though it should be open, INSTANCE_SOCKETS if there
 * is none; and why, with the way out. */
unsigned instance_closed_socket(const struct instance *i, unsigned from, struct why *out);
/* A word for what it does: "serving", "stopped", "starting", "failing", "not installed", ... */
const char *instance_state(const struct instance *i);

/* Stops it with its sockets, but for those that are to be kept (NULL: none), so that nobody who connects
 * meanwhile starts it again. WSD_OK, or as bus_do(). */
int instance_stop(struct bus *bus, const char *name, const bool keep[INSTANCE_SOCKETS], uint32_t timeout_ms,
		  struct why *why);

/* The names of its units; each out has room for 64 bytes. */
void instance_service(char out[64], const char *name);
void instance_socket(char out[64], const char *name, unsigned i); /* i: 0, public, to INSTANCE_SOCKETS - 1 */

#endif
