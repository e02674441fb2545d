/* SPDX-License-Identifier: MIT */
/* Starts and joins the workers. Main thread. */
#include "server/workers.h"

#include <inttypes.h>
#include <stdlib.h>

#include "base/err.h"
#include "conf/conf.h"
#include "log/log.h"
#include "metrics/metrics.h"

static int
start_each(struct workers *ws)
{
	for (uint32_t i = 0; i < ws->conf->workers; i++) {
		struct worker_setup setup = {
			.conf = ws->conf,
			.ops = ws->ops,
			.auth = ws->auth,
			.broker = ws->broker,
			.rules = ws->rules,
			.shard = metrics_shard_create(),
			.gate = &ws->gate,
			.index = i,
		};
		int rc = setup.shard ? worker_start(&ws->all[i], &setup) : -ENOMEM;

		if (rc != WSD_OK) {
			for (uint32_t missing = i; missing < ws->conf->workers; missing++)
				gate_report(&ws->gate, rc);
			return rc;
		}
		ws->n++;
	}
	return WSD_OK;
}

int
workers_start(struct workers *ws)
{
	int rc;

	ws->all = calloc(ws->conf->workers, sizeof(struct worker *));
	if (!ws->all)
		return -ENOMEM;
	worker_library_init();
	gate_init(&ws->gate, ws->conf->workers);
	start_each(ws);
	rc = gate_wait(&ws->gate);
	gate_deinit(&ws->gate);
	if (rc != WSD_OK)
		workers_stop(ws);
	return rc;
}

void
workers_stop(struct workers *ws)
{
	uint32_t n = ws->n;

	for (uint32_t i = 0; i < n; i++)
		worker_stop(ws->all[i]);
	for (uint32_t i = 0; i < n; i++)
		worker_join(&ws->all[i]);
	ws->n = 0; /* a signal or a question that comes now finds none */
	free(ws->all);
	ws->all = NULL;
}

void
workers_reload(struct workers *ws)
{
	for (uint32_t i = 0; i < ws->n; i++)
		if (worker_reload(ws->all[i]) != WSD_OK)
			log_error("worker %" PRIu32 " could not be told that the rules of channels have changed", i);
}

uint32_t
workers_count(const struct workers *ws)
{
	return ws->n;
}

struct worker *
workers_at(const struct workers *ws, uint32_t index)
{
	return index < ws->n ? ws->all[index] : NULL;
}
