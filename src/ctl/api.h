/* SPDX-License-Identifier: MIT */
/* The admin interface of an instance, by its unix socket: whoever may open that may change the server's
 * state. */
#ifndef WSD_CTL_API_H
#define WSD_CTL_API_H

struct json_object;
struct why;

/*
 * Asks and takes the answer apart. body NULL: none; method NULL: GET. WSD_OK for a status of the 200s, and
 * then *out (which may be NULL if it is not wanted) is the caller's to put. Else *out is NULL and why says
 * what the instance said: WSD_E_UNKNOWN for 404, WSD_E_BUSY for 409, WSD_E_FULL for 429, WSD_E_UNSUPPORTED
 * for any other; or what went wrong on the way: -ENOENT or -ECONNREFUSED (it is not running), -EACCES,
 * -EINTR, WSD_E_TIMEOUT, WSD_E_MALFORMED, WSD_E_LIBRARY.
 */
int api_ask(const char *instance, const char *method, const char *path, const char *body, struct json_object **out,
	    struct why *why);

/*
 * What an instance said as JSON, NULL if it is none. Operators read it on a terminal, as root, and an instance is
 * trusted less than they are: what a terminal would obey becomes blanks in texts, and a member of such a name is left
 * out.
 */
struct json_object *api_parse(const char *text);

/* Members of an answer; "" or 0 if there is none of that kind. */
const char *api_text(struct json_object *o, const char *name);
long long api_number(struct json_object *o, const char *name);

#endif
