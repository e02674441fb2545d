/* SPDX-License-Identifier: MIT */
/* What the parts of a connection share: its bytes (client_io), its messages (client_talk), its life (client).
 */
#ifndef WSLOAD_CLIENT_PRIV_H
#define WSLOAD_CLIENT_PRIV_H

#include "loadtest/client.h"

/* --- client.c */
/* The connection has ended by the server's doing or an accident; code as in CLOSE frames, 1006 without one.
 */
void client_lost(struct env *env, struct client *c, unsigned code);
/* The attempt came to nothing. */
void client_failed(struct env *env, struct client *c, const char *reason);
/* It may send from now on. */
void client_ready(struct env *env, struct client *c);
void client_count_errors(struct env *env, uint64_t n);

/* --- client_io.c: all of these keep silent on errors of the socket; the next read tells */
void client_append(struct client_buffer *b, const void *data, size_t len);
void client_buffer_free(struct client_buffer *b);
/* Room for len bytes in the shared buffer, which leaves with client_flush(). */
uint8_t *client_put(struct env *env, struct client *c, size_t len);
void client_flush(struct env *env, struct client *c);
void client_readable(struct env *env, struct client *c);
void client_writable(struct env *env, struct client *c);
void client_watch(struct env *env, struct client *c, bool add);

/* --- client_talk.c */
/* Takes whole frames from data; returns the bytes used. The connection may be gone afterwards. */
size_t client_take_frames(struct env *env, struct client *c, const uint8_t *data, size_t len);
size_t client_take_reply(struct env *env, struct client *c, const uint8_t *data, size_t len);
void client_put_close(struct env *env, struct client *c, unsigned code);

#endif
