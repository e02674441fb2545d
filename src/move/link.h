/* SPDX-License-Identifier: MIT */
/*
 * Messages between two instances, over a unix SOCK_SEQPACKET socket: one datagram a message, a head of 8
 * bytes, what follows, and descriptors. What comes in is checked here for its form. Main thread.
 */
#ifndef WSD_MOVE_LINK_H
#define WSD_MOVE_LINK_H

#include <stddef.h>
#include <stdint.h>

#define LINK_OLDEST        1 /* versions spoken */
#define LINK_LATEST        3
#define LINK_WITH_SESSIONS 2 /* the first that knows LINK_SESSION, */
#define LINK_WITH_CHANNELS 3 /* and what a connection is subscribed to */
#define LINK_FDS_MOST      2
#define LINK_BODY_MOST     65536 /* a state that is longer travels in a memfd */

#define LINK_PATH "%s/%s/handoff.sock" /* where an instance listens: HANDOFF_DIR, its name */

enum link_type {
	LINK_HELLO = 1, /* sender: struct link_hello; fd: the arbiter */
	LINK_WELCOME,   /* receiver: struct link_hello */
	LINK_NO,        /* receiver: a text, why not */
	LINK_OFFER,     /* sender: index; state, or none and a second fd with it; fd: the connection */
	LINK_TAKEN,     /* receiver: index, of an offer or a session */
	LINK_REFUSED,   /* receiver: the same; a text, why */
	LINK_SESSIONS,  /* sender: a list of sessions, which nobody is connected with */
	LINK_DONE,      /* sender: no more */
	LINK_BYE,       /* receiver: all that came has been dealt with */
	LINK_SESSION,   /* sender: index; the session of a connection that is about to be closed */
};

struct link_hello {
	char magic[8]; /* "wsdlink" */
	uint32_t version_min, version_max;
	char instance[40], software[40]; /* zero-terminated; for the log */
};

struct link_message {
	uint8_t type;
	uint32_t index;
	size_t len;
	int fds[LINK_FDS_MOST];        /* -1: none; owned by whoever received the message */
	char body[LINK_BODY_MOST + 1]; /* zero-terminated */
};

/* A new socket for links; -1 and errno. */
int link_socket(void);

/* A link to whoever listens there, which the caller owns; or a negative errno. It does not wait. */
int link_connect(const char *path);

/* WSD_OK, -EAGAIN if the link is full for now, or another negative errno. The fds stay the caller's. */
int link_send(int fd, enum link_type type, uint32_t index, const void *body, size_t len, const int *fds,
	      unsigned n_fds);

/* WSD_OK, -EAGAIN, WSD_E_CLOSED at the end, WSD_E_MALFORMED, or another negative errno; then no fd is left open. */
int link_receive(int fd, struct link_message *m);

/* Those that nobody has taken out of it (and set to -1). */
void link_close_fds(struct link_message *m);

void link_hello_fill(struct link_hello *hello, const char *instance, const char *software);

/* WSD_OK, or WSD_E_UNSUPPORTED (no version in common), WSD_E_MALFORMED. */
int link_hello_check(const struct link_message *m, struct link_hello *out);

/* The version that is spoken with this peer. */
uint32_t link_version(const struct link_hello *peer);

#endif
