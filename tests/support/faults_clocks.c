/* SPDX-License-Identifier: MIT */
/* libfaults.so: clocks that jump. */
#include <dlfcn.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include "faults.h"

static int (*real_clock)(clockid_t id, struct timespec *ts); /* the vDSO's, by way of libc: a thousand a second */

static __attribute__((constructor)) void
start(void)
{
	real_clock = (int (*)(clockid_t, struct timespec *))dlsym(RTLD_NEXT, "clock_gettime");
}

static void
add_ms(struct timespec *ts, int64_t ms)
{
	int64_t ns = ts->tv_nsec + ms % 1000 * 1000000;

	ts->tv_sec += ms / 1000;
	if (ns >= 1000000000) {
		ts->tv_sec++;
		ns -= 1000000000;
	} else if (ns < 0) {
		ts->tv_sec--;
		ns += 1000000000;
	}
	ts->tv_nsec = ns;
}

int
clock_gettime(clockid_t id, struct timespec *ts)
{
	struct control *c = faults_now();
	int rc = real_clock ? real_clock(id, ts) : (int)syscall(SYS_clock_gettime, id, ts);

	if (rc != 0 || !c)
		return rc;
	if (id == CLOCK_REALTIME || id == CLOCK_REALTIME_COARSE)
		add_ms(ts, c->real_ms);
	else if (id == CLOCK_MONOTONIC || id == CLOCK_MONOTONIC_COARSE || id == CLOCK_BOOTTIME)
		add_ms(ts, c->mono_ms);
	return rc;
}

int
gettimeofday(struct timeval *restrict tv, void *restrict zone)
{
	struct timespec ts;

	(void)zone;
	clock_gettime(CLOCK_REALTIME, &ts);
	*tv = (struct timeval){ .tv_sec = ts.tv_sec, .tv_usec = ts.tv_nsec / 1000 };
	return 0;
}

time_t
time(time_t *out)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	if (out)
		*out = ts.tv_sec;
	return ts.tv_sec;
}
