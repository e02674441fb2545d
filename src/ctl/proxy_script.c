/* SPDX-License-Identifier: MIT */
/* A program of the operator's: PATH switch INSTANCE ADDRESS, and PATH current, which prints the address. */
#include "ctl/proxy_priv.h"

#include <string.h>
#include <unistd.h>

#include "base/addr.h"
#include "base/err.h"
#include "ctl/child.h"
#include "ctl/why.h"

#define TIMEOUT_MS 60000

static int
call(struct proxy *proxy, const char *const *argv, struct child_output *out, struct why *why)
{
	struct child_output err;
	int rc = child_run(argv, TIMEOUT_MS, out, &err, why);

	if (rc == WSD_E_LIBRARY && err.text)
		why_set(why, rc, "%s; it says:\n%s", why->text, err.text);
	child_output_deinit(&err);
	return rc;
}

static int
script_current(struct proxy *proxy, char *out, struct why *why)
{
	const char *const argv[] = { proxy->conf->proxy.script, "current", NULL };
	struct child_output said;
	int rc = call(proxy, argv, &said, why);
	size_t len = said.text ? strcspn(said.text, "\r\n") : 0;
	struct addr address;

	if (rc == WSD_OK && len == 0)
		rc = why_set(why, WSD_E_UNKNOWN, "%s prints no address", argv[0]);
	else if (rc == WSD_OK && (len >= PROXY_ADDRESS_MAX || addr_parse(&address, said.text, len) != WSD_OK))
		rc = why_set(why, WSD_E_MALFORMED, "%s printed '%.*s', which is no address such as 127.0.0.1:3001",
			     argv[0], len < 80 ? (int)len : 80, said.text);
	if (rc == WSD_OK) {
		memcpy(out, said.text, len);
		out[len] = '\0';
	}
	child_output_deinit(&said);
	return rc;
}

static int
script_check(struct proxy *proxy, struct why *why)
{
	const char *path = proxy->conf->proxy.script;

	return access(path, X_OK) == 0 ? WSD_OK : why_set(why, wsd_errno(), "%s: %s", path, strerror(errno));
}

static int
script_change(struct proxy *proxy, const char *instance, const char *address, struct why *why)
{
	const char *const argv[] = { proxy->conf->proxy.script, "switch", instance, address, NULL };
	struct child_output said;
	int rc = call(proxy, argv, &said, why);

	child_output_deinit(&said);
	return rc;
}

const struct proxy_kind proxy_script = { "script", NULL, NULL, script_check, script_current, script_change };
