/* SPDX-License-Identifier: MIT */
/*
 * Where publications get their order: the embedded broker, in memory. It has a stream for each channel that has
 * subscribers, history or a position that is still known, and presence.
 *
 * Any thread may call it: one mutex, held for as long as it takes to copy a publication, orders all. Nothing is posted
 * or waited for, so that a request of the HTTP API is done on its own thread. Publications lie in one circular log of
 * bounded size (records.h), which can be handed to the next process; who is told of news reads them from there at its
 * own pace ("pulling"), so that no queue between threads can fill.
 */
#ifndef WSD_BROKER_BROKER_H
#define WSD_BROKER_BROKER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/slice.h"

#define BROKER_EPOCH_LEN 8   /* letters; not zero-terminated where it stands alone */
#define BROKER_ID_MAX    255 /* bytes of a client's or a user's id */

/* How long a channel without history keeps what it has published, as far as the log has room, and how long a position
 * is known at least, once nobody listens any more. */
#define BROKER_RECENT_MS 60000u

/* A log has to have so many for each channel that there may be. */
#define BROKER_LOG_BYTES_A_CHANNEL 640u

struct broker;
struct broker_listener;
struct broker_interest;
struct channel_options;
struct metrics_shard;

struct broker_position {
	char epoch[BROKER_EPOCH_LEN + 1]; /* zero-terminated; "": none given */
	uint64_t offset;                  /* from 1; 0: nothing was published yet */
};

struct broker_setup {
	size_t log_bytes;      /* HISTORY_BYTES */
	uint32_t channels_max; /* CHANNELS_MAX */
	int log_fd;            /* a log that another process has left, owned by the broker in any case; -1: a new one */
};

/* Main, before the threads. WSD_OK; WSD_E_RANGE: the log is too small for so many channels; -ENOMEM or another negative
 * errno. A log that is none of ours, or damaged, is not used: then all begins anew, with a line in the log of the
 * process. One of another size is copied. */
int broker_create(struct broker **out, const struct broker_setup *setup);
/* After all threads; accepts NULL, clears the pointer. Listeners have been destroyed. */
void broker_destroy(struct broker **broker);

/* The log's memfd, for the next process; the broker's own still. After broker_stop() nothing is written to it: whoever
 * publishes, or needs a stream that there is not yet, then gets WSD_E_CLOSED. */
int broker_log_fd(const struct broker *broker);
void broker_stop(struct broker *broker);
void broker_go_on(struct broker *broker); /* it was stopped for a restart that did not come */

/* Ends what has expired: history, positions, idempotency keys. Called about once a second, on any one thread. */
void broker_tick(struct broker *broker);

/* ---- publishing ------------------------------------------------------------------------------ */

enum broker_kind { BROKER_PUBLICATION, BROKER_JOIN, BROKER_LEAVE };

struct broker_info { /* who published, joined or left; all "" for a backend */
	struct slice client;
	struct slice user;
	struct slice conn_info; /* JSON or "" */
	struct slice chan_info; /* JSON or "" */
};

struct broker_publish {
	enum broker_kind kind; /* joins and leaves are for who listens just now: nothing of them but info, no history */
	struct slice channel;
	const struct channel_options *options; /* history or not, for how long */
	struct slice data;                     /* JSON as it came, or any bytes; copied */
	struct slice tags;                     /* JSON object or "" */
	struct broker_info info;
	struct slice idempotency_key; /* "": none. For 5 minutes a second one with the same key in the same channel is
					 not published again, but answered alike */
	bool skip_history;
	const void *silent_for; /* a subscriber that does not want it, as in broker_event.silent_for; only compared;
				   NULL: none */
};

/* WSD_OK and the publication's position (of a join or leave: where the channel stands, "" if nobody listens);
 * WSD_E_FULL: CHANNELS_MAX; WSD_E_TOO_LARGE: more than a quarter of the log; WSD_E_CLOSED; -ENOMEM. It is in the log
 * when this returns, and listeners have been told. A channel's name is one (channel/name.h), here and below. */
int broker_publish(struct broker *broker, const struct broker_publish *publish, struct broker_position *at);

/* ---- listening: workers ---------------------------------------------------------------------- */

/* wake: called under the broker's lock, on any thread, when there is news and there was none: it must only post. */
int broker_listener_create(struct broker *broker, struct broker_listener **out, void (*wake)(void *arg), void *arg);
/* Its interests have ended. Accepts NULL, clears the pointer. */
void broker_listener_destroy(struct broker_listener **listener);

/* Begins to listen to a channel, from its present end: one interest for all subscribers of a thread. owner: given back
 * by broker_next_news(). *top: where it stands; the stream is made if there is none. WSD_OK, WSD_E_FULL, WSD_E_CLOSED
 * or -ENOMEM. */
int broker_listen(struct broker_listener *listener, struct slice channel, const struct channel_options *options,
		  void *owner, struct broker_interest **out, struct broker_position *top);
/* Accepts NULL, clears the pointer. */
void broker_unlisten(struct broker_interest **interest);
/* The present end, and how many subscribers this thread has for it: for statistics. */
void broker_interest_top(struct broker_interest *interest, struct broker_position *top);
void broker_interest_count(struct broker_interest *interest, uint32_t subscribers);

struct broker_event {
	enum broker_kind kind;
	uint64_t offset;   /* of a publication; else 0 */
	uint64_t time_ms;  /* wall clock */
	const char *epoch; /* BROKER_EPOCH_LEN characters */
	struct slice data, tags;
	struct broker_info info;
	const void *silent_for; /* NULL also if another process has published it */
};

/* The next channel with news, which is then taken to have none; its owner, or NULL: there is no more. */
void *broker_next_news(struct broker_listener *listener);

/*
 * What has come since the last call, oldest first, at most limit; each is called under the broker's lock, and the
 * slices are valid within it alone. The number of events. *more: there are others, and it counts as having news again.
 * *overrun: events had to be dropped before this interest read them; it goes on from the oldest that is left, and
 * whoever follows offsets sees the gap.
 */
size_t broker_read_news(struct broker_interest *interest, size_t limit,
			void (*each)(void *arg, const struct broker_event *event), void *arg, bool *more,
			bool *overrun);

/* ---- history --------------------------------------------------------------------------------- */

struct broker_range {
	bool since_given;
	struct broker_position since; /* exclusive; in reverse, what is before it. An epoch of "" is any */
	int32_t limit;                /* 0: none, only the position; -1: all */
	bool reverse;
	/* also what is no history, but still there since something may be moving: for recovery of what has just been
	 * missed */
	bool recent;
	size_t bytes_most; /* of data; 0: no bound. More: WSD_E_TOO_LARGE, as far as each was called */
};

/* Calls each under the lock, as broker_read_news() does; publications only. *top: where the channel stands, also if it
 * was made just now. WSD_OK; WSD_E_UNKNOWN: since has another epoch; WSD_E_FULL; WSD_E_CLOSED; WSD_E_TOO_LARGE;
 * -ENOMEM. History goes as a whole, history_ttl after the last publication of it, as in Centrifugo. */
int broker_history(struct broker *broker, struct slice channel, const struct channel_options *options,
		   const struct broker_range *range, void (*each)(void *arg, const struct broker_event *event),
		   void *arg, struct broker_position *top);

/* The publications go, the position stays. WSD_OK, also if there is no such channel; WSD_E_CLOSED. */
int broker_history_remove(struct broker *broker, struct slice channel);

/* ---- presence -------------------------------------------------------------------------------- */

/* By client id; adding one again replaces its info. WSD_OK, WSD_E_FULL, WSD_E_CLOSED, WSD_E_TOO_LARGE (an id of more
 * than BROKER_ID_MAX) or -ENOMEM; then nothing has changed. */
int broker_presence_add(struct broker *broker, struct slice channel, const struct broker_info *info);
void broker_presence_remove(struct broker *broker, struct slice channel, struct slice client);
void broker_presence_each(struct broker *broker, struct slice channel,
			  void (*each)(void *arg, const struct broker_info *info), void *arg);
void broker_presence_stats(struct broker *broker, struct slice channel, uint32_t *clients, uint32_t *users);

/* ---- for operators --------------------------------------------------------------------------- */

struct broker_stats {
	uint64_t channels, subscriptions;
	uint64_t published;      /* since the start */
	uint64_t log_bytes_used; /* of log_bytes */
	uint64_t log_dropped;    /* publications of a history that went before their time for want of room */
	uint64_t idempotent;     /* answered from an idempotency key */
};
void broker_stats(struct broker *broker, struct broker_stats *out);
/* The same as metrics; always by the shard's own thread. */
void broker_tell_metrics(struct broker *broker, struct metrics_shard *shard);

/* Channels with subscribers, in any order, under the lock. */
void broker_channels_each(struct broker *broker, void (*each)(void *arg, struct slice channel, uint32_t subscribers),
			  void *arg);

#endif
