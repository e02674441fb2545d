/* SPDX-License-Identifier: MIT */
/*
 * Secrets that do not stand in the environment: in a file that a variable names, or in a credential of systemd
 * (LoadCredential=, systemd.exec(5)), which is a file in $CREDENTIALS_DIRECTORY. Main thread.
 */
#include "conf/conf_priv.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "kept/file.h"

#define SECRET_FILE_MAX 16384

/* Where a secret may be. */
struct place {
	const char *names;      /* of all that can say it */
	const char *var;        /* the variable that names its file */
	const char *credential; /* the name of its credential */
	const char *file;       /* what the variable says; NULL: not set */
	char path[1200];        /* of the file or credential; "": there is none */
};

static void
say(const struct place *place, const char *what, char *why, size_t why_size)
{
	if (place->file)
		snprintf(why, why_size, "%s=\"%s\": %s", place->var, place->file, what);
	else
		snprintf(why, why_size, "the credential %s: %s", place->credential, what);
}

/* True if there is such a credential; whether it can be read will be seen. */
static bool
find_credential(struct place *place, conf_getenv_cb get)
{
	const char *directory = get("CREDENTIALS_DIRECTORY");
	size_t size = sizeof(place->path);

	if (directory && *directory && snprintf(place->path, size, "%s/%s", directory, place->credential) < (int)size &&
	    (access(place->path, F_OK) == 0 || errno != ENOENT))
		return true;
	place->path[0] = '\0';
	return false;
}

/* Finds the one place where the secret is, if any; WSD_E_RANGE: there are several. */
static int
find_place(struct place *place, bool in_variable, conf_getenv_cb get, char *why, size_t why_size)
{
	bool credential = find_credential(place, get);

	if (in_variable + (place->file != NULL) + credential > 1) {
		snprintf(why, why_size, "%s: only one of them may be set", place->names);
		return WSD_E_RANGE;
	}
	if (place->file)
		snprintf(place->path, sizeof(place->path), "%s", place->file);
	return WSD_OK;
}

static bool
is_text(const char *data, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if ((data[i] < ' ' || data[i] > '~') && !strchr("\n\r\t", data[i]))
			return false;
	return !memchr(data, '\0', len);
}

/* Editors and echo(1) end a line; random bytes may end in anything. */
static void
drop_line_end(char *data, size_t *len)
{
	if (!is_text(data, *len))
		return;
	if (*len > 0 && data[*len - 1] == '\n')
		data[--*len] = '\0';
	if (*len > 0 && data[*len - 1] == '\r')
		data[--*len] = '\0';
}

static int
read_place(const struct place *place, char **out, size_t *len, char *why, size_t why_size)
{
	int rc = kept_read_file(place->path, SECRET_FILE_MAX, out, len);
	char what[128];

	if (rc == WSD_OK) {
		drop_line_end(*out, len);
		return rc;
	}
	snprintf(what, sizeof(what), "could not be read (%s)", wsd_strerror(rc));
	say(place, what, why, why_size);
	return rc;
}

/* A secret of visible characters, which may also stand in a variable of its own. */
static int
read_word(struct place *place, char **word, uint32_t least, uint32_t most, conf_getenv_cb get, char *why,
	  size_t why_size)
{
	struct conf_var rules = { .min = least, .max = most };
	int rc = find_place(place, *word != NULL, get, why, why_size);
	char what[128];
	size_t len;

	if (rc != WSD_OK || place->path[0] == '\0')
		return rc;
	rc = read_place(place, word, &len, why, why_size);
	if (rc != WSD_OK)
		return rc;
	rc = conf_visible_check(&rules, *word, len);
	if (rc != WSD_OK) {
		snprintf(what, sizeof(what),
			 "a secret of %" PRIu32 " to %" PRIu32 " visible ASCII characters is needed", least, most);
		say(place, what, why, why_size);
	}
	return rc;
}

static int
read_admin_token(struct conf *conf, conf_getenv_cb get, char *why, size_t why_size)
{
	struct place place = {
		.names = "ADMIN_TOKEN, ADMIN_TOKEN_FILE, the credential admin-token",
		.var = "ADMIN_TOKEN_FILE",
		.credential = "admin-token",
		.file = conf->admin_token_file,
	};

	return read_word(&place, &conf->admin_token, CONF_ADMIN_TOKEN_MIN, CONF_ADMIN_TOKEN_MAX, get, why, why_size);
}

static int
read_api_keys(struct conf *conf, conf_getenv_cb get, char *why, size_t why_size)
{
	struct place place = {
		.names = "API_KEY, API_KEY_FILE, the credential api-key",
		.var = "API_KEY_FILE",
		.credential = "api-key",
		.file = conf->api_key_file,
	};
	struct place previous = {
		.names = "API_KEY_PREVIOUS, API_KEY_PREVIOUS_FILE, the credential api-key-previous",
		.var = "API_KEY_PREVIOUS_FILE",
		.credential = "api-key-previous",
		.file = conf->api_key_previous_file,
	};
	int rc = read_word(&place, &conf->api_key, CONF_API_KEY_MIN, CONF_API_KEY_MAX, get, why, why_size);

	if (rc == WSD_OK)
		rc = read_word(&previous, &conf->api_key_previous, CONF_API_KEY_MIN, CONF_API_KEY_MAX, get, why,
			       why_size);
	return rc;
}

static int
read_jwt_key(struct conf *conf, conf_getenv_cb get, char *why, size_t why_size)
{
	struct place place = {
		.names = "JWT_KEY_FILE, the credential jwt-key",
		.var = "JWT_KEY_FILE",
		.credential = "jwt-key",
		.file = conf->jwt_key_file,
	};
	int rc;

	if (conf->auth != CONF_AUTH_JWT)
		return WSD_OK;
	if (conf->jwt_algorithm == CONF_ALGORITHM_NONE) {
		snprintf(why, why_size, "JWT_ALGORITHM: HS256, RS256 or ES256 is needed with AUTH=jwt");
		return WSD_E_MALFORMED;
	}
	rc = find_place(&place, false, get, why, why_size);
	if (rc != WSD_OK)
		return rc;
	if (place.path[0] == '\0') {
		snprintf(why, why_size,
			 "JWT_KEY_FILE: a key is needed with AUTH=jwt, here or as the credential jwt-key");
		return WSD_E_MALFORMED;
	}
	return read_place(&place, &conf->jwt_key, &conf->jwt_key_len, why, why_size);
}

int
conf_secrets_read(struct conf *conf, conf_getenv_cb get, char *why, size_t why_size)
{
	int rc = read_admin_token(conf, get, why, why_size);

	if (rc == WSD_OK)
		rc = read_api_keys(conf, get, why, why_size);
	return rc == WSD_OK ? read_jwt_key(conf, get, why, why_size) : rc;
}

void
conf_secrets_release(struct conf *conf)
{
	if (conf->jwt_key)
		explicit_bzero(conf->jwt_key, conf->jwt_key_len);
	free(conf->jwt_key);
	conf->jwt_key = NULL;
}
