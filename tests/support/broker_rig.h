/* SPDX-License-Identifier: MIT */
/*
 * A broker with a clock that the test moves, and what has been read of it as text. For programs linked with
 * -Wl,--wrap=clock_mono_ms (broker_ldflags in tests/support/Makefile.inc). One thread.
 */
#ifndef WSD_SUPPORT_BROKER_RIG_H
#define WSD_SUPPORT_BROKER_RIG_H

#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "base/err.h"
#include "broker/broker.h"
#include "channel/rules.h"

uint64_t __wrap_clock_mono_ms(void);

static uint64_t rig_now_ms = 1000000;

uint64_t
__wrap_clock_mono_ms(void)
{
	return rig_now_ms;
}

/* "PLACE" as read_all() writes it: "3:text" a publication, "+client" a join, "-client" a leave, with blanks between. */
struct rig_text {
	char text[8192];
	size_t len;
};

static inline void
rig_event(void *arg, const struct broker_event *e)
{
	struct rig_text *t = arg;
	struct slice what = e->kind == BROKER_PUBLICATION ? e->data : e->info.client;

	CHECK(t->len + what.len + 32 < sizeof(t->text));
	if (t->len > 0)
		t->text[t->len++] = ' ';
	if (e->kind == BROKER_PUBLICATION)
		t->len += (size_t)sprintf(t->text + t->len, "%llu:", (unsigned long long)e->offset);
	else
		t->text[t->len++] = e->kind == BROKER_JOIN ? '+' : '-';
	memcpy(t->text + t->len, what.at, what.len);
	t->len += what.len;
	t->text[t->len] = '\0';
}

static const struct channel_options rig_plain = { .ns = (char *)"" };
static const struct channel_options rig_kept = {
	.ns = (char *)"", .history_size = 3, .history_ttl_ms = 300000, .history_meta_ttl_ms = 3600000
};

static inline struct broker *
rig_broker_of(size_t log_bytes, uint32_t channels_max, int log_fd)
{
	struct broker_setup setup = { .log_bytes = log_bytes, .channels_max = channels_max, .log_fd = log_fd };
	struct broker *broker;

	CHECK(broker_create(&broker, &setup) == WSD_OK);
	return broker;
}

/* As after a restart; or a crash, if the broker was not stopped. */
static inline struct broker *
rig_again(struct broker **broker, size_t log_bytes, uint32_t channels_max)
{
	int fd = fcntl(broker_log_fd(*broker), F_DUPFD_CLOEXEC, 0);

	CHECK(fd >= 0);
	broker_destroy(broker);
	return rig_broker_of(log_bytes, channels_max, fd);
}

static inline int
rig_publish(struct broker *broker, const char *channel, const struct channel_options *o, const char *data,
	    struct broker_position *at)
{
	struct broker_publish p = { .channel = slice_of(channel), .options = o, .data = slice_of(data) };
	struct broker_position none;

	return broker_publish(broker, &p, at ? at : &none);
}

#endif
