/* SPDX-License-Identifier: MIT */
/*
 * What state the server is in, and what moves it on; nobody else changes it. Main thread, but for lifecycle_state().
 *
 *   STARTING ──► RUNNING ◄──► STANDBY        accept on/off (admin); a handoff that fails goes back to where it began
 *                   └────┬───────┘           a restart begins in these, and goes on to STOPPING: restart.h
 *                        ▼
 *                    DRAINING                drain (admin): back to RUNNING by accept on
 *                        │ signal
 *                        ▼
 *                    STOPPING ──► the process ends when all have left, at the latest after DRAIN_TIMEOUT
 */
#ifndef WSD_SERVER_LIFECYCLE_H
#define WSD_SERVER_LIFECYCLE_H

#include <stdbool.h>
#include <stdint.h>

#include <uv.h>

struct conf;
struct front;
struct handoff_give;
struct lot_fill;
struct metrics_shard;
struct restart;
struct rules_file;
struct status;
struct workers;

enum life_state { LIFE_STARTING, LIFE_RUNNING, LIFE_STANDBY, LIFE_DRAINING, LIFE_STOPPING };

struct lifecycle {
	uint32_t magic;

	/* what it needs; while it is STARTING none of it is touched */
	const struct conf *conf;
	uv_loop_t *loop; /* stopped at the end */
	struct front *front;
	const struct workers *workers;
	struct metrics_shard *shard;
	struct status *status;
	struct handoff_give *give;
	struct restart *restart;
	struct lot_fill *fill;
	struct rules_file *rules;

	/* its own */
	_Atomic int state; /* [atomic] enum life_state; written by main */
	enum life_state before_handoff;
	uv_timer_t deadline; /* of a drain, or of a step of a restart */
};

/* Any thread. */
enum life_state lifecycle_state(const struct lifecycle *l);

/* Neither ending nor drained, and no handoff or restart is under way: one may begin. */
bool lifecycle_is_free(const struct lifecycle *l);

/* Its timer. */
int lifecycle_start(struct lifecycle *l);
void lifecycle_stop(struct lifecycle *l);

/* Everything has started. WSD_OK, or a negative errno if the service manager could not be told, which has been logged.
 * watched: we look for loops that are stuck, and the manager need not. */
int lifecycle_ready(struct lifecycle *l, bool watched);

void lifecycle_signal(struct lifecycle *l, int signo);
void lifecycle_left(struct lifecycle *l);        /* a connection is gone */
void lifecycle_stand_still(struct lifecycle *l); /* a restart has come so far that nobody is served any more */

/* By an operator: WSD_OK or WSD_E_BUSY. */
int lifecycle_drain(struct lifecycle *l);
int lifecycle_accept(struct lifecycle *l, bool on);

/* A handoff: nobody is admitted from its beginning on. */
void lifecycle_handoff_begins(struct lifecycle *l);
void lifecycle_handoff_ends(struct lifecycle *l, bool done);

uint32_t lifecycle_spread_ms(const struct lifecycle *l); /* over which all connections are to be told to go */
uint32_t lifecycle_retry_ms(const struct lifecycle *l);  /* within which they are then to come back */

#endif
