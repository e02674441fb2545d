/* SPDX-License-Identifier: MIT */
/* NGINX: a file with the upstream, which its site includes. Checked with all of its configuration before it
 * is reloaded. */
#include "ctl/proxy_priv.h"

#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "ctl/bus.h"
#include "ctl/child.h"
#include "ctl/interrupt.h"
#include "ctl/why.h"

#define CHECK_TIMEOUT_MS  30000
#define RELOAD_TIMEOUT_MS 30000

static const char *const dump[] = { "nginx", "-T", NULL };
static const char *const service[] = { "nginx.service", NULL };

/* Is the file part of the configuration that nginx -T has shown? */
static bool
includes(const char *shown, const char *path)
{
	char line[4200];

	snprintf(line, sizeof(line), "# configuration file %s:", path);
	return shown && strstr(shown, line);
}

/* Also if it does not accept its configuration just now, in which case it does not show it: the switch will
 * tell why. */
static int
nginx_found(struct proxy *proxy)
{
	struct child_output out, err;
	struct bus_unit unit;
	struct why why;
	int rc = child_run(dump, CHECK_TIMEOUT_MS, &out, &err, &why);

	if (rc == WSD_E_LIBRARY)
		rc = bus_unit(proxy->bus, service[0], &unit, &why) == WSD_OK && bus_unit_runs(&unit) ? WSD_OK
												     : WSD_E_UNKNOWN;
	else if (rc == WSD_OK && !includes(out.text, proxy->file))
		rc = WSD_E_UNKNOWN;
	child_output_deinit(&out);
	child_output_deinit(&err);
	return rc;
}

static int
nginx_current(struct proxy *proxy, char *out, struct why *why)
{
	return proxy_file_address(proxy->file, "server", out, why);
}

/* Its own words if they are not accepted: it names the file and the line. */
static int
check(struct proxy *proxy, struct why *why)
{
	struct child_output out, err;
	int rc = child_run(dump, CHECK_TIMEOUT_MS, &out, &err, why);

	if (rc == WSD_E_LIBRARY && err.text)
		why_set(why, rc, "nginx does not accept its configuration:\n%s", err.text);
	else if (rc == WSD_OK && !includes(out.text, proxy->file))
		rc = why_set(why, WSD_E_UNKNOWN,
			     "nginx does not include %s: is the site enabled? (ln -s /etc/ws/nginx/ws.conf "
			     "/etc/nginx/sites-enabled/ws.conf)",
			     proxy->file);
	child_output_deinit(&out);
	child_output_deinit(&err);
	return rc;
}

static int
check_runs(struct proxy *proxy, struct why *why)
{
	struct bus_unit unit;
	int rc = bus_unit(proxy->bus, service[0], &unit, why);

	if (rc == WSD_OK && !bus_unit_runs(&unit))
		rc = why_set(why, WSD_E_CLOSED, "nginx.service is %s, not active: systemctl start nginx", unit.active);
	return rc;
}

static int
nginx_check(struct proxy *proxy, struct why *why)
{
	int rc = check(proxy, why);

	return rc == WSD_OK ? check_runs(proxy, why) : rc;
}

/* Not interrupted: whether NGINX has read the new file or the old one would not be known. */
static int
reload(struct proxy *proxy, struct why *why)
{
	int rc;

	interrupt_hold();
	rc = bus_do(proxy->bus, BUS_RELOAD, service, RELOAD_TIMEOUT_MS, why);
	interrupt_release();
	return rc;
}

/* *reloaded: it may have been. */
static int
take_up(struct proxy *proxy, bool *reloaded, struct why *why)
{
	int rc = nginx_check(proxy, why);

	if (rc != WSD_OK)
		return rc;
	*reloaded = true;
	return reload(proxy, why);
}

static int
nginx_change(struct proxy *proxy, const char *instance, const char *address, struct why *why)
{
	struct proxy_file file;
	bool reloaded = false;
	char text[512];
	struct why other;
	int rc;

	snprintf(text, sizeof(text), PROXY_FILE_HEAD "upstream ws {\n\tserver %s;\n}\n", address);
	rc = proxy_file_replace(&file, proxy->file, text, why);
	if (rc == WSD_OK) {
		rc = take_up(proxy, &reloaded, why);
		if (rc != WSD_OK) {
			if (proxy_file_restore(&file, &other) != WSD_OK)
				why_set(why, rc, "%s\nand the file as it was before could not be put back: %s",
					why->text, other.text);
			if (reloaded)
				reload(proxy, &other);
		}
	}
	proxy_file_end(&file);
	return rc;
}

const struct proxy_kind proxy_nginx = { "nginx",       "/var/lib/ws/nginx/upstream.conf",
					nginx_found,   nginx_check,
					nginx_current, nginx_change };
