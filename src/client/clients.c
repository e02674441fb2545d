/* SPDX-License-Identifier: MIT */
/* What the clients of one thread share: its beginning and end, time and chance. */
#include "client/clients.h"

#include "base/check.h"
#include "base/err.h"
#include "base/fd.h"
#include "client/client_priv.h"
#include "conf/conf.h"

/* Fine enough for the shortest interval, and seldom enough to cost nothing when all are idle. */
#define TICK_MS_MIN    5
#define TICK_MS_MOST   100
#define STOOD_STILL_MS 1000 /* a tick as late: the machine was paused, or something else kept us from listening */

uint64_t
clients_now_ms(const struct clients *all)
{
	return uv_now(all->loop);
}

const char *
clients_stamp(struct clients *all, uint64_t now_ns)
{
	uint64_t mono_ms = now_ns ? now_ns / CLOCK_NS_PER_MS : clients_now_ms(all);
	uint64_t real_ms = mono_ms + all->real_offset_ms;

	if (real_ms != all->stamp_ms) {
		all->stamp_ms = real_ms;
		clock_iso8601(all->stamp, real_ms);
	}
	return all->stamp;
}

uint32_t
clients_random(struct clients *all, uint32_t below)
{
	/* splitmix64: spreads deadlines, keeps no secrets */
	uint64_t z = (all->random += 0x9e3779b97f4a7c15u);

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	return below ? (uint32_t)((z ^ (z >> 31)) % below) : 0;
}

uint32_t
clients_tick_ms(const struct conf *conf)
{
	uint32_t ms = conf->heartbeat_interval_ms;

	if (ms > conf->connection_timeout_ms)
		ms = conf->connection_timeout_ms;
	if (ms > conf->send_timeout_ms)
		ms = conf->send_timeout_ms;
	ms /= 20;

	return ms < TICK_MS_MIN ? TICK_MS_MIN : ms > TICK_MS_MOST ? TICK_MS_MOST : ms;
}

static void
on_due(struct wheel_timer *timer, void *arg)
{
	client_due(clients_of(arg), LIST_ENTRY(timer, struct client, timer));
}

void
clients_tick(struct clients *all)
{
	uint64_t now_ms = clients_now_ms(all);

	all->real_offset_ms = clock_real_ms() - clock_mono_ms();
	if (now_ms - all->ticked_ms >= STOOD_STILL_MS)
		all->awake_ms = now_ms;
	all->ticked_ms = now_ms;
	wheel_run(&all->wheel, now_ms);
}

int
clients_init(struct clients *all, const struct clients_setup *setup)
{
	int rc;

	*all = (struct clients){
		.magic = CLIENTS_MAGIC,
		.index = setup->index,
		.loop = setup->loop,
		.conf = setup->conf,
		.auth = setup->auth,
		.ops = setup->ops,
		.shard = setup->shard,
		.real_offset_ms = clock_real_ms() - clock_mono_ms(),
	};
	fd_random(&all->random, sizeof(all->random));
	all->ticked_ms = all->awake_ms = clients_now_ms(all);
	wheel_init(&all->wheel, clients_tick_ms(all->conf), clients_now_ms(all), on_due, all);
	rc = channels_init(all, setup->broker, setup->rules);
	if (rc == WSD_OK)
		rc = wire_hub_create(&all->hub, &(struct wire_hub_setup){
							.loop = all->loop,
							.shard = all->shard,
							.events = &client_events,
							.owner = all,
							.queue_most = all->conf->send_queue_bytes,
						});
	return rc;
}

void
clients_deinit(struct clients *all)
{
	wire_hub_destroy(&all->hub);
	channels_deinit(all);
	all->magic = 0;
}
