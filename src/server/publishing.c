/* SPDX-License-Identifier: MIT */
/* The broker, for as long as the process, and its log for longer: it lies in the service manager's store, and in the
 * keeper's table, from the beginning on, so that a crash leaves it behind as a restart does. Main thread. */
#include "server/publishing.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/stat.h>

#include "base/check.h"
#include "base/err.h"
#include "base/fd.h"
#include "broker/broker.h"
#include "conf/conf.h"
#include "kept/table.h"
#include "log/log.h"
#include "server/starting.h"
#include "sysd/sysd.h"

#define PUBLISHING_MAGIC 0x7075626cu
#define CLOCK_MS         1000

/* One that was not passed in, but made by a process that was killed, is newer. The broker closes what it does not use,
 * but what was passed in stays open under its number, by which a keeper passes it on. */
static int
take_log(int *kept)
{
	int made = kept_find(KEPT_CHANNELS, 0), fd = *kept;

	*kept = -1;
	if (made != -1) {
		kept_remove(made);
		if (fd != -1 && kept_role_of(fd) != KEPT_PASSED)
			fd_close(&fd);
		return made;
	}
	return fd != -1 && kept_role_of(fd) == KEPT_PASSED ? fcntl(fd, F_DUPFD_CLOEXEC, 0) : fd;
}

static bool
is_same(const struct stat *before, int fd)
{
	struct stat now;

	return fstat(fd, &now) == 0 && now.st_dev == before->st_dev && now.st_ino == before->st_ino;
}

/* passed: what is in the manager's store, or nothing. */
static void
store_log(int fd, const struct stat *passed)
{
	int rc = WSD_OK;

	kept_add(fd, KEPT_CHANNELS);
	if (passed->st_ino != 0 && is_same(passed, fd))
		return;
	sysd_unstore(SYSD_CHANNELS);
	rc = sysd_store(SYSD_CHANNELS, fd);
	if (rc != WSD_OK && rc != WSD_E_UNSUPPORTED)
		log_warn("channels will begin anew after a restart (%s)", wsd_strerror(rc));
}

static void
on_clock(uv_timer_t *clock)
{
	struct publishing *p = clock->data;

	CHECK_MAGIC(p, PUBLISHING_MAGIC);
	broker_tick(p->broker);
	broker_tell_metrics(p->broker, p->shard);
}

int
publishing_check(const struct conf *conf, char *why, size_t why_size)
{
	uint64_t least = (uint64_t)conf->channels_max * BROKER_LOG_BYTES_A_CHANNEL;

	if (!conf->channels_file || conf->history_bytes >= least)
		return WSD_OK;
	snprintf(why, why_size,
		 "CHANNELS_MAX=%" PRIu32 " needs HISTORY_BYTES of at least %" PRIu64
		 ", for the positions of so many channels; it is %" PRIu32,
		 conf->channels_max, least, conf->history_bytes);
	return WSD_E_RANGE;
}

int
publishing_start(struct publishing *p, int *kept)
{
	struct broker_setup setup = { .log_bytes = p->conf->history_bytes,
				      .channels_max = p->conf->channels_max,
				      .log_fd = -1 };
	struct stat passed = { .st_ino = 0 };
	char why[256];
	int rc;

	if (!p->rules)
		return WSD_OK;
	rc = publishing_check(p->conf, why, sizeof(why));
	if (rc != WSD_OK) {
		starting_failed("could not start: %s", why);
		return rc;
	}
	if (*kept != -1 && fstat(*kept, &passed) != 0)
		passed.st_ino = 0;
	setup.log_fd = take_log(kept);
	rc = broker_create(&p->broker, &setup);
	if (rc != WSD_OK) {
		starting_failed("could not start: channels (%s)", wsd_strerror(rc));
		return rc;
	}
	store_log(broker_log_fd(p->broker), &passed);
	p->magic = PUBLISHING_MAGIC;
	p->clock.data = p;
	CHECK_ZERO(uv_timer_init(p->loop, &p->clock));
	CHECK_ZERO(uv_timer_start(&p->clock, on_clock, CLOCK_MS, CLOCK_MS));
	return WSD_OK;
}

void
publishing_stop(struct publishing *p)
{
	if (!p->broker)
		return;
	uv_close((uv_handle_t *)&p->clock, NULL);
	kept_remove(broker_log_fd(p->broker));
	broker_destroy(&p->broker);
}
