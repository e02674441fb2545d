/* SPDX-License-Identifier: MIT */
/* Connections and sessions from another process. Main thread. */
#include "server/import.h"

#include "base/err.h"
#include "base/fd.h"
#include "base/tcp.h"
#include "front/front.h"
#include "kept/notes.h"
#include "metrics/metrics.h"
#include "server/lifecycle.h"
#include "server/workers.h"

/* On failure the fd is still the caller's. */
static int
seat(const struct importer *im, int fd, const struct conn_state *state, uint32_t note, import_claim_cb claim,
     void *claim_arg)
{
	struct worker_arrival arrival = { .fd = fd, .state = state, .noted = note != NOTES_NONE };
	struct front_seat at;
	struct tcp_state tcp;
	int rc;

	if (!tcp_state_of(fd, &tcp) || !tcp.connected)
		return -ENOTCONN;
	if (lifecycle_state(im->lifecycle) == LIFE_STOPPING)
		return WSD_E_BUSY;
	rc = front_import(im->front, state->id, state->token, state->count, &state->peer, note, &at);
	if (rc != WSD_OK)
		return rc;
	arrival.serial = at.serial;
	arrival.slot = at.slot;
	arrival.note = front_note(im->front, &at);
	rc = worker_import(workers_at(im->workers, at.worker), &arrival, claim, claim_arg);
	if (rc != WSD_OK)
		front_unimport(im->front, &at);
	return rc;
}

int
import_connection(const struct importer *im, int fd, const struct conn_state *state, import_claim_cb claim,
		  void *claim_arg)
{
	int rc = seat(im, fd, state, NOTES_NONE, claim, claim_arg);

	if (rc != WSD_OK)
		fd_close(&fd);
	return rc;
}

int
import_noted(const struct importer *im, int fd, const struct conn_state *state, uint32_t note)
{
	int rc = seat(im, fd, state, note, NULL, NULL);

	if (rc != WSD_OK)
		fd_close(&fd);
	return rc;
}

int
import_session(const struct importer *im, const struct session_state *session, import_claim_cb claim, void *claim_arg)
{
	int rc;

	if (!claim) {
		front_import_session(im->front, session->id, session->token, session->count, session->expires_in_ms);
		return WSD_OK;
	}
	if (lifecycle_state(im->lifecycle) == LIFE_STOPPING)
		return WSD_E_BUSY;
	rc = front_adopt_session(im->front, session->id, session->token, session->count, session->expires_in_ms, claim,
				 claim_arg);
	if (rc == WSD_OK)
		metrics_add(im->shard, METRIC_SESSIONS_IN, 1);
	return rc;
}

void
import_sessions(const struct importer *im, const char *list, size_t len)
{
	struct session_state session;
	size_t at = 0, used;

	while (state_decode_session(&session, list + at, len - at, &used) == WSD_OK) {
		import_session(im, &session, NULL, NULL);
		at += used;
	}
}
