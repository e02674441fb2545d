/* SPDX-License-Identifier: MIT */
/* A client as the rest of the process knows it: how it comes, why it is told to go, and that it has left. Any thread.
 */
#ifndef WSD_CLIENT_GUEST_H
#define WSD_CLIENT_GUEST_H

#include <stdbool.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/names.h"
#include "loop/mailbox.h"

struct note;

/* Why clients are told to go; each has its goodbye, close code and reconnect advice (close.c). */
enum client_bye {
	CLIENT_BYE_DISCONNECT, /* the client asked: 1000 */
	CLIENT_BYE_SHUTDOWN,   /* 1001 */
	CLIENT_BYE_RESTART,    /* 1012 */
	CLIENT_BYE_REPLACED,   /* 4001 */
	CLIENT_BYE_OPERATOR,   /* an operator disconnected it: 1008 */
	CLIENT_BYE_TIMEOUT,    /* CONNECTION_TIMEOUT: 1001, since that peer has gone or slept */
	CLIENT_BYE_SLOW,       /* SEND_QUEUE_BYTES: 1013 */
	CLIENT_BYE_ABUSE,      /* went on after being refused: 1008, */
	CLIENT_BYE_BINARY,     /* with binary messages: 1003 */
	CLIENT_BYE_EXPIRED,    /* its token has ended: 1008 */
	CLIENT_BYES
};

/* One that the front desk admitted; its request has been read from the socket. */
struct client_guest {
	int fd;
	uint64_t serial; /* never reused within a process */
	uint32_t slot;   /* of its worker, free until the departure has been received; small, as it indexes a table */
	struct addr peer;
	uint64_t count; /* messages counted so far: 0, or a resumed session's */
	bool resumed;
	uint8_t token[SESSION_TOKEN_BYTES];
	char key[HANDSHAKE_KEY_LEN];
	const char *subprotocol;  /* to be answered; copied; "": none */
	uint64_t expires_real_ms; /* when its token ends, by the wall clock; 0: it has none */
	const char *subject;      /* for the log; copied; NULL or "": none */
	const char *user;         /* whom its token is for; copied; NULL or "": nobody that is known */
	const char *id;           /* copied */
	struct note *note;        /* in which the next process finds it; NULL: there is no keeper */
};

/* One that is no more. The mail is the receiver's to use. */
struct client_departure {
	struct mail mail;
	uint64_t serial;
	uint64_t count;
	uint32_t slot;
	uint32_t worker : 31;
	uint32_t session_over : 1; /* the session ended with it: the client said goodbye, or it was replaced */
};

void client_departure_free(struct client_departure *departure);

#endif
