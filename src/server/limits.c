/* SPDX-License-Identifier: MIT */
/*
 * Descriptors: what MAX_CONNECTIONS needs, and no more, since libwebsockets sizes its tables by the limit and
 * looks through all of one whenever a connection closes.
 */
#include "server/limits.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

#include "base/err.h"
#include "conf/conf.h"
#include "server/starting.h"

#define HTTP_FDS      512 /* connections of both HTTP daemons, and their own descriptors */
#define WORKER_FDS    16  /* epoll, eventfds and the like, of each */
#define OTHER_FDS     64
#define PENDING_MOST  8192
#define PENDING_LEAST 64

struct need {
	uint64_t fixed;   /* without those who have not said anything yet */
	uint64_t pending; /* those, as many as would be good; PENDING_LEAST must be */
};

static struct need
need_of(const struct conf *conf, uint32_t parked)
{
	/* those who are here already stay, even if MAX_CONNECTIONS was lowered */
	uint64_t most = conf->max_connections > parked ? conf->max_connections : parked;
	uint64_t pending = conf->max_connections / 2;

	if (pending < PENDING_LEAST)
		pending = PENDING_LEAST;
	if (pending > PENDING_MOST)
		pending = PENDING_MOST;
	return (struct need){ .fixed = most + HTTP_FDS + OTHER_FDS + (uint64_t)conf->workers * WORKER_FDS,
			      .pending = pending };
}

static int
check(const struct conf *conf, const struct need *need, struct rlimit *limit, char *why, size_t why_size)
{
	if (getrlimit(RLIMIT_NOFILE, limit) != 0) {
		snprintf(why, why_size, "could not read the limit of open files (%s)", strerror(errno));
		return wsd_errno();
	}
	if (need->fixed + PENDING_LEAST <= limit->rlim_max)
		return WSD_OK;
	snprintf(why, why_size,
		 "MAX_CONNECTIONS=%" PRIu32 " needs %" PRIu64 " open files, but the hard limit is %" PRIu64
		 ": lower it, or raise LimitNOFILE= (ulimit -Hn)",
		 conf->max_connections, need->fixed + PENDING_LEAST, (uint64_t)limit->rlim_max);
	return WSD_E_RANGE;
}

int
limits_check(const struct conf *conf, char *why, size_t why_size)
{
	struct need need = need_of(conf, 0);
	struct rlimit limit;

	return check(conf, &need, &limit, why, why_size);
}

int
limits_set(const struct conf *conf, uint32_t parked, uint32_t *most_pending)
{
	struct need need = need_of(conf, parked);
	struct rlimit limit;
	char why[256];
	int rc = check(conf, &need, &limit, why, sizeof(why));

	if (rc != WSD_OK) {
		starting_failed("%s", why);
		return rc;
	}
	if (need.fixed + need.pending > limit.rlim_max)
		need.pending = limit.rlim_max - need.fixed;
	*most_pending = (uint32_t)need.pending;
	limit.rlim_cur = need.fixed + need.pending;
	if (setrlimit(RLIMIT_NOFILE, &limit) != 0) {
		rc = wsd_errno();
		starting_failed("could not set the limit of open files to %" PRIu64 " (%s)", (uint64_t)limit.rlim_cur,
				wsd_strerror(rc));
		return rc;
	}
	return WSD_OK;
}
