/* SPDX-License-Identifier: MIT */
/* Connections and sessions from another process. Main thread. */
#include "server/import.h"

#include "base/clock.h"
#include "base/err.h"
#include "base/fd.h"
#include "base/tcp.h"
#include "front/front.h"
#include "kept/notes.h"
#include "kept/table.h"
#include "metrics/metrics.h"
#include "server/lifecycle.h"
#include "server/workers.h"

/* On failure the fd is still the caller's. */
static int
seat(const struct importer *im, int fd, const struct conn_state *state, uint32_t note, const struct import_claim *claim)
{
	struct worker_arrival arrival = {
		.fd = fd, .state = state, .noted = note != NOTES_NONE, .word = claim ? claim->word : 0
	};
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
	rc = worker_import(workers_at(im->workers, at.worker), &arrival, claim ? claim->take : NULL,
			   claim ? claim->arg : NULL);
	if (rc != WSD_OK)
		front_unimport(im->front, &at);
	else
		note_set_offer(arrival.note, NOTE_OURS, 0);
	return rc;
}

int
import_connection(const struct importer *im, int fd, const struct conn_state *state, const struct import_claim *claim)
{
	int rc = seat(im, fd, state, NOTES_NONE, claim);

	if (rc != WSD_OK) {
		kept_remove(fd);
		fd_close(&fd);
	}
	return rc;
}

int
import_noted(const struct importer *im, int fd, const struct conn_state *state, uint32_t note)
{
	int rc = seat(im, fd, state, note, NULL);

	if (rc != WSD_OK)
		fd_close(&fd);
	return rc;
}

struct session_claim {
	struct notes *notes;
	const struct session_state *session;
	const struct import_claim *claim;
	uint32_t note; /* until the front desk has noted it by itself */
};

static bool
take_session(void *arg)
{
	struct session_claim *c = arg;
	struct note *note;
	bool ours;

	c->note = notes_take(c->notes, c->session->id, c->session->token);
	note = notes_at(c->notes, c->note);
	note_set_offer(note, NOTE_CLAIMED, c->claim->word);
	notes_keep_session(note, c->session->count, clock_mono_ms() + c->session->expires_in_ms);
	ours = c->claim->take(c->claim->arg);
	if (ours)
		note_set_offer(note, NOTE_OURS, 0);
	return ours;
}

int
import_session(const struct importer *im, const struct session_state *session, const struct import_claim *claim)
{
	struct session_claim c = { .notes = im->notes, .session = session, .claim = claim, .note = NOTES_NONE };
	int rc;

	if (!claim) {
		front_import_session(im->front, session->id, session->token, session->count, session->expires_in_ms);
		return WSD_OK;
	}
	if (lifecycle_state(im->lifecycle) == LIFE_STOPPING)
		return WSD_E_BUSY;
	rc = front_adopt_session(im->front, session->id, session->token, session->count, session->expires_in_ms,
				 take_session, &c);
	notes_free(im->notes, c.note);
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
		import_session(im, &session, NULL);
		at += used;
	}
}
