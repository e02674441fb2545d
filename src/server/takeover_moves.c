/* SPDX-License-Identifier: MIT */
/* The arbiters of handoffs that were under way, and what had been parked. Main thread. */
#include "server/takeover_moves.h"

#include <stdlib.h>
#include <sys/socket.h>

#include "base/err.h"
#include "base/fd.h"
#include "kept/notes.h"
#include "kept/table.h"
#include "move/lot.h"

/* Without one, every word says that it is not ours. */
static void
open_arbiter(struct arbiter *a, enum kept_role role)
{
	int fd = kept_find(role, 0);

	*a = (struct arbiter){ .fd = -1 };
	if (fd == -1)
		return;
	kept_remove(fd);
	arbiter_open(a, fd);
}

/* ---- the lot --------------------------------------------------------------------------------- */

static uint64_t
cookie_of(int fd)
{
	uint64_t cookie = 0;
	socklen_t len = sizeof(cookie);

	return getsockopt(fd, SOL_SOCKET, SO_COOKIE, &cookie, &len) == 0 ? cookie : 0;
}

static void
on_parked(void *arg, int fd, const char *state, size_t len)
{
	struct takeover_moves *m = arg;

	m->parked[m->n_parked++] = cookie_of(fd);
	fd_close(&fd);
}

static int
compare(const void *a, const void *b)
{
	uint64_t one = *(const uint64_t *)a, other = *(const uint64_t *)b;

	return one < other ? -1 : one > other;
}

static bool
is_parked(const struct takeover_moves *m, uint64_t cookie)
{
	return m->n_parked > 0 && bsearch(&cookie, m->parked, m->n_parked, sizeof(cookie), compare);
}

static void
forget_parked_visitors(const struct takeover_moves *m)
{
	for (int fd = -1; (fd = kept_find(KEPT_VISITOR, fd + 1)) != -1;) {
		int old = fd;

		if (!is_parked(m, cookie_of(fd)))
			continue;
		kept_remove(fd);
		fd_close(&old);
	}
}

static int
look_into(struct takeover_moves *m, struct lot *lot)
{
	if (!lot)
		return WSD_OK;
	if (!kept_parking()) { /* it was taken up, and served since */
		lot_clear(lot);
		return WSD_OK;
	}
	if (lot_count(lot) == 0)
		return WSD_OK;
	m->parked = calloc(lot_count(lot), sizeof(*m->parked));
	if (!m->parked)
		return -ENOMEM;
	lot_look(lot, on_parked, m);
	qsort(m->parked, m->n_parked, sizeof(*m->parked), compare);
	forget_parked_visitors(m);
	return WSD_OK;
}

/* ---- what takeover.c calls ------------------------------------------------------------------- */

int
takeover_moves_begin(struct takeover_moves *m, struct lot *lot)
{
	*m = (struct takeover_moves){ .parked = NULL };
	open_arbiter(&m->ours, KEPT_ARBITER);
	open_arbiter(&m->theirs, KEPT_ARBITER_THEIRS);
	return look_into(m, lot);
}

/* Whoever has not taken it by now gets it no more. */
static bool
was_given(struct takeover_moves *m, uint32_t word)
{
	return !arbiter_keep(&m->ours, word) && (!m->ours.words || arbiter_is_taken(&m->ours, word));
}

enum takeover_whose
takeover_whose(struct takeover_moves *m, const struct note *note)
{
	uint32_t word;

	if (note->state != NOTE_SESSION && is_parked(m, note->cookie))
		return TAKEOVER_ELSEWHERE;
	switch (note_offer_of(note, &word)) {
	case NOTE_OURS:
		return TAKEOVER_OURS;
	case NOTE_OFFERED:
		return was_given(m, word) ? TAKEOVER_ELSEWHERE : TAKEOVER_OURS;
	case NOTE_OFFERED_SESSION:
		return was_given(m, word) ? TAKEOVER_SESSION_ELSEWHERE : TAKEOVER_OURS;
	case NOTE_CLAIMED: /* else its giver keeps it, as its link has ended */
		return arbiter_is_taken(&m->theirs, word) ? TAKEOVER_OURS : TAKEOVER_ELSEWHERE;
	case NOTE_GIVEN_SESSION:
		return TAKEOVER_SESSION_ELSEWHERE;
	default:
		return TAKEOVER_ELSEWHERE;
	}
}

void
takeover_moves_end(struct takeover_moves *m)
{
	arbiter_close(&m->ours);
	arbiter_close(&m->theirs);
	free(m->parked);
}
