/* SPDX-License-Identifier: MIT */
/*
 * Building JSON without a check after every line: once memory is short the object is dropped and NULL, and
 * stays so; adding to NULL only drops the value. respond_json() answers for a NULL.
 */
#ifndef WSD_ADMIN_JSON_ADD_H
#define WSD_ADMIN_JSON_ADD_H

#include <json-c/json.h>

/* Both take the value, for which NULL means that memory was short. */
static inline void
json_add(struct json_object **o, const char *name, struct json_object *value)
{
	if (*o && value && json_object_object_add(*o, name, value) == 0)
		return;
	json_object_put(value);
	json_object_put(*o);
	*o = NULL;
}

static inline void
json_append(struct json_object **list, struct json_object *value)
{
	if (*list && value && json_object_array_add(*list, value) == 0)
		return;
	json_object_put(value);
	json_object_put(*list);
	*list = NULL;
}

static inline void
json_add_null(struct json_object **o, const char *name)
{
	if (*o && json_object_object_add(*o, name, NULL) != 0) {
		json_object_put(*o);
		*o = NULL;
	}
}

#endif
