/* SPDX-License-Identifier: MIT */
/*
 * The front desk: accepts, peeks at each request, judges it, and hands the socket to a worker (WebSocket) or
 * to the HTTP library (everything plain), or answers a refusal itself. It knows who is connected: the ids,
 * their session tokens, and the sessions of closed connections that can be resumed. All of it on the main
 * thread.
 */
#ifndef WSD_FRONT_FRONT_H
#define WSD_FRONT_FRONT_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#include <uv.h>

#include "base/addr.h"
#include "base/names.h"

struct auth;
struct conf;
struct front;
struct metrics_shard;
struct note;
struct notes;

enum front_mode {
	FRONT_CLOSED,  /* connections wait in the listening sockets' queues */
	FRONT_PARKING, /* the same, and who was accepted but not heard yet stands still */
	FRONT_OPEN,
	FRONT_STANDBY,  /* new WebSockets get 503, plain HTTP is served */
	FRONT_DRAINING, /* the same, with another reason */
};

/* Where a connection sits. */
struct front_seat {
	uint64_t serial; /* never reused within a process */
	uint32_t worker;
	uint32_t slot; /* of that worker */
};

/* An admitted connection whose request has been consumed. */
struct front_guest {
	int fd;
	struct front_seat seat;
	struct addr client;
	uint64_t count;
	bool resumed;
	uint8_t token[SESSION_TOKEN_BYTES];
	char key[HANDSHAKE_KEY_LEN];           /* Sec-WebSocket-Key */
	char subprotocol[SUBPROTOCOL_MAX + 1]; /* to be answered; "": none */
	uint64_t expires_real_ms;              /* when its token ends, by the wall clock; 0: it has none */
	char subject[SUBJECT_MAX + 1];         /* of its token; "": not known */
	char user[SUBJECT_MAX + 1];            /* the same without escapes, and whole; "": nobody that is known */
	const char *id;
	struct note *note; /* NULL: there is no keeper */
};

/* How the front desk reaches the rest of the server. */
struct front_ops {
	void *arg;
	/* WSD_OK: the fd is taken, and front_left() will be called once. Else it is still the front desk's. */
	int (*seat)(void *arg, const struct front_guest *guest);
	/* Ends a connection that is being replaced; front_dismissed() must follow. WSD_OK or an error (then
	 * it must not). */
	int (*dismiss)(void *arg, const struct front_seat *seat, const char *id);
	/* Whether the HTTP library has a place for this client: WSD_OK, and plain() must follow; WSD_E_FULL: none for
	 * anyone; WSD_E_BUSY: this client has as many as one may have. */
	int (*reserve)(void *arg, bool admin, const struct sockaddr *peer, socklen_t peer_len);
	/* Hands a plain request to the HTTP library, which owns the fd in every case. */
	void (*plain)(void *arg, bool admin, int fd, const struct sockaddr *peer, socklen_t peer_len);
};

struct front_setup {
	const struct conf *conf;
	const struct front_ops *ops;
	const struct auth *auth; /* NULL: clients need no token */
	uv_loop_t *loop;
	struct metrics_shard *shard;
	struct notes *notes; /* NULL: there is no keeper */
	uint32_t workers;
	uint32_t most_pending; /* accepted connections whose request is not complete */
};

/* What setup points at must outlive the front desk. WSD_OK or -ENOMEM. */
int front_create(struct front **out, const struct front_setup *setup);

/* Closes listeners and visitors; on_closed is called when the loop has let go of all of them, and frees nothing. */
void front_close(struct front *front, void (*on_closed)(void *arg), void *arg);

/* After front_close() has reported. Accepts NULL. */
void front_destroy(struct front **front);

/* Adds a listening socket, which is owned by the front desk in every case. admin: its requests go to the
 * admin side, in every mode, and no WebSocket is served there. WSD_OK or a negative code. */
int front_listen(struct front *front, bool admin, int fd);

void front_set_mode(struct front *front, enum front_mode mode);

/* A connection is no more. count: its messages; session_over: it cannot be resumed. */
void front_left(struct front *front, const struct front_seat *seat, uint64_t count, bool session_over);

/* The answer to front_ops.dismiss: the connection has stopped counting (known: at count). */
void front_dismissed(struct front *front, const char *id, uint64_t serial, bool known, uint64_t count);

/* ---- connections that change their process --------------------------------------------------- */

/* The session token of the connection in this seat; false: it has none any more. */
bool front_token(const struct front *front, const struct front_seat *seat, uint8_t token[SESSION_TOKEN_BYTES]);

/* Makes a session and a seat for a connection from elsewhere; limits are not applied, since it is served
 * already, but it counts for its client's address from now on. WSD_OK: front_left() must follow some time.
 * WSD_E_BUSY: the id is in use here; or -ENOMEM. A resumable session of the same id is dropped. note: its record
 * (kept/notes.h), or NOTES_NONE if it has none yet. */
int front_import(struct front *front, const char *id, const uint8_t token[SESSION_TOKEN_BYTES], uint64_t count,
		 const struct addr *client, uint32_t note, struct front_seat *out);

/* The record of the connection in this seat; NULL: there is no keeper. */
struct note *front_note(const struct front *front, const struct front_seat *seat);

/* Takes back front_import() for a seat that no worker took. */
void front_unimport(struct front *front, const struct front_seat *seat);

/* A resumable session from elsewhere; ignored if the id is known here, but for the higher count if it is the
 * same session. */
void front_import_session(struct front *front, const char *id, const uint8_t token[SESSION_TOKEN_BYTES], uint64_t count,
			  uint64_t expires_in_ms);

/* The session of a connection that is about to be closed elsewhere, to be resumed here. claim is called when
 * nothing can fail any more; false: it is not ours after all. A resumable session of the same id is dropped.
 * WSD_OK, WSD_E_CLOSED (the claim was lost), WSD_E_BUSY (the id is in use here), WSD_E_UNSUPPORTED (no
 * sessions are kept here) or -ENOMEM. */
int front_adopt_session(struct front *front, const char *id, const uint8_t token[SESSION_TOKEN_BYTES], uint64_t count,
			uint64_t expires_in_ms, bool (*claim)(void *arg), void *claim_arg);

/* The other way round: this session lives elsewhere now, whatever becomes of its connection here. */
void front_forget_session(struct front *front, const char *id, const uint8_t token[SESSION_TOKEN_BYTES]);

/* Calls back with the socket of each who was accepted on the public side but not heard yet; it stays the front
 * desk's. */
typedef void (*front_visitor_cb)(void *arg, int fd);
void front_each_visitor(const struct front *front, front_visitor_cb cb, void *arg);

/* Receives one that another process accepted; owns the fd. */
void front_welcome(struct front *front, int fd);

/* They live elsewhere now. */
void front_forget_sessions(struct front *front);

/* Calls back for each resumable session that is not marked as given, the one that expires first first. */
typedef void (*front_session_cb)(void *arg, const char *id, const uint8_t token[SESSION_TOKEN_BYTES], uint64_t count,
				 uint64_t expires_in_ms);
void front_each_session(const struct front *front, front_session_cb cb, void *arg);

/* Marks those that there are by now, or takes back all marks. */
void front_mark_sessions(struct front *front, bool given);

/* Seats taken now. */
uint32_t front_connections(const struct front *front);

/* The seat of the live connection with this id; false: there is none. */
bool front_find(const struct front *front, const char *id, struct front_seat *out);

/* One live connection in a listing; id stays valid until the next call into the front desk. */
struct front_entry {
	const char *id;
	struct front_seat seat;
};

/* The first `most` live connections in order of their ids (by byte), of those greater than `after` that start
 * with `prefix`. Returns how many; *more tells if there are others. out has room for most. */
uint32_t front_list(const struct front *front, const char *after, const char *prefix, struct front_entry *out,
		    uint32_t most, bool *more);

#endif
