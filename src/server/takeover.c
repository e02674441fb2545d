/* SPDX-License-Identifier: MIT */
/*
 * Going on where a process was killed. Main thread, before anything is served.
 *
 * First it is decided on each record: whose socket is still what it was, and where its stream stands. What is kept for
 * nobody is closed then, and only after that the workers get what is theirs, as they make new descriptors.
 */
#include "server/takeover.h"

#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/fd.h"
#include "base/tcp.h"
#include "client/travel.h"
#include "conf/conf.h"
#include "front/front.h"
#include "kept/notes.h"
#include "kept/table.h"
#include "log/log.h"
#include "log/message_ids.h"
#include "metrics/metrics.h"
#include "proto/frame.h"
#include "proto/state.h"
#include "server/import.h"
#include "server/starting.h"
#include "server/takeover_moves.h"

#define CLOSE_CODE   1012
#define OTHER_SHARDS 3   /* than the workers' */
#define SPARE        256 /* records, beyond those of MAX_CONNECTIONS and as many sessions: for arrivals over a link */

struct takeover {
	const struct importer *im;
	struct notes *notes;
	struct takeover_moves moves;
	uint64_t ttl_ms, now_ms;
	bool farewell;
	bool *wanted;               /* by descriptor */
	uint32_t *movers, n_movers; /* records of connections that go on */
	uint32_t kept, closed, sessions;
};

static bool
is_same_socket(int fd, uint64_t cookie)
{
	uint64_t its = 0;
	socklen_t len = sizeof(its);

	return fd >= 0 && (uint32_t)fd < kept_size() && cookie != 0 &&
	       getsockopt(fd, SOL_SOCKET, SO_COOKIE, &its, &len) == 0 && its == cookie;
}

static const struct note_position *
place_of(const struct note *note, const struct tcp_state *tcp)
{
	if (note->state != NOTE_OPEN || note->held || note->partial)
		return NULL;
	return tcp->connected ? note_find(note, tcp->consumed, tcp->sent) : NULL;
}

/* Its stream may be in the middle of a frame, or be none yet: only where it is not, there is something to be said. */
static void
part_from(int fd, const struct note *note, const struct tcp_state *tcp)
{
	char frame[FRAME_CLOSE_LEN];
	const struct note_position *last = note_last(note, tcp->sent);

	if (note->state != NOTE_SEATED && last && last->out == tcp->sent) {
		ssize_t n = send(fd, frame, frame_close(frame, CLOSE_CODE), MSG_DONTWAIT | MSG_NOSIGNAL);

		(void)n; /* who has no room for it is not told */
	}
	shutdown(fd, SHUT_RDWR);
	fd_discard(fd); /* or a reset would overtake what has been sent */
}

static void
keep_session(struct takeover *t, const struct note *note, uint64_t count, uint64_t ms)
{
	front_import_session(t->im->front, note->id, note->token, count, ms);
}

/* The session of a connection that ends, with what had been counted when so much was sent. */
static void
keep_its_session(struct takeover *t, const struct note *note, uint64_t sent)
{
	const struct note_position *last = note_last(note, sent);

	if (last)
		keep_session(t, note, last->rows[NOTES_COUNT], t->ttl_ms);
}

/* True: it goes on. */
static bool
decide(struct takeover *t, const struct note *note)
{
	enum takeover_whose whose = takeover_whose(&t->moves, note);
	struct tcp_state tcp;

	if (whose == TAKEOVER_ELSEWHERE)
		return false;
	if (note->state == NOTE_SESSION) {
		uint64_t left = note->expires_ms > t->now_ms ? note->expires_ms - t->now_ms : 0;

		t->sessions++;
		keep_session(t, note, note->positions[0].rows[NOTES_COUNT], left);
		return false;
	}
	if (!is_same_socket(note->fd, note->cookie)) { /* closed already, but not reported yet */
		if (note->state == NOTE_LEAVING)
			keep_its_session(t, note, NOTE_NOWHERE);
		return false;
	}
	if (!tcp_state_of(note->fd, &tcp))
		tcp = (struct tcp_state){ .sent = NOTE_NOWHERE }; /* a unix-domain socket: all that was given out */
	if (!t->farewell && whose == TAKEOVER_OURS && place_of(note, &tcp)) {
		t->wanted[note->fd] = true;
		return true;
	}
	if (whose == TAKEOVER_OURS) /* first: this process may be killed as well, and the next one finds it closed */
		keep_its_session(t, note, tcp.sent);
	part_from(note->fd, note, &tcp);
	t->closed++;
	return false;
}

static bool
is_used(const struct notes *notes, uint32_t index)
{
	return notes_at(notes, index)->state != NOTE_FREE;
}

static void
decide_on_all(struct takeover *t, struct notes *notes)
{
	uint32_t n = notes_count(notes), *used = t->movers, n_used = 0;

	for (uint32_t i = 0; i < n; i++) { /* first of all: what is decided takes new ones */
		if (!is_used(notes, i))
			continue;
		notes_claim(notes, i);
		used[n_used++] = i;
	}
	for (uint32_t i = 0; i < n_used; i++) {
		struct note *note = notes_at(notes, used[i]);

		if (note_is_sound(note) && decide(t, note))
			t->movers[t->n_movers++] = used[i];
		else
			notes_free(notes, used[i]);
	}
}

static void
close_unwanted(struct takeover *t)
{
	for (int fd = -1; (fd = kept_find(KEPT_CONNECTION, fd + 1)) != -1;) {
		int old = fd;

		if (t->wanted[fd])
			continue;
		kept_remove(fd);
		fd_close(&old);
	}
}

/* What was unread may have come, and what was sent have left, meanwhile, but nothing was read or written. */
static bool
state_of(const struct takeover *t, const struct note *note, struct conn_state *out)
{
	const struct note_position *place;
	struct tcp_state tcp;

	*out = (struct conn_state){ .peer = note_peer(note) };
	strcpy(out->id, note->id);
	snprintf(out->user, sizeof(out->user), "%s", note_user(note));
	memcpy(out->token, note->token, sizeof(out->token));
	place = tcp_state_of(note->fd, &tcp) ? place_of(note, &tcp) : NULL;
	return place && travel_noted(out, place->rows, t->now_ms);
}

/* Not if its peer has gone just now. */
static void
go_on(struct takeover *t, uint32_t index)
{
	const struct note *note = notes_at(t->notes, index);
	struct conn_state state;
	int fd = note->fd;

	if (!state_of(t, note, &state))
		fd_close(&fd);
	else if (import_noted(t->im, fd, &state, index) == WSD_OK) {
		t->kept++;
		return;
	}
	notes_free(t->notes, index);
	kept_remove(note->fd);
}

static void
welcome_visitors(struct front *front)
{
	for (int fd = -1; (fd = kept_find(KEPT_VISITOR, fd + 1)) != -1;)
		front_welcome(front, fd);
}

static enum metric
survived(int signo)
{
	switch (signo) {
	case SIGSEGV:
		return METRIC_SURVIVED_SEGV;
	case SIGABRT:
		return METRIC_SURVIVED_ABRT;
	case SIGBUS:
		return METRIC_SURVIVED_BUS;
	case SIGKILL:
		return METRIC_SURVIVED_KILL;
	default:
		return METRIC_SURVIVED_OTHER;
	}
}

static void
count(const struct takeover *t)
{
	struct metrics_shard *shard = t->im->shard;

	metrics_add(shard, survived(kept_last_death().signal), 1);
	metrics_add(shard, METRIC_CRASH_KEPT, t->kept);
	metrics_add(shard, METRIC_CRASH_CLOSED, t->closed);
	metrics_add(shard, METRIC_CLOSED_1012, t->closed);
}

static void
report(const struct takeover *t)
{
	struct kept_death death = kept_last_death();
	uint64_t ms = clock_mono_ms() - death.at_ms;
	char cause[64];

	snprintf(cause, sizeof(cause), "%s", death.stuck ? "its watchdog" : strsignal(death.signal));
	LOG_AT(LOG_LEVEL_ERROR, LOG_ID_CRASHED,
	       LOG_FIELDS(LOG_NUMBER("WS_SIGNAL", death.signal), LOG_NUMBER("WS_CONNECTIONS", t->kept),
			  LOG_NUMBER("WS_CLOSED", t->closed), LOG_NUMBER("WS_DURATION_MS", ms)),
	       "the server was killed by signal %d (%s): %" PRIu32 " connections go on, %" PRIu32
	       " were closed, %" PRIu32 " sessions are kept, after %" PRIu64 " ms",
	       death.signal, cause, t->kept, t->closed, t->sessions, ms);
}

int
takeover_start(struct notes **notes, const struct conf *conf)
{
	uint32_t shards = conf->workers + OTHER_SHARDS;
	void *memory;
	int rc = notes_open(notes, 2 * conf->max_connections + SPARE);

	if (rc == WSD_OK && kept_map(KEPT_METRICS, metrics_kept_bytes(shards), &memory) == WSD_OK)
		metrics_keep(memory, shards);
	return rc;
}

static void
take(struct takeover *t)
{
	front_set_mode(t->im->front, FRONT_PARKING); /* who was not heard yet is heard when this process is ready */
	decide_on_all(t, t->notes);
	close_unwanted(t);
	for (uint32_t i = 0; i < t->n_movers; i++)
		go_on(t, t->movers[i]);
	welcome_visitors(t->im->front);
	count(t);
	report(t);
}

int
takeover_take(struct notes *notes, struct lot *lot, const struct importer *im, const struct conf *conf)
{
	struct takeover t = { .im = im,
			      .notes = notes,
			      .ttl_ms = conf->session_ttl_ms,
			      .now_ms = clock_mono_ms(),
			      .farewell = kept_last_death().farewell };
	int rc = -ENOMEM;

	if (kept_last_death().signal == 0)
		return WSD_OK;
	t.wanted = calloc(kept_size(), sizeof(*t.wanted));
	t.movers = calloc(notes_count(notes), sizeof(*t.movers));
	if (t.wanted && t.movers && takeover_moves_begin(&t.moves, lot) == WSD_OK) {
		take(&t);
		takeover_moves_end(&t.moves);
		rc = t.farewell ? WSD_E_BUSY : WSD_OK;
	}
	free(t.wanted);
	free(t.movers);
	if (rc != WSD_OK)
		starting_failed(
			t.farewell ? "too many crashes in a minute (CRASH_LIMIT): all clients were told to come back"
				   : "out of memory for the connections of the process before");
	return rc;
}
