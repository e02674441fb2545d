/* SPDX-License-Identifier: MIT */
/*
 * What leaves for another process, encoded as proto/state.h has it; import.h is the other side. Each returns a new
 * buffer, which the caller frees. Main thread.
 */
#ifndef WSD_SERVER_EXPORT_H
#define WSD_SERVER_EXPORT_H

#include <stddef.h>
#include <stdint.h>

struct front;
struct worker_offer;

/* Fills in the offer's token. NULL: out of memory, or its session has gone. */
char *export_connection(const struct front *front, struct worker_offer *offer, size_t *len);

/* Its session alone; ttl_ms: for which it may be resumed once its connection has closed. As above. */
char *export_session(const struct front *front, struct worker_offer *offer, uint64_t ttl_ms, size_t *len);

/* A list of the resumable sessions that no other instance has been told of; NULL if there are none. */
char *export_sessions(const struct front *front, size_t *len);

#endif
