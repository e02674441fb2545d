/* SPDX-License-Identifier: MIT */
/* What the files of the channels' API share: one call, and its methods. On the admin side's thread. */
#ifndef WSD_ADMIN_API_PRIV_H
#define WSD_ADMIN_API_PRIV_H

#include "admin/admin_priv.h"
#include "admin/api_request.h"
#include "broker/broker.h"
#include "channel/code.h"
#include "channel/name.h"
#include "channel/rules.h"
#include "proto/text.h"

struct api_call {
	struct exchange *ex;
	struct broker *broker;
	struct channel_rules *rules; /* in force while it lasts */
	struct text out;
	bool late; /* the server did not answer in time: it is not asked again */
};

#define API_ANSWER_MOST (16 * 1024 * 1024) /* bytes of an answer: more is code 106 */

/* Of one method: writes its result, an object. If another code than CHANNEL_FINE is returned, what it wrote is void. */
typedef enum channel_code (*api_method_cb)(struct api_call *call, const struct api_request *request);

enum channel_code api_publish(struct api_call *call, const struct api_request *request);
enum channel_code api_broadcast(struct api_call *call, const struct api_request *request);
enum channel_code api_history(struct api_call *call, const struct api_request *request);
enum channel_code api_history_remove(struct api_call *call, const struct api_request *request);
enum channel_code api_presence(struct api_call *call, const struct api_request *request);
enum channel_code api_presence_stats(struct api_call *call, const struct api_request *request);
enum channel_code api_channels(struct api_call *call, const struct api_request *request);
enum channel_code api_info(struct api_call *call, const struct api_request *request);
enum channel_code api_subscribe(struct api_call *call, const struct api_request *request);
enum channel_code api_unsubscribe(struct api_call *call, const struct api_request *request);
enum channel_code api_refresh(struct api_call *call, const struct api_request *request);
enum channel_code api_disconnect(struct api_call *call, const struct api_request *request);

/* The channel that a raw string names, its text in room. CHANNEL_FINE; or BAD_REQUEST, UNKNOWN_CHANNEL (no such
 * namespace), NOT_AVAILABLE (there are no channels here). */
enum channel_code api_channel(struct api_call *call, struct slice raw, char room[CHANNEL_NAME_MAX],
			      struct channel_name *name, const struct channel_options **options);
/* For what a function of the broker returned. */
enum channel_code api_code_of(int rc);
/* ,"error":{...} and the like, without the comma. */
void api_put_error(struct text *out, enum channel_code code);
void api_put_position(struct text *out, const char *epoch, uint64_t offset);

#endif
