/* SPDX-License-Identifier: MIT */
/* Who listens: a thread each, with an interest for each channel; and what they are told. */
#include <stdlib.h>

#include "base/check.h"
#include "base/clock.h"
#include "base/err.h"
#include "broker/broker_priv.h"

int
broker_listener_create(struct broker *broker, struct broker_listener **out, void (*wake)(void *arg), void *arg)
{
	struct broker_listener *listener = malloc(sizeof(*listener));

	*out = listener;
	if (!listener)
		return -ENOMEM;
	*listener = (struct broker_listener){ .broker = broker, .wake = wake, .arg = arg };
	list_init(&listener->news);
	return WSD_OK;
}

void
broker_listener_destroy(struct broker_listener **listener)
{
	CHECK(!*listener || (*listener)->n_interests == 0);
	free(*listener);
	*listener = NULL;
}

/* One flag for each interest, so that nothing can fill. */
static void
tell(struct broker_interest *interest)
{
	struct broker_listener *listener = interest->listener;
	bool first = list_empty(&listener->news);

	if (!list_empty(&interest->in_news))
		return;
	list_append(&listener->news, &interest->in_news);
	if (first)
		listener->wake(listener->arg);
}

void
broker_tell_news_locked(struct stream *stream)
{
	list_foreach (n, &stream->interests)
		tell(LIST_ENTRY(n, struct broker_interest, in_stream));
}

int
broker_listen(struct broker_listener *listener, struct slice channel, const struct channel_options *options,
	      void *owner, struct broker_interest **out, struct broker_position *top)
{
	struct broker *broker = listener->broker;
	struct broker_interest *interest = malloc(sizeof(*interest));
	struct stream *stream;
	int rc;

	(void)options;
	*out = NULL;
	if (!interest)
		return -ENOMEM;
	CHECK_ZERO(pthread_mutex_lock(&broker->mutex));
	rc = broker_stream_locked(broker, channel, clock_mono_ms(), &stream);
	if (rc == WSD_OK) {
		*interest = (struct broker_interest){
			.listener = listener, .stream = stream, .owner = owner, .next = stream->end
		};
		list_init(&interest->in_news);
		list_append(&stream->interests, &interest->in_stream);
		listener->n_interests++;
		broker_note_life_locked(broker, stream);
		broker_position_locked(stream, top);
	}
	CHECK_ZERO(pthread_mutex_unlock(&broker->mutex));
	if (rc != WSD_OK)
		free(interest);
	else
		*out = interest;
	return rc;
}

void
broker_unlisten(struct broker_interest **interest)
{
	struct broker_interest *i = *interest;
	struct broker *broker;

	if (!i)
		return;
	broker = i->listener->broker;
	CHECK_ZERO(pthread_mutex_lock(&broker->mutex));
	list_unlink(&i->in_stream);
	list_unlink(&i->in_news);
	i->listener->n_interests--;
	broker->stats.subscriptions -= i->subscribers;
	broker_keep_stream_locked(broker, i->stream, clock_mono_ms());
	CHECK_ZERO(pthread_mutex_unlock(&broker->mutex));
	free(i);
	*interest = NULL;
}

void
broker_interest_top(struct broker_interest *interest, struct broker_position *top)
{
	struct broker *broker = interest->listener->broker;

	CHECK_ZERO(pthread_mutex_lock(&broker->mutex));
	broker_position_locked(interest->stream, top);
	CHECK_ZERO(pthread_mutex_unlock(&broker->mutex));
}

void
broker_interest_count(struct broker_interest *interest, uint32_t subscribers)
{
	struct broker *broker = interest->listener->broker;

	CHECK_ZERO(pthread_mutex_lock(&broker->mutex));
	broker->stats.subscriptions += (uint64_t)subscribers - interest->subscribers;
	interest->subscribers = subscribers;
	CHECK_ZERO(pthread_mutex_unlock(&broker->mutex));
}

void *
broker_next_news(struct broker_listener *listener)
{
	struct broker *broker = listener->broker;
	void *owner = NULL;

	CHECK_ZERO(pthread_mutex_lock(&broker->mutex));
	if (!list_empty(&listener->news)) {
		struct broker_interest *i = LIST_ENTRY(listener->news.next, struct broker_interest, in_news);

		list_unlink(&i->in_news);
		owner = i->owner;
	}
	CHECK_ZERO(pthread_mutex_unlock(&broker->mutex));
	return owner;
}

size_t
broker_read_news(struct broker_interest *interest, size_t limit,
		 void (*each)(void *arg, const struct broker_event *event), void *arg, bool *more, bool *overrun)
{
	struct broker *broker = interest->listener->broker;
	struct stream *stream = interest->stream;
	size_t n = 0;

	CHECK_ZERO(pthread_mutex_lock(&broker->mutex));
	*overrun = interest->next < stream->first;
	if (*overrun)
		interest->next = stream->first;
	for (; interest->next < stream->end && n < limit; n++) {
		struct broker_event event = broker_event_locked(broker, *stream_entry(stream, interest->next++));

		each(arg, &event);
	}
	*more = interest->next < stream->end;
	if (*more)
		tell(interest);
	CHECK_ZERO(pthread_mutex_unlock(&broker->mutex));
	return n;
}
