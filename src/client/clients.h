/* SPDX-License-Identifier: MIT */
/*
 * What the clients of one thread share: their wires' hub, their timers, the time, the settings. Made a part of the
 * thread's own struct, which is told by its ops what its clients come to. That thread, but for what is marked.
 */
#ifndef WSD_CLIENT_CLIENTS_H
#define WSD_CLIENT_CLIENTS_H

#include <stdbool.h>
#include <stdint.h>

#include <uv.h>

#include "base/clock.h"
#include "client/channels.h"
#include "loop/wheel.h"

struct auth;
struct broker;
struct channel_rules_now;
struct client;
struct client_departure;
struct clients;
struct conf;
struct metrics_shard;
struct wire_hub;

/* Called on the clients' thread. */
struct clients_ops {
	/* It is established: for the first time, not one that comes from another process. */
	void (*newcomer)(struct clients *all, struct client *c);
	/* It seeks a frame boundary, and may stand on one now. */
	void (*boundary)(struct clients *all, struct client *c);
	/* Its socket is closed, and all of it but its departure is void, which is the receiver's to free. */
	void (*left)(struct clients *all, struct client *c, struct client_departure *departure);
};

struct clients_setup {
	uv_loop_t *loop; /* initialised */
	const struct conf *conf;
	const struct auth *auth; /* NULL: clients need no token */
	struct broker *broker;   /* NULL, and the rules too: there are no channels */
	struct channel_rules_now *rules;
	const struct clients_ops *ops;
	struct metrics_shard *shard; /* of their thread */
	uint32_t index;              /* of their worker: for the log, and in departures */
};

struct clients {
	uint32_t magic;
	uint32_t index;                /* [const after start] */
	uv_loop_t *loop;               /* [const after start] */
	const struct conf *conf;       /* [const after start] */
	const struct auth *auth;       /* [const after start] */
	const struct clients_ops *ops; /* [const after start] */
	struct metrics_shard *shard;
	struct wire_hub *hub;
	uint64_t real_offset_ms; /* wall clock less monotonic clock, renewed at each tick */
	uint64_t ticked_ms;      /* the last tick */
	uint64_t awake_ms;       /* since when the loop has run without standing still */
	uint64_t stamp_ms;       /* what stamp says */
	char stamp[CLOCK_ISO8601_LEN];
	uint64_t random;
	struct wheel wheel;
	struct channels channels;
};

/* Before the thread runs; what setup points at must outlive it. WSD_OK, -ENOMEM or another negative errno. */
int clients_init(struct clients *all, const struct clients_setup *setup);
/* When all have left, after the second wire_hub_stop(). */
void clients_deinit(struct clients *all);

/* How often clients_tick() wants to be called: milliseconds. */
uint32_t clients_tick_ms(const struct conf *conf);
/* Looks at the clocks, and at every client whose time has come. */
void clients_tick(struct clients *all);

uint64_t clients_now_ms(const struct clients *all);              /* monotonic, cached by the loop */
const char *clients_stamp(struct clients *all, uint64_t now_ns); /* the wall clock, ISO 8601; 0: the loop's time */
uint32_t clients_random(struct clients *all, uint32_t below);    /* not for secrets */

#endif
