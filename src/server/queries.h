/* SPDX-License-Identifier: MIT */
/* What the HTTP threads ask: admin_ops. Each question goes to main's loop by a mailbox that has nothing else. Main
 * thread, but for what is marked. */
#ifndef WSD_SERVER_QUERIES_H
#define WSD_SERVER_QUERIES_H

#include <stdint.h>

#include "admin/admin.h"
#include "loop/mailbox.h"

struct front;
struct handoff_give;
struct lifecycle;
struct status;
struct workers;

#define QUERY_PATIENCE_MS 2000

struct queries {
	/* what it needs */
	const struct front *front;
	const struct workers *workers;
	struct lifecycle *lifecycle;
	struct handoff_give *give;
	const struct status *status;

	/* its own */
	struct mailbox box;  /* [lock: its own] */
	uint64_t started_ms; /* [const after start] */
};

int queries_start(struct queries *q, uv_loop_t *loop);

/* Answers what was asked, and refuses what will be: from here on nobody waits for main. */
void queries_close(struct queries *q);

/* When nobody can ask any more. The loop has to turn once more, some time, before it is closed. */
void queries_stop(struct queries *q);

/* For admin_create(). */
struct admin_ops queries_ops(struct queries *q, uint16_t public_port);

/* queries_connections.c. The HTTP threads; arg is struct queries. */
int query_page(void *arg, struct admin_page *page);
int query_find(void *arg, const char *id, struct admin_connection *out);
int query_disconnect(void *arg, const char *id);

/* queries_commands.c. The same. */
int query_command(void *arg, const struct channel_command *command, struct channel_command_result *result);

#endif
