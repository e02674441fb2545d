/* SPDX-License-Identifier: MIT */
/*
 * A hub, and its libwebsockets context. Each setting below answers a measured finding: doc/libwebsockets.md. Hub's
 * thread, but for what wire.h says.
 */
#include "wire/wire_priv.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/check.h"
#include "base/err.h"
#include "base/fd.h"

/* Larger than any write of ours, or libwebsockets would cut writes up and copy the rest. */
#define TX_PACKET_BYTES (1 << 20)

static const struct lws_protocols protocols[] = {
	{ "wsd", callback_from_lws, 0, WIRE_READ_BYTES - LWS_PRE, 0, NULL, TX_PACKET_BYTES },
	{ NULL, NULL, 0, 0, 0, NULL, 0 },
};

/* All zero: no validity pings of libwebsockets' own; the wheel does this for a thirtieth of the cost. */
static const lws_retry_bo_t no_retry;

#if LWS_LIBRARY_VERSION_NUMBER >= 4003000
/* The default log context is shared by all contexts and counts its users without a lock. */
static _Thread_local lws_log_cx_t log_context;
#endif

/* libwebsockets never closes a connection that could not get memory for libuv's handle: it would keep the socket,
 * and in the end the whole context. So there is always such a block at hand. */
#define HANDLE_REASON "uvh"
static _Thread_local void *spare_handle;

/* What libwebsockets has read and not delivered when a wire is paused it copies; and if it gets no memory for that, it
 * goes on as if it had (lws_parse_ws(), 4.1.6 to 4.3.5), so that messages would be lost without a word. */
#define REST_REASON "lws_buflist_append_segment"
static _Thread_local struct wire_hub *this_hub;

/*
 * Each connection has a block of rx_buffer_size, which is also what libwebsockets reads at a time: small ones make long
 * messages dear, large ones cost memory that ten thousand idle connections never use. But data is unmasked and
 * delivered where it was read, in the buffer that all connections of a context share; the connection's own block only
 * ever holds the payload of a control frame and a zero behind it (ops-ws.c, lws_ws_rx_sm()). So that is what it gets.
 * tests/unit/test_read_buffer.c finds out whether this holds for the library that it is built with.
 */
static void *
allocate(void *ptr, size_t size, const char *reason)
{
	void *got;

	if (size == 0) {
		free(ptr);
		return NULL;
	}
	if (ptr)
		return realloc(ptr, size);
	if (size > WIRE_CONTROL_BYTES && strcmp(reason, WIRE_CONTROL_REASON) == 0)
		size = WIRE_CONTROL_BYTES;
	got = malloc(size);
	if (!got && size <= sizeof(uv_poll_t) && strcmp(reason, HANDLE_REASON) == 0) {
		got = spare_handle;
		spare_handle = NULL;
	}
	if (!got && this_hub && this_hub->resting && strcmp(reason, REST_REASON) == 0)
		wire_kill(this_hub, this_hub->resting);
	return got;
}

bool
context_has_spare(void)
{
	if (!spare_handle)
		spare_handle = malloc(sizeof(uv_poll_t));
	return spare_handle != NULL;
}

void
wire_library_init(void)
{
	/* The default allocator keeps a plain global counter, written by all threads. */
	lws_set_allocator(allocate);
	/* Its log lines are made in one static buffer for all threads, and any peer can provoke them. */
	lws_set_log_level(0, NULL);
}

int
wire_hub_create(struct wire_hub **out, const struct wire_hub_setup *setup)
{
	struct wire_hub *hub = calloc(1, sizeof(*hub));
	int rc;

	*out = NULL;
	if (!hub)
		return -ENOMEM;
	hub->magic = WIRE_HUB_MAGIC;
	hub->loop = setup->loop;
	hub->shard = setup->shard;
	hub->events = setup->events;
	hub->owner = setup->owner;
	hub->queue_most = setup->queue_most;
	/* Now and not when it is needed: libwebsockets 4.1.6 closes a descriptor twice when a context ends, and the
	 * second time may hit what another thread has just opened. */
	hub->dummy = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (hub->dummy == -1) {
		rc = wsd_errno();
		free(hub);
		return rc;
	}
	*out = hub;
	return WSD_OK;
}

static void
note_poll(uv_handle_t *handle, void *arg)
{
	if (handle->type == UV_POLL)
		*(bool *)arg = true;
}

/* libwebsockets 4.3 makes a context also if its own pipe cannot be watched, and crashes later. Nothing else of
 * this loop is polled yet. */
static bool
hears_itself(struct wire_hub *hub)
{
	bool found = false;

	uv_walk(hub->loop, note_poll, &found);
	return found;
}

int
wire_hub_start(struct wire_hub *hub)
{
	struct lws_context_creation_info info = {
		.port = CONTEXT_PORT_NO_LISTEN_SERVER,
		.protocols = protocols,
		.options = LWS_SERVER_OPTION_LIBUV | LWS_SERVER_OPTION_EXPLICIT_VHOSTS,
		.foreign_loops = hub->foreign_loops,
		.pcontext = &hub->context,
		.user = hub,
		.retry_and_idle_policy = &no_retry,
		.pt_serv_buf_size = WIRE_READ_BYTES,
		.timeout_secs_ah_idle = 5,
		.vhost_name = "wsd",
	};

	this_hub = hub;
	hub->foreign_loops[0] = hub->loop;
#if LWS_LIBRARY_VERSION_NUMBER >= 4003000
	log_context = (lws_log_cx_t){ .lll_flags = 0 };
	info.log_cx = &log_context;
#endif
	hub->context = lws_create_context(&info);
	if (!hub->context || !hears_itself(hub))
		return WSD_E_LIBRARY;
	hub->vhost = lws_create_vhost(hub->context, &info);
	return hub->vhost ? WSD_OK : WSD_E_LIBRARY;
}

bool
wire_hub_serves(const struct wire_hub *hub)
{
	return hub->vhost != NULL;
}

void
wire_hub_end_turn(struct wire_hub *hub)
{
	hub->resting = NULL;
	cork_flush(hub, 0);
	due_run(hub);
}

void
wire_hub_stop(struct wire_hub *hub)
{
	if (hub->context)
		lws_context_destroy(hub->context); /* the second call frees what the first could not */
}

void
wire_hub_destroy(struct wire_hub **owned)
{
	struct wire_hub *hub = *owned;

	if (!hub)
		return;
	CHECK_MAGIC(hub, WIRE_HUB_MAGIC);
	CHECK(hub->n_wires == 0);
	due_deinit(hub);
	fd_close(&hub->dummy);
	hub->magic = 0;
	free(hub);
	this_hub = NULL;
	free(spare_handle);
	spare_handle = NULL;
	*owned = NULL;
}
