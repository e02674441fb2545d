/* SPDX-License-Identifier: MIT */
/*
 * What arrives from another process, by whichever way: over a link, or out of the parking lot. A connection gets its
 * seat at the front desk and goes to that seat's worker, or nothing has happened. Main thread.
 */
#ifndef WSD_SERVER_IMPORT_H
#define WSD_SERVER_IMPORT_H

#include <stdbool.h>
#include <stddef.h>

#include "proto/state.h"

struct front;
struct lifecycle;
struct metrics_shard;
struct notes;
struct workers;

struct importer {
	struct front *front;
	const struct workers *workers;
	const struct lifecycle *lifecycle;
	struct notes *notes; /* NULL: there is no keeper */
	struct metrics_shard *shard;
};

/* What was offered, and may not be ours. */
struct import_claim {
	bool (*take)(void *arg); /* called once, when nothing can go wrong any more: whether it is ours */
	void *arg;
	uint32_t word; /* of the arbiter, which tells the same to the process after this one */
};

/* Owns fd in every case. claim may be NULL: it is ours. WSD_OK; WSD_E_CLOSED if the claim was lost; or why it is not
 * wanted, and then claim was not called: -ENOTCONN (no connected TCP socket, or not any more), WSD_E_BUSY (the id is in
 * use here, or this process is about to end) or -ENOMEM. */
int import_connection(const struct importer *im, int fd, const struct conn_state *state,
		      const struct import_claim *claim);

/* The same for one that the process before has noted, under this index (kept/notes.h), which is the front desk's then.
 * On failure it is still the caller's. */
int import_noted(const struct importer *im, int fd, const struct conn_state *state, uint32_t note);

/* A session that nobody is connected with; with a claim, one whose connection is about to be closed where it comes
 * from, which replaces what is known of it here. Results as above, and WSD_E_UNSUPPORTED (no sessions are kept here);
 * without a claim WSD_OK. */
int import_session(const struct importer *im, const struct session_state *session, const struct import_claim *claim);

/* A list of them, as export_sessions() makes it. */
void import_sessions(const struct importer *im, const char *list, size_t len);

#endif
