/* SPDX-License-Identifier: MIT */
/*
 * The parking lot: where connections wait between two processes of one instance. It is three descriptors,
 * which the service manager keeps in its store: both ends of a socket pair, in which the sockets are in
 * flight (SCM_RIGHTS), and a memfd with their states. Thousands of sockets in the store itself would keep the
 * manager busy for minutes.
 *
 * The reader looks at what is parked without taking it out (MSG_PEEK gives descriptors of its own), so that
 * it can crash at any moment and the next one finds the lot as it was. Main thread.
 */
#ifndef WSD_MOVE_LOT_H
#define WSD_MOVE_LOT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct lot;

#define LOT_MOST  1000000 /* connections */
#define LOT_BATCH 250     /* put between two calls of lot_flush(), and sent as one message; the kernel takes 253 */

/* The table's first page; bytes of it that the lot itself neither reads nor writes. */
#define LOT_RECORDS_AT  4096
#define LOT_SPARE_AT    2048
#define LOT_SPARE_BYTES 2048

/* A new, empty lot. WSD_OK, -ENOMEM or another negative errno. */
int lot_create(struct lot **out);

/* The lot that an earlier process left; owns the three fds in every case. WSD_OK, -ENOMEM, or WSD_E_MALFORMED
 * if they are not one, or of a version that is not known. */
int lot_open(struct lot **out, int in, int out_end, int table);

/* Accepts NULL. The descriptors in the store are copies and stay. */
void lot_destroy(struct lot **lot);

/* For the store; owned by the lot. */
int lot_in_fd(const struct lot *lot);
int lot_out_fd(const struct lot *lot);
int lot_table_fd(const struct lot *lot);

/* Parks a socket with its state (state.h). It is in the lot only when lot_flush() has succeeded; then the
 * caller may close it. The fd stays the caller's. WSD_OK, WSD_E_FULL (perhaps only until the next lot_flush()), or a
 * negative errno. */
int lot_put(struct lot *lot, int fd, const char *state, size_t len);

/* Sends what lot_put() gathered: WSD_OK, or a negative errno: then none of what was put since the last
 * success is parked. */
int lot_flush(struct lot *lot);

/* Keeps a block of bytes beside the connections (the sessions), replacing the one before. WSD_OK or a
 * negative errno. */
int lot_set_sessions(struct lot *lot, const char *data, size_t len);

/* Connections that are parked. */
uint32_t lot_count(const struct lot *lot);

/* Calls back for each parked connection with a descriptor of its own, which the callback owns. The lot stays
 * as it is. Returns how many, or a negative code. */
typedef void (*lot_cb)(void *arg, int fd, const char *state, size_t len);
int lot_look(struct lot *lot, lot_cb cb, void *arg);

/* A copy of the sessions' bytes, which the caller frees; *len 0 and NULL if there are none. WSD_OK or a
 * negative code. */
int lot_sessions(struct lot *lot, char **data, size_t *len);

/* Empties it. */
void lot_clear(struct lot *lot);

#endif
