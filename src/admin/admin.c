/* SPDX-License-Identifier: MIT */
/*
 * The two HTTP daemons. Each has a thread of its own that waits on epoll, serves all connections of its side
 * and runs the handlers; main gives it connections through MHD's queue and stops it.
 */
#include "admin/admin.h"

#include <stdlib.h>
#include <string.h>

#include "admin/admin_priv.h"
#include "admin/rate.h"
#include "base/check.h"
#include "base/err.h"
#include "conf/conf.h"

#define ADMIN_MAGIC 0x61646d31u
/* Bytes MHD has for one connection's head, and for a piece of its body. */
#define CONNECTION_ROOM (48 * 1024)

static const struct admin_limits usual_limits = {
	.connections = { [ADMIN_SIDE_PUBLIC] = 256, [ADMIN_SIDE_ADMIN] = 64 },
	.of_one_client = { [ADMIN_SIDE_PUBLIC] = 32, [ADMIN_SIDE_ADMIN] = 16 },
	.backends = 128,
	.idle_s = 10,
	.kept_s = 60,
	.request_ms = 10000,
};

/* Whom a connection's place is counted for. A trusted proxy stands for many clients, and waits for whole requests; a
 * unix-domain peer is on this machine. */
static struct addr
holder(const struct conf *conf, const struct addr *peer)
{
	if (addr_nets_match(&conf->trusted_proxies, peer))
		return (struct addr){ .family = ADDR_NONE };
	return *peer;
}

static const struct addr nobody = { .family = ADDR_NONE }; /* who is not counted by address */

/* MHD calls this before it closes the socket: who sees the connection end may come again. */
static void
count_connection(void *cls, struct MHD_Connection *conn, void **context, enum MHD_ConnectionNotificationCode what)
{
	struct side *side = cls;
	struct visit *visit = *context;
	struct addr peer = exchange_peer(conn), held_by = holder(side->admin->conf, &peer);

	if (what == MHD_CONNECTION_NOTIFY_STARTED) {
		*context = calloc(1, sizeof(*visit)); /* NULL: it is not kept */
		return;
	}
	if (visit && visit->kept)
		places_give_back(&side->kept, &nobody);
	else
		places_give_back(&side->places, &held_by);
	free(visit);
	*context = NULL;
}

bool
admin_keep(struct side *side, struct MHD_Connection *conn)
{
	const union MHD_ConnectionInfo *info = MHD_get_connection_info(conn, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
	struct visit *visit = info ? info->socket_context : NULL;
	struct addr peer = exchange_peer(conn), held_by = holder(side->admin->conf, &peer);

	if (!visit || visit->kept)
		return visit != NULL;
	if (places_take(&side->kept, &nobody) != WSD_OK)
		return false;
	places_give_back(&side->places, &held_by);
	visit->kept = true;
	MHD_set_connection_option(conn, MHD_CONNECTION_OPTION_TIMEOUT, side->admin->limits.kept_s);
	return true;
}

/* Paths and parameters are decoded by percent_decode(), which tells an escaped zero from the text's end. */
static size_t
leave_escapes(void *cls, struct MHD_Connection *conn, char *text)
{
	return strlen(text);
}

static int
side_start(struct side *side, struct admin *admin, enum admin_side which, struct metrics_shard *shard)
{
	const unsigned flags = MHD_USE_EPOLL_INTERNAL_THREAD | MHD_USE_ITC | MHD_USE_NO_LISTEN_SOCKET;
	const struct admin_limits *limits = &admin->limits;
	/* clang-format off */
	const struct MHD_OptionItem options[] = {
		{ MHD_OPTION_NOTIFY_COMPLETED, (intptr_t)exchange_over, NULL },
		{ MHD_OPTION_NOTIFY_CONNECTION, (intptr_t)count_connection, side },
		{ MHD_OPTION_UNESCAPE_CALLBACK, (intptr_t)leave_escapes, NULL },
		{ MHD_OPTION_CONNECTION_LIMIT, 2 * (intptr_t)(limits->connections[which] + limits->backends), NULL },
		{ MHD_OPTION_CONNECTION_TIMEOUT, limits->idle_s, NULL },
		{ MHD_OPTION_CONNECTION_MEMORY_LIMIT, CONNECTION_ROOM, NULL },
		{ MHD_OPTION_STRICT_FOR_CLIENT, 1, NULL },
		{ MHD_OPTION_END, 0, NULL },
	};
	/* clang-format on */

	side->admin = admin;
	side->which = which;
	side->shard = shard;
	page_init(side);
	if (places_init(&side->places, limits->connections[which], limits->of_one_client[which]) != WSD_OK ||
	    places_init(&side->kept, limits->backends, limits->backends) != WSD_OK)
		return -ENOMEM;
	side->daemon =
		MHD_start_daemon(flags, 0, NULL, NULL, exchange_serve, side, MHD_OPTION_ARRAY, options, MHD_OPTION_END);
	return side->daemon ? WSD_OK : WSD_E_LIBRARY;
}

int
admin_create_limited(struct admin **out, const struct conf *conf, const struct admin_ops *ops,
		     struct metrics_shard *public_shard, struct metrics_shard *admin_shard,
		     const struct admin_limits *limits)
{
	struct admin *admin = calloc(1, sizeof(*admin));
	int rc;

	if (!admin)
		return -ENOMEM;
	admin->magic = ADMIN_MAGIC;
	admin->conf = conf;
	admin->ops = *ops;
	admin->limits = *limits;
	admin->rates = rate_create(conf->rate_admin.rate, conf->rate_admin.burst);
	rc = admin->rates ? WSD_OK : -ENOMEM;
	if (rc == WSD_OK)
		rc = side_start(&admin->sides[ADMIN_SIDE_PUBLIC], admin, ADMIN_SIDE_PUBLIC, public_shard);
	if (rc == WSD_OK)
		rc = side_start(&admin->sides[ADMIN_SIDE_ADMIN], admin, ADMIN_SIDE_ADMIN, admin_shard);
	if (rc != WSD_OK)
		admin_destroy(&admin);
	*out = admin;
	return rc;
}

int
admin_create(struct admin **out, const struct conf *conf, const struct admin_ops *ops,
	     struct metrics_shard *public_shard, struct metrics_shard *admin_shard)
{
	return admin_create_limited(out, conf, ops, public_shard, admin_shard, &usual_limits);
}

void
admin_destroy(struct admin **admin)
{
	struct admin *a = *admin;

	if (!a)
		return;
	CHECK_MAGIC(a, ADMIN_MAGIC);
	for (unsigned i = 0; i < ADMIN_SIDES; i++)
		if (a->sides[i].daemon)
			MHD_stop_daemon(a->sides[i].daemon);
	for (unsigned i = 0; i < ADMIN_SIDES; i++) {
		places_deinit(&a->sides[i].places);
		places_deinit(&a->sides[i].kept);
	}
	rate_destroy(&a->rates);
	a->magic = 0;
	free(a);
	*admin = NULL;
}

int
admin_reserve(struct admin *admin, enum admin_side side, const struct sockaddr *peer, socklen_t peer_len)
{
	struct addr from = addr_from_sockaddr(peer, peer_len), held_by;

	CHECK_MAGIC(admin, ADMIN_MAGIC);
	held_by = holder(admin->conf, &from);
	/* counted by ourselves, since libmicrohttpd 0.9.75 locks itself up when a connection meets its own limit */
	return places_take(&admin->sides[side].places, &held_by);
}

int
admin_add(struct admin *admin, enum admin_side side, int fd, const struct sockaddr *peer, socklen_t peer_len)
{
	/* MHD shows the address without its length: whole and zeroed, any part of it may be read */
	struct sockaddr_storage whole = { .ss_family = AF_UNSPEC };
	struct addr from = addr_from_sockaddr(peer, peer_len), held_by;
	struct side *s = &admin->sides[side];

	CHECK_MAGIC(admin, ADMIN_MAGIC);
	memcpy(&whole, peer, peer_len < sizeof(whole) ? peer_len : sizeof(whole));
	if (MHD_add_connection(s->daemon, fd, (const struct sockaddr *)&whole, sizeof(whole)) == MHD_YES)
		return WSD_OK;
	held_by = holder(admin->conf, &from);
	places_give_back(&s->places, &held_by);
	return WSD_E_LIBRARY;
}
