/* SPDX-License-Identifier: MIT */
/* The kinds of value: how each is read, shown, explained and released. Pure; any thread. */
#include "conf/conf_priv.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "base/addr.h"
#include "base/ascii.h"
#include "base/decimal.h"
#include "base/err.h"
#include "conf/conf.h"

void
conf_accepts(const struct conf_var *var, FILE *to)
{
	const char *at = var->kind->accepts;

	for (const struct conf_choice *c = var->choices; !at && c->name; c++)
		fprintf(to, "%s%s", c == var->choices ? "" : c[1].name ? ", " : " or ", c->name);
	while (at && *at) {
		if (strncmp(at, "{min}", 5) == 0)
			fprintf(to, "%u", (unsigned)var->min);
		else if (strncmp(at, "{max}", 5) == 0)
			fprintf(to, "%u", (unsigned)var->max);
		else if (strncmp(at, "{unit}", 6) == 0)
			fprintf(to, "%s%s", var->unit ? " of " : "", var->unit ? var->unit : "");
		else
			fputc(*at, to);
		at += *at == '{' ? strcspn(at, "}") + 1 : 1;
	}
}

int
conf_number_parse(const char *text, size_t len, uint32_t min, uint32_t max, uint32_t *out)
{
	uint64_t value = 0;
	int rc = decimal_parse((struct slice){ text, len }, max, &value);

	if (rc != WSD_OK)
		return rc;
	if (value < min)
		return WSD_E_RANGE;
	*out = (uint32_t)value;
	return WSD_OK;
}

#define NUMBER "a number{unit} from {min} to {max}"

static int
number_parse(const struct conf_var *var, void *at, const char *text)
{
	return conf_number_parse(text, strlen(text), var->min, var->max, at);
}

static void
number_print(const struct conf_var *var, const void *at, FILE *to)
{
	fprintf(to, "%u", (unsigned)*(const uint32_t *)at);
}

const struct conf_kind conf_kind_number = { number_parse, number_print, NUMBER, NULL };

static int
port_parse(const struct conf_var *var, void *at, const char *text)
{
	uint32_t value = 0;
	int rc = conf_number_parse(text, strlen(text), var->min, var->max, &value);

	if (rc == WSD_OK)
		*(uint16_t *)at = (uint16_t)value;
	return rc;
}

static void
port_print(const struct conf_var *var, const void *at, FILE *to)
{
	fprintf(to, "%u", (unsigned)*(const uint16_t *)at);
}

const struct conf_kind conf_kind_port = { port_parse, port_print, NUMBER, NULL };

static int
choice_parse(const struct conf_var *var, void *at, const char *text)
{
	for (const struct conf_choice *c = var->choices; c->name; c++) {
		if (strcmp(c->name, text) == 0) {
			*(int *)at = c->value;
			return WSD_OK;
		}
	}
	return WSD_E_MALFORMED;
}

static void
choice_print(const struct conf_var *var, const void *at, FILE *to)
{
	for (const struct conf_choice *c = var->choices; c->name; c++)
		if (c->value == *(const int *)at)
			fputs(c->name, to);
}

const struct conf_kind conf_kind_choice = { choice_parse, choice_print, NULL, NULL };

/* Off is written "0" and in no other way: a burst beside it would suggest that something is still limited. */
static int
rate_parse(const struct conf_var *var, void *at, const char *text)
{
	struct conf_rate *rate = at;
	const char *slash = strchr(text, '/');
	uint32_t per_second = 0, burst;
	int rc;

	if (strcmp(text, "0") == 0) {
		*rate = (struct conf_rate){ 0, 0 };
		return WSD_OK;
	}
	rc = conf_number_parse(text, slash ? (size_t)(slash - text) : strlen(text), var->min, var->max, &per_second);
	burst = per_second;
	if (rc == WSD_OK && slash)
		rc = conf_number_parse(slash + 1, strlen(slash + 1), var->min, var->max, &burst);
	if (rc == WSD_OK)
		*rate = (struct conf_rate){ per_second, burst };
	return rc;
}

static void
rate_print(const struct conf_var *var, const void *at, FILE *to)
{
	const struct conf_rate *rate = at;

	if (rate->rate == 0)
		fputs("0", to);
	else
		fprintf(to, "%u/%u", (unsigned)rate->rate, (unsigned)rate->burst);
}

const struct conf_kind conf_kind_rate = { rate_parse, rate_print,
					  "RATE or RATE/BURST, each a number from {min} to {max}, or 0", NULL };

static int
text_copy(void *at, const char *text)
{
	char *copy = strdup(text);

	if (!copy)
		return -ENOMEM;
	*(char **)at = copy;
	return WSD_OK;
}

static void
text_print(const struct conf_var *var, const void *at, FILE *to)
{
	const char *text = *(char *const *)at;

	fputs(text ? text : "", to);
}

static void
text_release(void *at)
{
	free(*(char **)at);
	*(char **)at = NULL;
}

/* No names but localhost: a server that has to ask the resolver before it can listen does not start without a
 * network. */
static int
host_parse(const struct conf_var *var, void *at, const char *text)
{
	struct in6_addr any;

	if (strcmp(text, "localhost") != 0 && inet_pton(AF_INET, text, &any) != 1 &&
	    inet_pton(AF_INET6, text, &any) != 1)
		return WSD_E_MALFORMED;
	return text_copy(at, text);
}

const struct conf_kind conf_kind_host = { host_parse, text_print, "a numeric IPv4 or IPv6 address or localhost",
					  text_release };

static int
name_parse(const struct conf_var *var, void *at, const char *text)
{
	size_t len = strlen(text);

	if (strspn(text, ASCII_LOWER ASCII_DIGITS "-") != len)
		return WSD_E_MALFORMED;
	if (len < var->min || len > var->max)
		return WSD_E_RANGE;
	return text_copy(at, text);
}

const struct conf_kind conf_kind_name = { name_parse, text_print,
					  "a name of {min} to {max} characters of a-z, 0-9 and -", text_release };

int
conf_visible_check(const struct conf_var *var, const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (text[i] < '!' || text[i] > '~')
			return WSD_E_MALFORMED;
	return len < var->min || len > var->max ? WSD_E_RANGE : WSD_OK;
}

static int
word_parse(const struct conf_var *var, void *at, const char *text)
{
	int rc = conf_visible_check(var, text, strlen(text));

	return rc == WSD_OK ? text_copy(at, text) : rc;
}

const struct conf_kind conf_kind_word = { word_parse, text_print, "{min} to {max} visible ASCII characters",
					  text_release };

static int
path_parse(const struct conf_var *var, void *at, const char *text)
{
	return text[0] == '/' ? word_parse(var, at, text) : WSD_E_MALFORMED;
}

const struct conf_kind conf_kind_path = { path_parse, text_print,
					  "an absolute path of at most {max} visible ASCII characters", text_release };

static int
words_parse(const struct conf_var *var, void *at, const char *text)
{
	size_t len = strlen(text);

	for (size_t i = 0; i < len; i++)
		if (text[i] < ' ' || text[i] > '~')
			return WSD_E_MALFORMED;
	if (len > var->max)
		return WSD_E_RANGE;
	return text_copy(at, text);
}

const struct conf_kind conf_kind_words = { words_parse, text_print, "at most {max} printable ASCII characters",
					   text_release };

static void
secret_print(const struct conf_var *var, const void *at, FILE *to)
{
	fputs(*(char *const *)at ? "(set)" : "", to);
}

static void
secret_release(void *at)
{
	char *text = *(char **)at;

	if (text)
		explicit_bzero(text, strlen(text));
	text_release(at);
}

const struct conf_kind conf_kind_secret = { word_parse, secret_print,
					    "a secret of {min} to {max} visible ASCII characters", secret_release };

/* It becomes a link that everybody sees: no scheme that could run code, no user:password@, and no character that RFC
 * 3986 has escaped. */
static int
url_parse(const struct conf_var *var, void *at, const char *text)
{
	size_t scheme = strncmp(text, "https://", 8) == 0 ? 8 : strncmp(text, "http://", 7) == 0 ? 7 : 0;
	size_t host = scheme + strcspn(text + scheme, "/?#@");

	if (scheme == 0 || host == scheme || text[host] == '@' || text[scheme] == ':')
		return WSD_E_MALFORMED;
	for (const char *c = text; *c; c++)
		if (!ascii_is_unreserved(*c) && !strchr(":/?#[]@!$&'()*+,;=%", *c))
			return WSD_E_MALFORMED;
	if (strlen(text) > var->max)
		return WSD_E_RANGE;
	return text_copy(at, text);
}

const struct conf_kind conf_kind_url = {
	url_parse, text_print,
	"http://HOST or https://HOST with what may follow it, at most {max} characters and no user name", text_release
};

/* Something is appended to it, which could not be behind a query or a fragment. */
static int
base_parse(const struct conf_var *var, void *at, const char *text)
{
	if (text[strcspn(text, "?#")] != '\0' || text[strlen(text) - 1] != '/')
		return WSD_E_MALFORMED;
	return url_parse(var, at, text);
}

const struct conf_kind conf_kind_base = { base_parse, text_print,
					  "an address that starts with http:// or https:// and ends with a slash",
					  text_release };

/* An empty value counts as not set, so that an empty list needs a word of its own. */
static int
nets_parse(const struct conf_var *var, void *at, const char *text)
{
	return addr_nets_parse(at, strcmp(text, "none") == 0 ? "" : text);
}

static void
nets_print(const struct conf_var *var, const void *at, FILE *to)
{
	const struct addr_nets *nets = at;
	char text[ADDR_TEXT_MAX];

	if (nets->n == 0)
		fputs("none", to);
	for (unsigned i = 0; i < nets->n; i++)
		fprintf(to, "%s%s/%u", i ? "," : "", addr_text(text, &nets->nets[i].base), nets->nets[i].bits);
}

static void
nets_release(void *at)
{
	addr_nets_deinit(at);
}

const struct conf_kind conf_kind_nets = {
	nets_parse, nets_print,
	"a comma-separated list of networks such as 10.0.0.0/8,2001:db8::/32 without host bits, or none", nets_release
};

const struct conf_kind conf_kind_origins = {
	conf_origins_parse, text_print,
	"* or a comma-separated list of https://HOST[:PORT], https://*.DOMAIN[:PORT], *.DOMAIN and null", text_release
};

const struct conf_kind conf_kind_hosts = {
	conf_hosts_parse, text_print,
	"* or a comma-separated list of names such as localhost,ws.example.org, without ports", text_release
};

const struct conf_kind conf_kind_subprotocols = {
	conf_subprotocols_parse, text_print,
	"* or a comma-separated list of names such as chat.v1, of at most {max} characters, not bearer.TOKEN",
	text_release
};
