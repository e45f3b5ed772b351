/* SPDX-License-Identifier: MIT */
#ifndef CONN_DOCTOR_FILTER_ENDPOINT_H
#define CONN_DOCTOR_FILTER_ENDPOINT_H

#include "conn-doctor/filter.h"

/* [FAMILY:]ADDR[/LEN][:PORT] in parts; the fields mean what filter_node's mean. */
struct endpoint {
	bool is_foreign; /* of a family that is no TCP: unix:, link:, a path */
	struct ip_address address;
	uint8_t ip_version;
	uint8_t prefix_len;
	int32_t port;
};

/* On failure the error's text is the reason, without a place. */
int endpoint_parse(const char *word, struct endpoint *out, struct error *err);

/* [FAMILY:][:]PORT, as after sport and dport: no address in it. */
int endpoint_parse_port(const char *word, struct endpoint *out, struct error *err);

/* Could be meant as an endpoint: holds a sign that no keyword has. */
bool endpoint_is_likely(const char *word);

void endpoint_print_node(const struct filter_node *node, struct strbuf *out);

#endif
