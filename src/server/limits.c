/* SPDX-License-Identifier: MIT */
/*
 * Descriptors: what MAX_CONNECTIONS needs, and no more, since libwebsockets sizes its tables by the limit and
 * looks through all of one whenever a connection closes.
 */
#include <inttypes.h>
#include <string.h>
#include <sys/resource.h>

#include "base/err.h"
#include "log/log.h"
#include "server/server_priv.h"

#define HTTP_FDS      512 /* connections of both HTTP daemons, and their own descriptors */
#define WORKER_FDS    16  /* epoll, eventfds and the like, of each */
#define OTHER_FDS     64
#define PENDING_MOST  8192
#define PENDING_LEAST 64

int
limits_start(struct server *s)
{
	/* those who are here already stay, even if MAX_CONNECTIONS was lowered */
	uint64_t most = s->conf->max_connections > parking_count(s) ? s->conf->max_connections : parking_count(s);
	uint64_t fixed = most + HTTP_FDS + OTHER_FDS + (uint64_t)s->conf->workers * WORKER_FDS;
	uint64_t pending = s->conf->max_connections / 2;
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) != 0) {
		log_error("could not read the limit of open files (%s)", strerror(errno));
		return wsd_errno();
	}
	if (pending < PENDING_LEAST)
		pending = PENDING_LEAST;
	if (pending > PENDING_MOST)
		pending = PENDING_MOST;
	if (fixed + PENDING_LEAST > limit.rlim_max) {
		log_error("MAX_CONNECTIONS=%" PRIu32 " needs %" PRIu64 " open files, but the hard limit is %" PRIu64
			  ": lower it, or raise LimitNOFILE= (ulimit -Hn)",
			  s->conf->max_connections, fixed + PENDING_LEAST, (uint64_t)limit.rlim_max);
		return WSD_E_RANGE;
	}
	if (fixed + pending > limit.rlim_max)
		pending = limit.rlim_max - fixed;
	s->most_pending = (uint32_t)pending;
	s->most_fds = (uint32_t)(fixed + pending);
	limit.rlim_cur = s->most_fds;
	if (setrlimit(RLIMIT_NOFILE, &limit) != 0) {
		log_error("could not set the limit of open files to %" PRIu32 " (%s)", s->most_fds, strerror(errno));
		return wsd_errno();
	}
	return WSD_OK;
}
