/* SPDX-License-Identifier: MIT */
/*
 * The descriptors that outlive the process that serves, by number, and how the processes before it ended. The keeper
 * (keeper/keeper.h) makes the table in shared memory; it and the server have one table of descriptors and this one
 * beside it, so that nothing is passed at a crash: a descriptor whose role stands here is there still, any other is
 * closed.
 *
 * One for the process. Without a keeper there is none, and every call does nothing. A role is one byte, written by
 * whoever owns the descriptor, on any thread: in before anybody relies on it, out before it is closed.
 */
#ifndef WSD_KEPT_TABLE_H
#define WSD_KEPT_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum kept_role {
	KEPT_NOTHING,
	KEPT_TABLE,  /* the table itself, */
	KEPT_SELF,   /* and the program: the keeper's own */
	KEPT_PASSED, /* by the service manager, at the start: LISTEN_FDS */
	KEPT_PUBLIC, /* listening sockets of our own making */
	KEPT_ADMIN,
	KEPT_HANDOFF,
	KEPT_LOT_IN,
	KEPT_LOT_OUT,
	KEPT_LOT_TABLE,
	KEPT_CHANNELS, /* the broker's log */
	KEPT_NOTES,
	KEPT_METRICS,
	KEPT_FILE,           /* kept/file.h */
	KEPT_ARBITER,        /* of a handoff to another instance, */
	KEPT_ARBITER_THEIRS, /* and of one from there */
	KEPT_VISITOR,        /* accepted on the public side, and not heard yet */
	KEPT_CONNECTION,
	KEPT_ROLES
};

/* What the server was doing. */
enum kept_phase {
	KEPT_STARTING,
	KEPT_SERVING, /* READY is told; only from here on a crash is survived */
	KEPT_ENDING,  /* everybody has left, and what is kept is being closed */
};

/* What it is to do, whichever process does it. */
enum kept_duty { KEPT_RUNNING, KEPT_STANDBY, KEPT_DRAINING };

#define KEPT_SIGNALS 65

struct kept_death {
	int signal;     /* that ended the process before; 0: there was none */
	bool stuck;     /* its watchdog has ended it */
	bool farewell;  /* one crash too many: everybody is to be told to come back */
	uint64_t at_ms; /* clock_mono_ms() */
	uint32_t count; /* of all so far, this one among them */
};

/* ---- the keeper's ---------------------------------------------------------------------------- */

/* A new table for all descriptors up to the hard limit. WSD_OK or a negative errno. */
int kept_create(void);

/* That of the program which has executed itself: owns fd. WSD_E_MALFORMED: it is not one. */
int kept_open(int fd);

int kept_table_fd(void);
uint32_t kept_size(void); /* descriptors from 0 up to here can be kept */

/* Counts the end of a server. Returns how many there were in the minute before, this one among them. */
uint32_t kept_died(int signal, uint64_t now_ms);
/* The next server is to take its leave of everybody. */
void kept_set_farewell(void);
enum kept_phase kept_phase(void);
/* The signal that asked for the end, to be asked of the next server as well; 0: none. */
void kept_ask_end(int signo);
int kept_end_asked(void);

/* ---- everybody's ----------------------------------------------------------------------------- */

bool kept_on(void);
void kept_add(int fd, enum kept_role role); /* -1: nothing */
void kept_remove(int fd);
enum kept_role kept_role_of(int fd);
/* The lowest, from fd on; -1: none. */
int kept_find(enum kept_role role, int from);

/* Memory of this size that outlives the process: as the one before has left it, or zeroed. What is there of another
 * size is dropped. It stays mapped. WSD_OK or a negative errno; WSD_E_UNSUPPORTED: there is no keeper. */
int kept_map(enum kept_role role, size_t size, void **out);

void kept_set_phase(enum kept_phase phase);
void kept_set_duty(enum kept_duty duty);
enum kept_duty kept_duty(void);
/* What is in the parking lot (move/lot.h) is the newest that is known of those connections. */
void kept_set_parking(bool parking);
bool kept_parking(void);
void kept_beat(void);      /* the server is not stopped as a whole; its watchdog's thread */
uint32_t kept_beats(void); /* so far */
void kept_set_stuck(void); /* this process is about to be ended by its watchdog */
struct kept_death kept_last_death(void);
uint64_t kept_deaths(int signal); /* so far */
uint64_t kept_deaths_stuck(void);

/* Closes all descriptors that are not kept and above the standard ones, and forgets those that are closed. On one
 * thread, before there is another. */
void kept_close_others(void);

#endif
