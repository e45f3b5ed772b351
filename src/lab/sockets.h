/* SPDX-License-Identifier: MIT */
#ifndef LAB_SOCKETS_H
#define LAB_SOCKETS_H

#include "side.h"

/* Steps on the sockets of a side. Those on connections do it to each of them. */
int sockets_use_small_buffers(struct side *s, size_t number, struct error *err);
int sockets_listen(struct side *s, size_t number, struct error *err);
int sockets_listen_short(struct side *s, size_t number, struct error *err);
int sockets_connect(struct side *s, size_t number, struct error *err);
int sockets_start_connect(struct side *s, size_t number, struct error *err);
int sockets_knock(struct side *s, size_t number, struct error *err);
int sockets_accept(struct side *s, size_t number, struct error *err);

int sockets_keepalive(struct side *s, size_t number, struct error *err);
int sockets_send(struct side *s, size_t number, struct error *err);
int sockets_fill(struct side *s, size_t number, struct error *err);
int sockets_receive(struct side *s, size_t number, struct error *err);
int sockets_receive_end(struct side *s, size_t number, struct error *err);
/* From here on, for as long as the state is held. */
int sockets_lose(struct side *s, size_t number, struct error *err);
int sockets_drain(struct side *s, size_t number, struct error *err);
int sockets_shutdown(struct side *s, size_t number, struct error *err);
int sockets_close(struct side *s, size_t number, struct error *err);

#endif
