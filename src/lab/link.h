/* SPDX-License-Identifier: MIT */
#ifndef LAB_LINK_H
#define LAB_LINK_H

#include "side.h"

/* Steps on the network of a side; `number` is not used. */
int link_enter(struct side *s, size_t number, struct error *err);
int link_create(struct side *s, size_t number, struct error *err);
int link_up(struct side *s, size_t number, struct error *err);
int link_address(struct side *s, size_t number, struct error *err);

int link_silence(struct side *s, size_t number, struct error *err);
int link_down(struct side *s, size_t number, struct error *err);
int link_lose_address(struct side *s, size_t number, struct error *err);
int link_forget_neighbour(struct side *s, size_t number, struct error *err);

/* Frames to the other side go to nobody, or reach it again. */
int link_lose(struct side *s, bool is_losing, struct error *err);

/* The host part of an address: 10.123.0.N and fd12::N. */
unsigned link_host(enum side_name name);

#define LINK_IPV4_PREFIX "10.123.0."
#define LINK_IPV6_PREFIX "fd12::"

#endif
