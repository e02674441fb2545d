/* SPDX-License-Identifier: MIT */
/* What a unit is made of, and keeping one. */
#include "ctl/bus_priv.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "ctl/why.h"

static char *
object_of(const char *unit)
{
	char *path = NULL;

	sd_bus_path_encode("/org/freedesktop/systemd1/unit", unit, &path);
	return path;
}

/* The fragment before the drop-ins. */
static int
read_paths(struct bus *bus, const char *path, struct bus_files *out, sd_bus_error *error)
{
	char *fragment = NULL, **drop_ins = NULL, **all;
	size_t n = 0;
	int rc = sd_bus_get_property_string(bus->sd, MANAGER, path, UNIT, "FragmentPath", error, &fragment);

	if (rc >= 0)
		rc = sd_bus_get_property_strv(bus->sd, MANAGER, path, UNIT, "DropInPaths", error, &drop_ins);
	while (drop_ins && drop_ins[n])
		n++;
	all = rc >= 0 ? calloc(n + 2, sizeof(*all)) : NULL;
	if (!all) {
		free(fragment);
		for (size_t i = 0; i < n; i++)
			free(drop_ins[i]);
		free(drop_ins);
		return rc < 0 ? rc : -ENOMEM;
	}
	all[0] = fragment;
	if (n > 0)
		memcpy(all + 1, drop_ins, n * sizeof(*all));
	free(drop_ins);
	out->paths = all;
	return WSD_OK;
}

/* Of the first command; its path goes before what it calls itself. */
static int
take_command(sd_bus_message *m, char ***argv)
{
	const char *program = NULL;
	int rc = sd_bus_message_enter_container(m, 'a', "(sasbttttuii)");

	if (rc > 0)
		rc = sd_bus_message_enter_container(m, 'r', "sasbttttuii");
	if (rc > 0)
		rc = sd_bus_message_read(m, "s", &program);
	if (rc > 0)
		rc = sd_bus_message_read_strv(m, argv);
	if (rc < 0)
		return rc;
	if (program && *argv && (*argv)[0]) {
		free((*argv)[0]);
		(*argv)[0] = strdup(program);
	}
	return *argv && (*argv)[0] ? WSD_OK : WSD_E_UNKNOWN;
}

int
bus_files(struct bus *bus, const char *service, struct bus_files *out, struct why *why)
{
	sd_bus_error error = SD_BUS_ERROR_NULL;
	sd_bus_message *m = NULL;
	char *path = object_of(service);
	int stale = 0, rc = path ? WSD_OK : -ENOMEM;

	*out = (struct bus_files){ .paths = NULL };
	if (rc == WSD_OK)
		rc = read_paths(bus, path, out, &error);
	if (rc >= 0)
		rc = sd_bus_get_property_trivial(bus->sd, MANAGER, path, UNIT, "NeedDaemonReload", &error, 'b', &stale);
	if (rc >= 0)
		rc = sd_bus_get_property(bus->sd, MANAGER, path, SERVICE, "ExecStart", &error, &m, "a(sasbttttuii)");
	if (rc >= 0)
		rc = take_command(m, &out->argv);
	out->stale = stale;
	if (rc == WSD_E_UNKNOWN)
		why_set(why, rc, "%s has no ExecStart=", service);
	else if (rc < 0)
		rc = bus_done(rc, &error, service, why);
	if (rc != WSD_OK)
		bus_files_deinit(out);
	sd_bus_message_unref(m);
	free(path);
	return rc;
}

static void
free_list(char **list)
{
	for (char **at = list; at && *at; at++)
		free(*at);
	free(list);
}

void
bus_files_deinit(struct bus_files *files)
{
	free_list(files->paths);
	free_list(files->argv);
	*files = (struct bus_files){ .paths = NULL };
}

int
bus_hold(struct bus *bus, const char *unit, struct why *why)
{
	sd_bus_error error = SD_BUS_ERROR_NULL;
	char *path = object_of(unit);
	int rc = path ? sd_bus_call_method(bus->sd, MANAGER, path, UNIT, "Ref", &error, NULL, "") : -ENOMEM;

	rc = bus_done(rc, &error, unit, why);
	free(path);
	return rc;
}

void
bus_let_go(struct bus *bus, const char *unit)
{
	char *path = object_of(unit);

	if (path)
		sd_bus_call_method(bus->sd, MANAGER, path, UNIT, "Unref", NULL, NULL, "");
	free(path);
}
