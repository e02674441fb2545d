/* SPDX-License-Identifier: MIT */
/* What the files of admin/ share: the two daemons, one request and its answer, the handlers. On the daemons'
 * threads. */
#ifndef WSD_ADMIN_ADMIN_PRIV_H
#define WSD_ADMIN_ADMIN_PRIV_H

#include <microhttpd.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "admin/admin.h"
#include "admin/places.h"
#include "base/request_id.h"
#include "metrics/metrics.h"

#define ADMIN_SIDES        2
#define ADMIN_BODY_MAX     (64 * 1024)
#define ADMIN_API_BODY_MAX (1024 * 1024) /* of the channels' API */
#define ADMIN_SWALLOW_MAX  (1024 * 1024) /* of a refused body, so that no reset destroys the answer */
#define ADMIN_HEADERS_MAX  4
#define PAGE_POLICY_MAX    256
#define ADMIN_PAGE_DEFAULT 100
#define ADMIN_PAGE_MAX     1000
#define TYPE_JSON          "application/json"

struct json_object;
struct rate_table;

/* Limits that tests make smaller. */
struct admin_limits {
	unsigned connections[ADMIN_SIDES];
	unsigned of_one_client[ADMIN_SIDES];
	unsigned backends;   /* connections that they keep, beside those */
	unsigned idle_s;     /* a connection on which nothing moves is closed, */
	unsigned kept_s;     /* and one that a backend keeps for its next request */
	uint32_t request_ms; /* and one whose body takes longer than this in all */
};

struct side {
	struct admin *admin;
	struct MHD_Daemon *daemon;
	struct metrics_shard *shard;
	enum admin_side which;
	char page_policy[PAGE_POLICY_MAX]; /* [const after start] */
	struct places places;              /* from admin_reserve() until MHD is through with the connection, */
	struct places kept;                /* or a backend keeps it: then it is among these */
};

/* One connection, as long as MHD has it. */
struct visit {
	bool kept; /* its place is among those */
};

struct admin {
	uint32_t magic;
	const struct conf *conf;    /* [const after start] */
	struct admin_ops ops;       /* [const after start] */
	struct admin_limits limits; /* [const after start] */
	struct side sides[ADMIN_SIDES];
	struct rate_table *rates; /* the admin side's thread only */
};

enum method {
	METHOD_OTHER = 0,
	METHOD_GET = 1 << 0, /* and HEAD */
	METHOD_POST = 1 << 1,
	METHOD_PUT = 1 << 2,
	METHOD_DELETE = 1 << 3,
};

struct exchange;
typedef void (*handler_cb)(struct exchange *ex);

/* Who may have what does not change state. */
enum readers {
	READERS_ALL,       /* on both sides */
	READERS_ADMIN,     /* on the admin side */
	READERS_OPERATORS, /* there, with the right that changes need: it tells who is connected */
	READERS_BACKENDS,  /* there, with the key of the channels' API; their connections are kept open */
};

struct route {
	const char *path; /* one segment may be "{id}", which stands for any */
	enum metric_route metric;
	unsigned methods; /* enum method, or-ed */
	unsigned changes; /* those of them that change state: for operators */
	enum readers readers;
	handler_cb handle;
};

/* An answer as far as it has been decided. status 0: not yet. */
struct reply {
	int status;
	const char *type;   /* Content-Type; static */
	const char *policy; /* Content-Security-Policy; static, or as long-lived as the side */
	const char *cache;  /* Cache-Control; static. NULL: no-store */
	char *body;         /* owned if owned_body, else static */
	size_t len;
	bool owned_body;
	struct {
		const char *name; /* static */
		char value[64];
	} headers[ADMIN_HEADERS_MAX];
	unsigned n_headers;
};

/* One request; made at its head and freed when it is over. */
struct exchange {
	uint32_t magic;
	struct side *side;
	struct MHD_Connection *conn;
	const struct route *route; /* NULL: no such path */
	enum method method;
	struct addr client; /* behind trusted proxies */
	bool tls;           /* between the client and a trusted proxy */
	char request_id[REQUEST_ID_MAX + 1];
	char param[CONNECTION_ID_MAX + 1]; /* what stood for {id} */
	uint64_t deadline_ns;
	struct reply reply;
	bool stays; /* its connection is kept for another request */
	char *body; /* zero-terminated; NULL: none */
	size_t body_len;
	size_t swallowed;
};

/* admin.c: the connection is a backend's, and stays for its next request, without keeping others from connecting.
 * False: as many as may be kept are. */
bool admin_keep(struct side *side, struct MHD_Connection *conn);

int admin_create_limited(struct admin **out, const struct conf *conf, const struct admin_ops *ops,
			 struct metrics_shard *public_shard, struct metrics_shard *admin_shard,
			 const struct admin_limits *limits);

/* exchange.c: one request's life, MHD's callbacks. */
enum MHD_Result exchange_serve(void *cls, struct MHD_Connection *conn, const char *url, const char *method,
			       const char *version, const char *data, size_t *data_len, void **state);
/* Who is connected, a proxy perhaps; ADDR_NONE: not known. */
struct addr exchange_peer(struct MHD_Connection *conn);
void exchange_over(void *cls, struct MHD_Connection *conn, void **state, enum MHD_RequestTerminationCode why);

/* routes.c: finds the route and decides all that can be decided without the body: no such path, wrong method,
 * not allowed. */
void routes_judge(struct exchange *ex, const char *url, const char *method);

/* authorize.c: may this client change state, and see who is connected? If not, decides the answer. */
bool authorize_operator(struct exchange *ex);

/* May this client see what is on the admin side only? If not, decides the answer. */
bool authorize_look(struct exchange *ex);
/* Is this a backend, which has the key of the channels' API? If not, decides the answer. */
bool authorize_backend(struct exchange *ex);
/* Host's value is an address, or a name of the list (conf.h, admin_hosts), whatever its port. */
bool authorize_host(const char *allowed, const char *host);

/* audit.c: logs a request that changes state, once its answer is decided. */
void audit_change(struct exchange *ex);
/* The same of a command of a backend. code: that of its answer, 0 if it was done. */
void audit_command(struct exchange *ex, const char *method, int code);

/* respond.c: decide the answer; a later decision replaces an earlier one. */
/* An object, without the newline at its end; texts in it are made by json_text(), unless they are names. */
void respond_json(struct exchange *ex, int status, const char *format, ...) __attribute__((format(printf, 3, 4)));
/* Takes the body. */
void respond_text(struct exchange *ex, int status, const char *type, char *body, size_t len);
void respond_plain(struct exchange *ex, int status, const char *format, ...) __attribute__((format(printf, 3, 4)));
/* What `write` writes; if that fails, or memory is short, an answer that says so. */
void respond_written(struct exchange *ex, const char *type, int (*write)(FILE *to, const void *arg), const void *arg);
void respond_error(struct exchange *ex, int status, const char *code, const char *format, ...)
	__attribute__((format(printf, 4, 5)));
void respond_static(struct exchange *ex, const char *type, const char *policy, const char *body, size_t len);
/* For the program's own files, which a browser keeps and asks about each time: 304 if it has this one. */
void respond_tag(struct exchange *ex, const char *etag);
void respond_header(struct exchange *ex, const char *name, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
/* For what an op returned other than WSD_OK. */
void respond_failure(struct exchange *ex, int code);
void respond_discard(struct reply *reply);
/* Hands the decided answer to MHD and counts it. */
enum MHD_Result respond_send(struct exchange *ex);

/* params.c */
/* The body as a JSON object with no members but `members` (ended by NULL; NULL: none); the caller puts it.
 * NULL: the answer is decided. An empty body is an empty object. */
struct json_object *params_body(struct exchange *ex, const char *const *members);

/* page.c: the Content-Security-Policy of the web client on this side. */
void page_init(struct side *side);

/* Handlers. */
void api_handle(struct exchange *ex);
void api_message(struct exchange *ex);
void health_get(struct exchange *ex);
void health_live(struct exchange *ex);
void health_ready(struct exchange *ex);
void scrape_get(struct exchange *ex);
void page_index(struct exchange *ex);
void page_part(struct exchange *ex);
void page_facts(struct exchange *ex);
void connections_list(struct exchange *ex);
void connections_one(struct exchange *ex);
void control_drain(struct exchange *ex);
void control_accept(struct exchange *ex);
void control_handoff(struct exchange *ex);
void control_log_level(struct exchange *ex);

#endif
