/* SPDX-License-Identifier: MIT */
/*
 * Workers without threads: the functions of worker/worker.h, which write down what they are told. Linked in the place
 * of src/worker/, for unit tests of what is above it. FAKE_WORKERS at most; one thread.
 */
#ifndef WSD_TESTS_FAKE_WORKER_H
#define WSD_TESTS_FAKE_WORKER_H

#include "worker/worker.h"

#define FAKE_WORKERS 4

struct fake_seat {
	uint64_t serial;
	uint32_t slot;
};

struct fake_worker {
	struct worker *worker; /* NULL: it has been joined, or never started */
	const struct worker_ops *ops;
	unsigned drains, drain_stops, exports, session_exports, asks, last_exports, export_stops, reloads;
	unsigned imports, released, kept, commands;
	struct fake_seat seat;                /* of the last command */
	struct channel_command_result result; /* of every command */
	enum client_bye bye;                  /* of the last drain, or connection kept */
	uint32_t spread_ms;                   /* of the last drain or export of sessions */
	struct worker_arrival arrival;        /* the last; its fd has been closed */
	int import_rc;                        /* what an import comes to; WSD_OK at first */
	int order_rc;                         /* the same of orders */
};

extern struct fake_worker fake_workers[FAKE_WORKERS];

/* As a worker would send it: an offer of the connection that arrived last, or of its session alone (fd -1). */
void fake_worker_offers(struct fake_worker *fake, const char *id, int fd);

#endif
