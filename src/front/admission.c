/* SPDX-License-Identifier: MIT */
/*
 * Who may connect: limits, origins, tokens, ids and sessions. What is refused here was a correct handshake. Main
 * thread.
 *
 * A client is the address behind the trusted proxies. One whose own address is a trusted proxy's is our own
 * equipment, a probe or a load test, and is not limited by address. Where a proxy names something that is no
 * address, those behind it are counted together, as that proxy.
 */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/forwarded.h"
#include "front/front_priv.h"
#include "kept/notes.h"
#include "kept/table.h"
#include "log/log.h"
#include "log/message_ids.h"

#define RETRY_FULL_S 5
#define RETRY_MODE_S 1

struct applicant {
	struct visitor *visitor;
	const struct request *request;
	struct addr address;
	struct peer *client; /* NULL: not counted by address */
	struct auth_claims claims;
};

static void
refuse(struct applicant *a, enum metric counter, int status, const char *code, const char *why, unsigned retry_after_s)
{
	metrics_add(a->visitor->front->shard, counter, 1);
	answer_refuse(a->visitor, a->request, status, code, why, retry_after_s);
}

/* From the last line to the first, as long as they name trusted proxies: whether *behind is one still, or
 * whatever the lines end with. */
static bool
find_behind(struct addr *behind, const struct request *r, const struct addr_nets *trusted)
{
	unsigned n = r->forwarded_for.n_lines;

	if (n > REQUEST_LINES_MAX) { /* no chain of proxies is that long */
		*behind = (struct addr){ .family = ADDR_NONE };
		return false;
	}
	while (n > 0 && forwarded_client(behind, r->forwarded_for.lines[n - 1], trusted))
		n--;
	return n == 0;
}

static void
find_client(struct applicant *a, uint64_t now_ns)
{
	struct front *f = a->visitor->front;
	const struct conf *conf = f->conf;

	a->address = addr_from_sockaddr(&a->visitor->peer.sa, a->visitor->peer_len);
	if (addr_nets_match(&conf->trusted_proxies, &a->address)) {
		struct addr behind = a->address;

		if (find_behind(&behind, a->request, &conf->trusted_proxies))
			return;
		if (behind.family != ADDR_NONE) /* else the proxy did not know: it stands for them all */
			a->address = behind;
	}
	a->client = peers_get(&f->peers, &a->address, conf->rate_connect.rate, now_ns);
}

static bool
mode_allows(struct visitor *v, const struct request *r)
{
	if (v->front->mode == FRONT_OPEN)
		return true;
	metrics_add(v->front->shard, METRIC_REFUSED_DRAINING, 1);
	if (v->front->mode == FRONT_STANDBY)
		answer_refuse(v, r, 503, "standby", "this instance is on standby", RETRY_MODE_S);
	else
		answer_refuse(v, r, 503, "draining", "this instance is shutting down", RETRY_MODE_S);
	return false;
}

static bool
client_allowed(struct applicant *a, uint64_t now_ns, bool replacing)
{
	const struct conf *conf = a->visitor->front->conf;
	const struct conf_rate *limit = &conf->rate_connect;

	if (!a->client)
		return true;
	if (!bucket_take(&a->client->connects, limit->rate, limit->burst, now_ns)) {
		uint64_t wait_ns = bucket_wait_ns(&a->client->connects, limit->rate, limit->burst);

		refuse(a, METRIC_REFUSED_RATE, 429, "rate_limited", "too many connections in a short time",
		       (unsigned)(wait_ns / CLOCK_NS_PER_S) + 1);
		return false;
	}
	/* who replaces a connection has no more than before */
	if (!replacing && conf->max_connections_per_ip != 0 && a->client->connections >= conf->max_connections_per_ip) {
		refuse(a, METRIC_REFUSED_ADDRESS_LIMIT, 429, "too_many_connections",
		       "too many connections from this address", RETRY_FULL_S);
		return false;
	}
	return true;
}

static bool
room_left(struct applicant *a)
{
	struct front *f = a->visitor->front;
	static struct log_fold fold = LOG_FOLD(10000);
	uint64_t repeated;

	if (f->seats.n_taken < f->conf->max_connections)
		return true;
	if (log_fold_due(&fold, uv_now(f->loop), &repeated))
		log_write(
			LOG_LEVEL_WARN, LOG_ID_LIMIT_REACHED,
			LOG_FIELDS(LOG_NUMBER("WS_REPEATED", repeated), LOG_NUMBER("WS_CONNECTIONS", f->seats.n_taken)),
			"MAX_CONNECTIONS reached: new connections are refused");
	refuse(a, METRIC_REFUSED_LIMIT, 503, "too_many_connections", "the server is full", RETRY_FULL_S);
	return false;
}

/* ---- seating --------------------------------------------------------------------------------- */

static void
fill_guest(struct front_guest *g, struct applicant *a)
{
	struct slice subprotocol = subprotocol_choose(a->visitor->front->conf->subprotocols, &a->request->subprotocols);

	*g = (struct front_guest){
		.fd = -1,
		.client = a->address,
		.expires_real_ms = a->claims.expires_real_ms,
	};
	memcpy(g->key, a->request->key.at, sizeof(g->key));
	if (subprotocol.len > 0)
		memcpy(g->subprotocol, subprotocol.at, subprotocol.len);
	memcpy(g->subject, a->claims.subject, sizeof(g->subject));
	memcpy(g->user, a->claims.user, sizeof(g->user));
}

static void
refuse_overloaded(struct visitor *v)
{
	metrics_add(v->front->shard, METRIC_REFUSED_INTERNAL, 1);
	answer_refuse(v, &(struct request){ .kind = REQUEST_REFUSED }, 503, "overloaded", "the server is overloaded",
		      RETRY_FULL_S);
}

static void
note_guest(struct front *f, struct front_guest *g, struct seat *seat)
{
	seat->note = notes_take(f->notes, g->id, g->token);
	g->note = notes_at(f->notes, seat->note);
	if (!g->note)
		return;
	note_set_peer(g->note, &g->client);
	note_set_count(g->note, g->count);
	note_set_fd(g->note, g->fd);
}

/* The session is live and g's seat is taken: hands the socket over. False: v has been refused. */
static bool
hand_over(struct visitor *v, struct front_guest *g, struct session *session, struct peer *client)
{
	struct front *f = v->front;
	struct seat *seat = seats_at(&f->seats, g->seat.worker, g->seat.slot);

	g->id = session->id;
	memcpy(g->token, session->token, sizeof(g->token));
	g->count = session->count;
	g->fd = v->fd;
	note_guest(f, g, seat);
	/* the loop lets go first: the worker polls the same socket as soon as it has it */
	visitor_unpoll(v);
	if (f->ops->seat(f->ops->arg, g) != WSD_OK) {
		notes_free(f->notes, seat->note);
		kept_remove(v->fd);
		seats_free(&f->seats, g->seat.worker, g->seat.slot);
		refuse_overloaded(v);
		return false;
	}
	v->fd = -1;
	seat->session = session;
	seat->client = client;
	if (client)
		client->connections++;
	session->seat = g->seat;
	if (g->resumed)
		metrics_add(f->shard, METRIC_RESUMED, 1);
	metrics_http(f->shard, ROUTE_WS, 101);
	visitor_done(v);
	return true;
}

static bool
take_seat(struct front *f, struct front_guest *g)
{
	g->seat.serial = ++f->next_serial;
	return seats_take(&f->seats, g->seat.serial, &g->seat.worker, &g->seat.slot) == WSD_OK;
}

static void
seat_with(struct applicant *a, struct session *session, bool resumed)
{
	struct front *f = a->visitor->front;
	struct front_guest g;

	fill_guest(&g, a);
	g.resumed = resumed;
	if (!session || !take_seat(f, &g))
		refuse(a, METRIC_REFUSED_INTERNAL, 503, "overloaded", "out of memory", RETRY_FULL_S);
	else if (hand_over(a->visitor, &g, session, a->client))
		return;
	if (session && resumed)
		sessions_keep(&f->sessions, session, uv_now(f->loop));
	else if (session)
		sessions_forget(&f->sessions, session);
}

/* ---- replacing ------------------------------------------------------------------------------- */

static void
join_line(struct session *session, struct visitor *v)
{
	struct visitor **last = &session->successor;

	while (*last)
		last = &(*last)->behind;
	*last = v;
	v->session = session;
}

/*
 * The live connection is told to go; this visitor waits until it has, so that no message is counted by both. Of several
 * that come at once each gets its connection in turn, and is then told why it ends: refused, it would come back and
 * replace the one that was last.
 */
static void
replace(struct applicant *a, struct session *session)
{
	struct visitor *v = a->visitor;
	struct front *f = v->front;

	v->guest = malloc(sizeof(*v->guest));
	if (!v->guest ||
	    (session->state == SESSION_LIVE && f->ops->dismiss(f->ops->arg, &session->seat, session->id) != WSD_OK)) {
		refuse(a, METRIC_REFUSED_INTERNAL, 503, "overloaded", "out of memory", RETRY_FULL_S);
		return;
	}
	fill_guest(v->guest, a);
	v->guest->resumed = true;
	v->client = a->client;
	if (v->client)
		v->client->connections++;
	session->state = SESSION_SWAPPING;
	join_line(session, v);
	visitor_wait(v);
}

void
admission_given_up(struct visitor *v)
{
	struct visitor **place = &v->session->successor;

	while (*place != v)
		place = &(*place)->behind;
	*place = v->behind;
	v->behind = NULL;
	v->session = NULL;
	if (v->client)
		v->client->connections--;
	v->client = NULL;
}

void
admission_decide(struct visitor *v, const struct request *r)
{
	struct applicant a = { .visitor = v, .request = r };
	struct front *f = v->front;
	uint64_t now_ns = clock_mono_ns();
	struct session *session;
	bool replacing;

	if (!mode_allows(v, r))
		return;
	find_client(&a, now_ns);
	session = sessions_find(&f->sessions, r->connection_id);
	replacing = session && session->state != SESSION_KEPT && sessions_token_is(session, r->session);
	if (!client_allowed(&a, now_ns, replacing))
		return;
	if (!origin_allowed(f->conf->allowed_origins, r->origin)) {
		refuse(&a, METRIC_REFUSED_ORIGIN, 403, "origin", "this origin may not connect", 0);
		return;
	}
	/* after all that is cheap, and before anything is told of the id */
	if (!credentials_judge(v, r, &a.claims))
		return;
	if (replacing) {
		replace(&a, session);
		return;
	}
	if (session && session->state != SESSION_KEPT) {
		refuse(&a, METRIC_REFUSED_DUPLICATE, 409, "duplicate", "this connectionId is in use", 0);
		return;
	}
	if (!room_left(&a))
		return;
	if (session && sessions_token_is(session, r->session)) {
		sessions_revive(&f->sessions, session);
		seat_with(&a, session, true);
		return;
	}
	if (session)
		sessions_forget(&f->sessions, session);
	seat_with(&a, sessions_create(&f->sessions, r->connection_id), false);
}

/* The session's connection has been let go: v is next. False: it has been refused. */
static bool
succeed(struct visitor *v, struct session *session)
{
	struct peer *client = v->client;
	struct front_guest g;

	admission_given_up(v);
	/* a drain may have begun meanwhile: the workers would not say goodbye to this one */
	if (!mode_allows(v, &(struct request){ .kind = REQUEST_REFUSED }))
		return false;
	g = *v->guest;
	if (!take_seat(v->front, &g)) {
		refuse_overloaded(v);
		return false;
	}
	return hand_over(v, &g, session, client);
}

/* The session is live again; who waits behind has its connection told to go in turn. */
static void
serve_next(struct front *f, struct session *session)
{
	struct visitor *v;

	session->state = SESSION_LIVE;
	if (!session->successor)
		return;
	if (f->ops->dismiss(f->ops->arg, &session->seat, session->id) == WSD_OK) {
		session->state = SESSION_SWAPPING;
		return;
	}
	while ((v = session->successor)) {
		admission_given_up(v);
		refuse_overloaded(v);
	}
}

void
front_dismissed(struct front *f, const char *id, uint64_t serial, bool known, uint64_t count)
{
	struct session *session = sessions_find(&f->sessions, id);
	struct seat *old;

	if (!session || session->state != SESSION_SWAPPING || session->seat.serial != serial)
		return;
	if (known)
		session->count = count;
	/* the old connection may take a while to close; the session is no longer its */
	old = seats_at(&f->seats, session->seat.worker, session->seat.slot);
	if (old->serial == serial)
		old->session = NULL;
	while (session->successor) {
		if (succeed(session->successor, session)) {
			serve_next(f, session);
			return;
		}
	}
	sessions_keep(&f->sessions, session, uv_now(f->loop));
}
