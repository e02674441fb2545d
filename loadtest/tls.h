/* SPDX-License-Identifier: MIT */
/*
 * TLS for the connections of one load process, on non-blocking sockets; without OpenSSL at build time only
 * tls_available() does anything. The session object is opaque to the rest of the program.
 */
#ifndef WSLOAD_TLS_H
#define WSLOAD_TLS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct tls;
struct tls_session;

bool tls_available(void);

/* ca_file NULL: the system's. NULL on failure. */
struct tls *tls_create(const char *ca_file, bool insecure);
void tls_destroy(struct tls **t);

/* fd stays the caller's. host is checked against the certificate unless insecure. NULL on failure. */
struct tls_session *tls_start(struct tls *t, int fd, const char *host);
void tls_end(struct tls_session **s);

/* WSD_OK, -EAGAIN (*want_write tells for what) or WSD_E_LIBRARY. */
int tls_handshake(struct tls_session *s, bool *want_write);

/* As recv and send: bytes, 0 at the end, or -1 with errno. */
ssize_t tls_recv(struct tls_session *s, void *buf, size_t room);
ssize_t tls_send(struct tls_session *s, const void *data, size_t len);

#endif
