/* SPDX-License-Identifier: MIT */
/*
 * Everything that is measured, as plain memory without pointers: each load process writes its own block in a
 * mapping that it shares with the coordinator, which adds the blocks up when the processes have ended. What
 * the coordinator reads before that is for the progress line alone and may be a little off.
 */
#ifndef WSLOAD_STATS_H
#define WSLOAD_STATS_H

#include <stdint.h>

#include "loadtest/hist.h"

/* field, name in the JSON report, meaning */
#define STATS_COUNTERS(X) \
	X(attempts, "connect_attempts", "connections tried, reconnects included") \
	X(connected, "connected", "handshakes that succeeded") \
	X(connect_failed, "connect_failed", "connections that did not come about") \
	X(closed, "closed", "connections closed or lost without our asking") \
	X(left, "closed_by_client", "connections that we closed, with a close from the server in answer") \
	X(left_dirty, "closed_by_client_unanswered", "connections that we closed, without an answer in time") \
	X(goodbyes, "goodbyes", "goodbye messages") \
	X(reconnects, "reconnects", "connections that came about again after a close") \
	X(resumed, "resumed", "reconnects whose session went on") \
	X(not_resumed, "not_resumed", "reconnects with a session that began anew all the same") \
	X(resume_count_errors, "resume_count_errors", "resumed sessions whose count had gone back or jumped") \
	X(sent, "sent", "messages sent") \
	X(answered, "answered", "messages answered") \
	X(refused, "refused", "messages answered with an error") \
	X(lost, "lost", "messages never answered") \
	X(lost_at_close, "lost_at_close", "those of the lost that were under way when the connection closed") \
	X(not_accepted, "not_accepted", \
	  "messages that the server had not counted when it said goodbye: neither answered nor lost") \
	X(late, "late", "messages answered after --answer-timeout; not counted as lost") \
	X(repeated, "repeated", "answers to messages that had been answered") \
	X(out_of_order, "out_of_order", "answers that came after the answer to a later message") \
	X(count_errors, "count_errors", "answers, or goodbyes, whose count did not follow on") \
	X(unknown, "unknown_answers", "answers to messages never sent") \
	X(missed, "missed", "messages that were due while nothing could be sent") \
	X(server_errors, "server_errors", "error messages that name no message of ours") \
	X(protocol_errors, "protocol_errors", "frames or messages that break the protocol") \
	X(heartbeats, "heartbeats", "heartbeat messages") \
	X(pings, "pings", "WebSocket pings, all answered") \
	X(other, "other_messages", "messages of other types") \
	X(bytes_sent, "bytes_sent", "of WebSocket traffic") \
	X(bytes_received, "bytes_received", "of WebSocket traffic")

/* Counts by a name that is not known beforehand: close codes, reasons of failure, error codes. */
#define TALLY_MAX  32
#define TALLY_NAME 32

struct tally {
	unsigned n;
	struct {
		char name[TALLY_NAME];
		uint64_t count;
	} rows[TALLY_MAX];
};

#define STATS_SLOTS 480 /* points of the plots */

struct stats_slot {
	uint64_t sent, answered, errors, connected, closed;
	uint64_t open; /* connections at the end of the slot */
	struct hist latency;
};

/* The part of the run that counts for rates and costs; set by the process that measures. */
struct stats_window {
	uint64_t start_ns, end_ns; /* 0: not reached */
	uint64_t sent, answered;
	uint64_t cpu_ns; /* our own, user and system */
};

struct stats {
#define STATS_FIELD(field, name, text) uint64_t field;
	STATS_COUNTERS(STATS_FIELD)
#undef STATS_FIELD
	uint64_t open; /* connections now */
	uint64_t open_peak;
	uint64_t connect_start_ns, connect_end_ns; /* first attempt, latest success of the first round */
	struct tally closes, failures, refusals;
	struct hist connect;  /* from when the connection was due to the 101 */
	struct hist latency;  /* from when the message was due to its answer */
	struct hist downtime; /* from a close to being connected again */
	struct hist lag;      /* from when the message was due to its sending: our own doing */
	struct stats_window window;
	uint64_t slot_ns, start_ns;
	unsigned n_slots; /* in use */
	struct stats_slot slots[STATS_SLOTS];
};

void tally_add(struct tally *t, const char *name, uint64_t count);
void stats_merge(struct stats *into, const struct stats *from);

/* The slot that now_ns falls into; the last one takes all that comes later. */
struct stats_slot *stats_slot_at(struct stats *st, uint64_t now_ns);

/* Failed messages and closes, as the threshold "errors" counts them. */
uint64_t stats_errors(const struct stats *st);
double stats_error_share(const struct stats *st);   /* of messages sent (of attempts if none were) */
double stats_success_share(const struct stats *st); /* of connection attempts that came about */
double stats_rate(const struct stats *st);          /* answers a second in the window */
double stats_connect_rate(const struct stats *st);  /* connections a second while they were built up */

#endif
