/* SPDX-License-Identifier: MIT */
/* The connection, and what is asked. Jobs are in bus_job.c. */
#include "ctl/bus.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "ctl/bus_priv.h"
#include "ctl/why.h"

int
bus_open(struct bus **out, struct why *why)
{
	struct bus *bus = calloc(1, sizeof(*bus));
	int rc = bus ? sd_bus_open_system(&bus->sd) : -ENOMEM;

	if (rc >= 0) {
		*out = bus;
		return WSD_OK;
	}
	free(bus);
	*out = NULL;
	return why_set(why, rc, "systemd cannot be reached over D-Bus (%s)", strerror(-rc));
}

void
bus_close(struct bus **bus)
{
	if (*bus)
		sd_bus_flush_close_unref((*bus)->sd);
	free(*bus);
	*bus = NULL;
}

int
bus_done(int rc, sd_bus_error *error, const char *what, struct why *why)
{
	if (rc >= 0)
		rc = WSD_OK;
	else if (sd_bus_error_has_name(error, SD_BUS_ERROR_ACCESS_DENIED) ||
		 sd_bus_error_has_name(error, SD_BUS_ERROR_INTERACTIVE_AUTHORIZATION_REQUIRED))
		rc = why_set(why, -EACCES, "%s: only root may do that", what);
	else
		why_set(why, rc, "%s: %s", what, error->message ? error->message : strerror(-rc));
	sd_bus_error_free(error);
	return rc;
}

enum kind { ANY, SERVICES, SOCKETS };

#define TEXT(of, interface, name, m) \
	{ \
		of, interface, name, 's', offsetof(struct bus_unit, m), sizeof(((struct bus_unit *)0)->m) \
	}
#define NUMBER(of, interface, name, type, m) \
	{ \
		of, interface, name, type, offsetof(struct bus_unit, m), 0 \
	}

static const struct property {
	enum kind of;
	const char *interface, *name;
	char type; /* of D-Bus */
	size_t offset, size;
} properties[] = {
	TEXT(ANY, UNIT, "LoadState", load),
	TEXT(ANY, UNIT, "ActiveState", active),
	TEXT(ANY, UNIT, "SubState", sub),
	TEXT(ANY, UNIT, "UnitFileState", enabled),
	NUMBER(ANY, UNIT, "ActiveEnterTimestamp", 't', since_us),
	NUMBER(ANY, UNIT, "InactiveExitTimestampMonotonic", 't', began_us),
	TEXT(SOCKETS, SOCKET, "Result", result),
	TEXT(SERVICES, SERVICE, "Result", result),
	TEXT(SERVICES, SERVICE, "StatusText", status),
	NUMBER(SERVICES, SERVICE, "MainPID", 'u', pid),
	NUMBER(SERVICES, SERVICE, "NFileDescriptorStore", 'u', stored),
	NUMBER(SERVICES, SERVICE, "ExecMainCode", 'i', exit_code),
	NUMBER(SERVICES, SERVICE, "ExecMainStatus", 'i', exit_status),
	NUMBER(SERVICES, SERVICE, "TimeoutStartUSec", 't', start_timeout_us),
};

static int
read_property(struct bus *bus, const char *path, const struct property *p, struct bus_unit *out, sd_bus_error *error)
{
	char *at = (char *)out + p->offset, *text = NULL;
	int rc;

	if (p->type != 's')
		return sd_bus_get_property_trivial(bus->sd, MANAGER, path, p->interface, p->name, error, p->type, at);
	rc = sd_bus_get_property_string(bus->sd, MANAGER, path, p->interface, p->name, error, &text);
	if (rc >= 0)
		snprintf(at, p->size, "%s", text);
	free(text);
	return rc;
}

/* What ends a start before there is a main process shows in ExecStartPre=, such as a credential that cannot be
 * loaded. */
static int
read_end_before(struct bus *bus, const char *path, struct bus_unit *out, sd_bus_error *error)
{
	sd_bus_message *m = NULL;
	int rc = sd_bus_get_property(bus->sd, MANAGER, path, SERVICE, "ExecStartPre", error, &m, "a(sasbttttuii)");

	if (rc >= 0)
		rc = sd_bus_message_enter_container(m, 'a', "(sasbttttuii)");
	while (rc > 0 && (rc = sd_bus_message_enter_container(m, 'r', "sasbttttuii")) > 0) {
		int32_t code = 0, status = 0;

		rc = sd_bus_message_skip(m, "sasbttttu");
		if (rc >= 0)
			rc = sd_bus_message_read(m, "ii", &code, &status);
		if (rc >= 0 && status != 0) {
			out->exit_code = code;
			out->exit_status = status;
		}
		if (rc >= 0)
			rc = sd_bus_message_exit_container(m);
	}
	sd_bus_message_unref(m);
	return rc;
}

static int
read_unit(struct bus *bus, const char *unit, const char *path, struct bus_unit *out, sd_bus_error *error)
{
	enum kind kind = strstr(unit, ".service") ? SERVICES : SOCKETS;
	int rc = 0;

	for (size_t i = 0; i < sizeof(properties) / sizeof(*properties) && rc >= 0; i++)
		if (properties[i].of == ANY || properties[i].of == kind)
			rc = read_property(bus, path, &properties[i], out, error);
	if (rc >= 0 && kind == SERVICES && out->exit_status == 0 && strcmp(out->result, "exit-code") == 0)
		rc = read_end_before(bus, path, out, error);
	return rc;
}

int
bus_unit(struct bus *bus, const char *unit, struct bus_unit *out, struct why *why)
{
	sd_bus_error error = SD_BUS_ERROR_NULL;
	char *path = NULL;
	int rc = sd_bus_path_encode("/org/freedesktop/systemd1/unit", unit, &path);

	*out = (struct bus_unit){ .pid = 0 };
	if (rc >= 0)
		rc = read_unit(bus, unit, path, out, &error);
	free(path);
	return bus_done(rc, &error, unit, why);
}

bool
bus_unit_runs(const struct bus_unit *unit)
{
	return strcmp(unit->active, "active") == 0 || strcmp(unit->active, "reloading") == 0;
}

int
bus_each(struct bus *bus, const char *const *patterns, void (*one)(void *arg, const char *unit), void *arg,
	 struct why *why)
{
	sd_bus_error error = SD_BUS_ERROR_NULL;
	sd_bus_message *question = NULL, *m = NULL;
	const char *unit;
	int rc = sd_bus_message_new_method_call(bus->sd, &question, MANAGER, OBJECT, MANAGER ".Manager",
						"ListUnitsByPatterns");

	if (rc >= 0)
		rc = sd_bus_message_append(question, "as", 0);
	if (rc >= 0)
		rc = sd_bus_message_append_strv(question, (char **)patterns);
	if (rc >= 0)
		rc = sd_bus_call(bus->sd, question, 0, &error, &m);
	if (rc >= 0)
		rc = sd_bus_message_enter_container(m, 'a', "(ssssssouso)");
	while (rc >= 0 && (rc = sd_bus_message_enter_container(m, 'r', "ssssssouso")) > 0) {
		rc = sd_bus_message_read(m, "s", &unit);
		if (rc > 0)
			one(arg, unit);
		if (rc > 0)
			rc = sd_bus_message_skip(m, "sssssouso");
		if (rc >= 0)
			rc = sd_bus_message_exit_container(m);
	}
	rc = bus_done(rc, &error, "listing units", why);
	sd_bus_message_unref(question);
	sd_bus_message_unref(m);
	return rc;
}

void
bus_forget_failure(struct bus *bus, const char *unit)
{
	CALL(bus, "ResetFailedUnit", NULL, NULL, "s", unit);
}

void
bus_empty_store(struct bus *bus, const char *unit)
{
	bus_forget_failure(bus, unit); /* one that failed is not cleaned */
	CALL(bus, "CleanUnit", NULL, NULL, "sas", unit, 1, "fdstore");
}

/* "[::]:3001" and "0.0.0.0:3001" are not for connecting to. */
static void
reachable(char *out, const char *address)
{
	const char *port = strrchr(address, ':');

	if (strncmp(address, "[::]:", 5) == 0)
		snprintf(out, 64, "[::1]%s", port);
	else if (strncmp(address, "0.0.0.0:", 8) == 0)
		snprintf(out, 64, "127.0.0.1%s", port);
	else
		snprintf(out, 64, "%s", address);
}

static int
read_listens(sd_bus_message *m, char *out)
{
	const char *type, *address;
	int rc = sd_bus_message_enter_container(m, 'a', "(ss)");

	while (rc >= 0 && (rc = sd_bus_message_read(m, "(ss)", &type, &address)) > 0) {
		if (strcmp(type, "Stream") == 0 && strchr(address, ':') && address[0] != '/' && address[0] != '@') {
			reachable(out, address);
			return WSD_OK;
		}
	}
	return rc < 0 ? rc : WSD_E_UNKNOWN;
}

int
bus_listens(struct bus *bus, const char *unit, char *out, struct why *why)
{
	sd_bus_error error = SD_BUS_ERROR_NULL;
	sd_bus_message *m = NULL;
	char *path = NULL;
	int rc = sd_bus_path_encode("/org/freedesktop/systemd1/unit", unit, &path);

	if (rc >= 0)
		rc = sd_bus_get_property(bus->sd, MANAGER, path, SOCKET, "Listen", &error, &m, "a(ss)");
	rc = rc < 0 ? bus_done(rc, &error, unit, why) : read_listens(m, out);
	if (rc == WSD_E_UNKNOWN)
		why_set(why, rc, "%s listens on no TCP address", unit);
	sd_bus_message_unref(m);
	free(path);
	return rc;
}

int
bus_enable(struct bus *bus, const char *on, const char *off, struct why *why)
{
	sd_bus_error error = SD_BUS_ERROR_NULL;
	int rc = 0;

	if (on)
		rc = CALL(bus, "EnableUnitFiles", &error, NULL, "asbb", 1, on, false, false);
	if (rc >= 0 && off)
		rc = CALL(bus, "DisableUnitFiles", &error, NULL, "asb", 1, off, false);
	rc = bus_done(rc, &error, "enabling and disabling units", why);
	return rc == WSD_OK ? bus_reload(bus, why) : rc;
}

int
bus_reload(struct bus *bus, struct why *why)
{
	sd_bus_error error = SD_BUS_ERROR_NULL;
	int rc = CALL(bus, "Reload", &error, NULL, "");

	return bus_done(rc, &error, "reading the unit files again", why);
}
