/* SPDX-License-Identifier: MIT */
/* The parking lot that the process before has left, and taking up what is in it. Main thread. */
#include "server/lot_take.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/fd.h"
#include "conf/conf.h"
#include "front/front.h"
#include "kept/table.h"
#include "log/log.h"
#include "log/message_ids.h"
#include "move/lot.h"
#include "server/import.h"
#include "server/starting.h"

#define LOT_FDS 3 /* the first of what is kept */

/* ---- the lot itself -------------------------------------------------------------------------- */

static bool
wanted(const struct conf *conf)
{
	const char *room = getenv("FDSTORE"); /* systemd 254 and later; before, the unit says PARKING=on */

	if (conf->parking == CONF_PARKING_AUTO)
		return room && atoi(room) >= SYSD_KEPT;
	return conf->parking == CONF_PARKING_ON;
}

/* One that was not passed in, but made by a process that was killed, is newer. */
static void
find_made(int kept[SYSD_KEPT])
{
	static const enum kept_role roles[LOT_FDS] = {
		[SYSD_LOT_IN] = KEPT_LOT_IN,
		[SYSD_LOT_OUT] = KEPT_LOT_OUT,
		[SYSD_LOT_TABLE] = KEPT_LOT_TABLE,
	};

	if (kept_find(KEPT_LOT_TABLE, 0) == -1)
		return;
	for (int i = 0; i < LOT_FDS; i++)
		kept[i] = kept_find(roles[i], 0);
}

/* What was passed in stays open under its number, by which a keeper passes it on. */
static int
take(int *fd)
{
	int own = kept_role_of(*fd) == KEPT_PASSED ? fcntl(*fd, F_DUPFD_CLOEXEC, 0) : *fd;

	*fd = -1;
	return own;
}

static int
open_kept(struct lot **out, int kept[SYSD_KEPT])
{
	int fds[LOT_FDS], rc;

	for (int i = 0; i < LOT_FDS; i++)
		fds[i] = take(&kept[i]);
	rc = lot_open(out, fds[SYSD_LOT_IN], fds[SYSD_LOT_OUT], fds[SYSD_LOT_TABLE]);
	for (int i = 0; i < LOT_FDS && rc != WSD_OK; i++)
		kept_remove(fds[i]);
	return rc;
}

static int
create_and_store(struct lot **out)
{
	int rc = lot_create(out);

	if (rc == WSD_OK)
		rc = sysd_store(SYSD_LOT_IN, lot_in_fd(*out));
	if (rc == WSD_OK)
		rc = sysd_store(SYSD_LOT_OUT, lot_out_fd(*out));
	if (rc == WSD_OK)
		rc = sysd_store(SYSD_LOT_TABLE, lot_table_fd(*out));
	if (rc != WSD_OK) {
		lot_destroy(out);
		return rc;
	}
	kept_add(lot_in_fd(*out), KEPT_LOT_IN);
	kept_add(lot_out_fd(*out), KEPT_LOT_OUT);
	kept_add(lot_table_fd(*out), KEPT_LOT_TABLE);
	return rc;
}

int
lot_take_open(struct lot **out, const struct conf *conf, int kept[SYSD_KEPT])
{
	int rc;

	*out = NULL;
	if (!wanted(conf))
		return WSD_OK;
	find_made(kept);
	if (kept[SYSD_LOT_IN] != -1 && kept[SYSD_LOT_OUT] != -1 && kept[SYSD_LOT_TABLE] != -1) {
		rc = open_kept(out, kept);
		if (rc == WSD_OK)
			return rc;
		log_error("what an earlier process parked cannot be read (%s): its connections are lost",
			  wsd_strerror(rc));
	}
	rc = create_and_store(out);
	if (rc != WSD_OK)
		log_warn("connections will not be kept over a restart (%s)", wsd_strerror(rc));
	return WSD_OK;
}

/* ---- what is in it --------------------------------------------------------------------------- */

struct taking {
	const struct importer *importer;
	uint32_t taken, gone;
};

static int
take_connection(const struct importer *im, int fd, const char *data, size_t len)
{
	struct conn_state state;
	int rc = state_decode(&state, data, len);

	if (rc != WSD_OK) {
		fd_close(&fd);
		return rc;
	}
	return import_connection(im, fd, &state, NULL);
}

static void
on_parked(void *arg, int fd, const char *data, size_t len)
{
	struct taking *t = arg;

	if (len == 0) /* accepted, but not heard yet: there is no state */
		front_welcome(t->importer->front, fd);
	else if (take_connection(t->importer, fd, data, len) == WSD_OK)
		t->taken++;
	else
		t->gone++;
}

static void
take_sessions(struct lot *lot, const struct importer *im)
{
	size_t len = 0;
	char *list = NULL;

	if (lot_sessions(lot, &list, &len) == WSD_OK)
		import_sessions(im, list, len);
	free(list);
}

void
lot_take_up(struct lot *lot, const struct importer *im)
{
	struct taking t = { .importer = im };
	uint64_t began_ms = clock_mono_ms();
	int rc;

	front_set_mode(im->front, FRONT_PARKING); /* who was not heard yet is heard when this process is ready */
	take_sessions(lot, im);
	if (lot_count(lot) == 0)
		return;
	rc = lot_look(lot, on_parked, &t);
	if (rc < 0)
		starting_failed("the parking lot could not be read (%s)", wsd_strerror(rc));
	LOG_AT(LOG_LEVEL_NOTICE, LOG_ID_TAKEN_UP,
	       LOG_FIELDS(LOG_NUMBER("WS_CONNECTIONS", t.taken), LOG_NUMBER("WS_LOST", t.gone)),
	       "took up %" PRIu32 " connections in %" PRIu64 " ms, %" PRIu32 " had gone", t.taken,
	       clock_mono_ms() - began_ms, t.gone);
}
