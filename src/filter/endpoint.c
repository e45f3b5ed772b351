/* SPDX-License-Identifier: MIT */
#include "endpoint.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "conn-doctor/format.h"
#include "suggest.h"

enum { ADDRESS_TEXT_MAX = 63, VERSION_FOREIGN = 0xff };

static const struct {
	const char *prefix;
	uint8_t version;
} families[] = {
	{ "inet:", 4 },
	{ "inet6:", 6 },
	{ "unix:", VERSION_FOREIGN },
	{ "link:", VERSION_FOREIGN },
	{ "netlink:", VERSION_FOREIGN },
	{ "vsock:", VERSION_FOREIGN },
};

/* Asking the system (getservbyname) would be I/O, and may ask the network. */
static const struct {
	const char *name;
	uint16_t port;
} services[] = {
	{ "ftp-data", 20 },      { "ftp", 21 },          { "ssh", 22 },
	{ "telnet", 23 },        { "smtp", 25 },         { "domain", 53 },
	{ "dns", 53 },           { "http", 80 },         { "kerberos", 88 },
	{ "pop3", 110 },         { "sunrpc", 111 },      { "nntp", 119 },
	{ "imap", 143 },         { "imap2", 143 },       { "bgp", 179 },
	{ "ldap", 389 },         { "https", 443 },       { "microsoft-ds", 445 },
	{ "submissions", 465 },  { "submission", 587 },  { "ldaps", 636 },
	{ "domain-s", 853 },     { "rsync", 873 },       { "imaps", 993 },
	{ "pop3s", 995 },        { "ms-sql-s", 1433 },   { "mqtt", 1883 },
	{ "nfs", 2049 },         { "mysql", 3306 },      { "ms-wbt-server", 3389 },
	{ "sip", 5060 },         { "postgresql", 5432 }, { "amqps", 5671 },
	{ "amqp", 5672 },        { "redis", 6379 },      { "http-alt", 8080 },
	{ "secure-mqtt", 8883 }, { "memcached", 11211 }, { "mongodb", 27017 },
};

static const char *const wildcards[] = { "", "*", "any", "all", "default" };

static bool is_wildcard(const char *text)
{
	for (size_t i = 0; i < sizeof(wildcards) / sizeof(*wildcards); i++)
		if (strcmp(wildcards[i], text) == 0)
			return true;
	return false;
}

static bool consists_of(const char *text, const char *set)
{
	return *text && text[strspn(text, set)] == '\0';
}

static int service_error(const char *name, struct error *err)
{
	struct suggestion s = suggestion_of(name);
	char hint[SUGGESTION_SIZE];
	for (size_t i = 0; i < sizeof(services) / sizeof(*services); i++)
		suggestion_offer(&s, services[i].name);
	return error_set(err, ERROR_USAGE,
			 "'%.40s' is not a service known here, use the port number%s",
			 name, suggestion_text(&s, hint));
}

static int port_parse(const char *text, int32_t *port, struct error *err)
{
	*port = -1;
	if (!*text || strcmp(text, "*") == 0)
		return 0;
	for (size_t i = 0; i < sizeof(services) / sizeof(*services); i++) {
		if (strcasecmp(services[i].name, text) == 0) {
			*port = services[i].port;
			return 0;
		}
	}
	uint64_t number;
	if (!isdigit((unsigned char)*text))
		return service_error(text, err);
	if (count_parse(text, 0, UINT16_MAX, &number, err))
		return error_set(err, ERROR_USAGE,
				 "'%.40s' is not a port; ports are 0 to 65535", text);
	*port = (int32_t)number;
	return 0;
}

/* Takes the family off the word; a path can only be a Unix socket. */
static const char *take_family(const char *word, struct endpoint *out)
{
	*out = (struct endpoint){ .port = -1 };
	out->is_foreign = *word == '/' || *word == '@';
	for (size_t i = 0; i < sizeof(families) / sizeof(*families); i++) {
		size_t len = strlen(families[i].prefix);
		if (strncasecmp(word, families[i].prefix, len))
			continue;
		out->is_foreign = families[i].version == VERSION_FOREIGN;
		out->ip_version = families[i].version;
		return word + len;
	}
	return word;
}

static int address_error(const char *text, struct error *err)
{
	static const char host_letters[] = "abcdefghijklmnopqrstuvwxyz"
					   "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
					   "0123456789.-_";
	const char *reason = "is not an IPv4 or IPv6 address";
	if (consists_of(text, "0123456789."))
		reason = "is not an IPv4 address; a prefix is written 10.1/16";
	else if (consists_of(text, host_letters))
		reason = "is not an address: host names are not looked up; "
			 "use an address";
	else if (strchr(text, '%'))
		reason = "is not an address: the interface is a term of its own, "
			 "'dev NAME'";
	return error_set(err, ERROR_USAGE, "'%.60s' %s", text, reason);
}

/*
 * Cuts "ADDR[/LEN][:PORT]" in place. With two colons and no brackets all of it
 * is an IPv6 address: there is no telling where a port would begin.
 */
static int split(char *text, char **prefix, char **port, struct error *err)
{
	char *rest = text;
	*prefix = *port = NULL;
	if (*text == '[') {
		rest = strchr(text, ']');
		if (!rest)
			return error_set(err, ERROR_USAGE, "']' is missing");
		*rest++ = '\0';
		if (*rest && *rest != '/' && *rest != ':')
			return error_set(err, ERROR_USAGE,
					 "only '/LEN' or ':PORT' may follow ']'");
	}
	char *colon = strchr(rest, ':');
	if (colon && (*text == '[' || !strchr(colon + 1, ':'))) {
		*colon = '\0';
		*port = colon + 1;
	}
	char *slash = strchr(rest, '/');
	if (slash) {
		*slash = '\0';
		*prefix = slash + 1;
	}
	return 0;
}

static bool is_mapped(const struct ip_address *ip)
{
	static const uint8_t prefix[12] = { [10] = 0xff, [11] = 0xff };
	return memcmp(ip->bytes, prefix, sizeof(prefix)) == 0;
}

/* Bits beyond the prefix count for nothing; zero, so that equal is equal. */
static void clear_host_bits(struct endpoint *e)
{
	unsigned keep = e->prefix_len + (e->ip_version == 4 ? 96U : 0U);
	for (unsigned i = 0; i < 16; i++) {
		unsigned bits = keep > 8 * i ? keep - 8 * i : 0;
		if (bits < 8)
			e->address.bytes[i] &= (uint8_t)(0xff00U >> bits);
	}
}

/* `193.233.7` before a /LEN: the missing numbers are 0, as in ss. */
static void complete_address(char *text, size_t size)
{
	int dots = 0;
	for (const char *p = text; *p; p++)
		dots += *p == '.';
	size_t len = strlen(text);
	for (; consists_of(text, "0123456789.") && dots < 3 && len + 3 < size; dots++)
		len += (size_t)snprintf(text + len, size - len, ".0");
}

static int prefix_parse(const char *prefix, struct endpoint *out, struct error *err)
{
	uint64_t len = out->ip_version == 4 ? 32 : 128;
	if (prefix && count_parse(prefix, 0, len, &len, err))
		return error_set(err, ERROR_USAGE,
				 "'/%.20s' is not a prefix length; it is 0 to %s",
				 prefix, out->ip_version == 4 ? "32" : "128");
	out->prefix_len = (uint8_t)len;
	/* ::ffff:10.0.0.1 is an IPv4 connection of an IPv6 socket. */
	if (out->ip_version == 6 && is_mapped(&out->address) && len >= 96) {
		out->ip_version = 4;
		out->prefix_len = (uint8_t)(len - 96);
	}
	clear_host_bits(out);
	return 0;
}

static int address_parse(const char *text, const char *prefix, struct endpoint *out,
			 struct error *err)
{
	uint8_t family = out->ip_version;
	if (is_wildcard(text)) {
		if (prefix)
			return error_set(err, ERROR_USAGE,
					 "'/' needs an address before");
		if (family == 4)
			ip_address_from_v4(&out->address, 0);
		return 0;
	}
	char whole[ADDRESS_TEXT_MAX + 16];
	snprintf(whole, sizeof(whole), "%s", text);
	if (prefix)
		complete_address(whole, sizeof(whole));
	if (!ip_address_parse(whole, &out->address, &out->ip_version))
		return address_error(text, err);
	if (family && family != out->ip_version)
		return error_set(err, ERROR_USAGE, "'%.60s' is not an IPv%u address",
				 text, family);
	return prefix_parse(prefix, out, err);
}

int endpoint_parse(const char *word, struct endpoint *out, struct error *err)
{
	char text[ADDRESS_TEXT_MAX + 1];
	char *prefix, *port;
	word = take_family(word, out);
	if (out->is_foreign)
		return 0;
	size_t len = strlen(word);
	if (len > ADDRESS_TEXT_MAX)
		return error_set(err, ERROR_USAGE,
				 "'%.40s...' is too long for an address", word);
	memcpy(text, word, len + 1);
	if (split(text, &prefix, &port, err))
		return -1;
	bool is_bracketed = *text == '[';
	if (is_bracketed && !strchr(text, ':'))
		return error_set(err, ERROR_USAGE, "only IPv6 addresses stand in [ ]");
	if (address_parse(text + is_bracketed, prefix, out, err))
		return -1;
	return port ? port_parse(port, &out->port, err) : 0;
}

int endpoint_parse_port(const char *word, struct endpoint *out, struct error *err)
{
	word = take_family(word, out);
	if (out->is_foreign)
		return 0;
	if (out->ip_version == 4)
		ip_address_from_v4(&out->address, 0);
	word += *word == ':';
	if (strpbrk(word, ":./["))
		return error_set(err, ERROR_USAGE,
				 "a port is wanted, not an address; that is 'src' and "
				 "'dst'");
	return port_parse(word, &out->port, err);
}

bool endpoint_is_likely(const char *word)
{
	return strpbrk(word, ":./*[") != NULL;
}

static void print_address(const struct filter_node *node, struct strbuf *out)
{
	char text[IP_TEXT_SIZE];
	bool is_v4 = node->ip_version == 4;
	if (node->ip_version)
		strbuf_add(out, node->prefix_len ? "" : is_v4 ? "inet:" : "inet6:");
	if (!node->prefix_len) {
		strbuf_add_char(out, '*');
		return;
	}
	ip_address_print(&node->address, node->ip_version, text);
	strbuf_addf(out, is_v4 ? "%s" : "[%s]", text);
	if (node->prefix_len != (is_v4 ? 32 : 128))
		strbuf_addf(out, "/%u", node->prefix_len);
}

void endpoint_print_node(const struct filter_node *node, struct strbuf *out)
{
	print_address(node, out);
	if (node->port >= 0)
		strbuf_addf(out, ":%" PRId32, node->port);
}
