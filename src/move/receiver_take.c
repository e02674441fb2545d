/* SPDX-License-Identifier: MIT */
/* The taking side of a handoff: what is offered, and what becomes of it. */
#include "move/receiver_priv.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/err.h"
#include "base/fd.h"

#define LONG_STATE_MOST (64u << 20)

/* A state that came in a memfd, in a new buffer. */
static char *
read_long_state(int fd, size_t *len)
{
	struct stat st;
	char *data;

	if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode) || st.st_size < 1 || st.st_size > (off_t)LONG_STATE_MOST)
		return NULL;
	data = malloc((size_t)st.st_size);
	if (data && fd_read_at(fd, data, (size_t)st.st_size, 0) != WSD_OK) {
		free(data);
		return NULL;
	}
	*len = (size_t)st.st_size;
	return data;
}

static bool
claim(void *arg)
{
	struct receiver *r = arg;

	return arbiter_take(&r->arbiter, r->in.index);
}

/* A static text: why the offer is refused; NULL: it is not. */
static const char *
judge(struct receiver *r, const char *data, size_t len)
{
	struct link_message *m = &r->in;
	struct conn_state state;
	int fd = m->fds[0], rc;

	rc = state_decode(&state, data, len);
	if (rc != WSD_OK)
		return rc == WSD_E_UNSUPPORTED ? "its state needs a newer version" : "malformed state";
	m->fds[0] = -1; /* theirs now */
	rc = r->ops.arrived(r->ops.arg, fd, &state, m->index, claim, r);
	if (rc == WSD_OK)
		r->taken++;
	if (rc == -ENOTCONN)
		return "not a connected TCP socket";
	return rc == WSD_OK || rc == WSD_E_CLOSED ? NULL : wsd_strerror(rc);
}

/* Neither refused nor taken: the sender has kept it, and knows. */
static void
settle(struct receiver *r, uint32_t index, const char *why, bool taken)
{
	if (why) {
		r->refused++;
		receiver_answer(r, LINK_REFUSED, index, why, strlen(why));
	} else if (taken) {
		receiver_answer(r, LINK_TAKEN, index, NULL, 0);
	}
}

void
receiver_on_offer(struct receiver *r)
{
	struct link_message *m = &r->in;
	uint32_t before = r->taken;
	char *longer = NULL;
	const char *why;
	size_t len = m->len;

	if (m->fds[1] != -1) {
		longer = read_long_state(m->fds[1], &len);
		why = longer ? judge(r, longer, len) : "malformed state";
		free(longer);
	} else {
		why = judge(r, m->body, len);
	}
	settle(r, m->index, why, r->taken > before);
}

void
receiver_on_session(struct receiver *r)
{
	struct link_message *m = &r->in;
	struct session_state session;
	size_t used;
	int rc = state_decode_session(&session, m->body, m->len, &used);

	if (rc != WSD_OK) {
		settle(r, m->index, "malformed session", false);
		return;
	}
	rc = r->ops.session(r->ops.arg, &session, m->index, claim, r);
	if (rc == WSD_OK)
		r->sessions++;
	settle(r, m->index, rc == WSD_OK || rc == WSD_E_CLOSED ? NULL : wsd_strerror(rc), rc == WSD_OK);
}

void
receiver_on_sessions(struct receiver *r)
{
	struct session_state session;
	size_t at = 0, used;

	while (state_decode_session(&session, r->in.body + at, r->in.len - at, &used) == WSD_OK) {
		r->ops.session(r->ops.arg, &session, 0, NULL, NULL);
		at += used;
	}
}
