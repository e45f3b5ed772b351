/* SPDX-License-Identifier: MIT */
#ifndef CONN_DOCTOR_CONFIG_FILES_H
#define CONN_DOCTOR_CONFIG_FILES_H

#include "conn-doctor/config.h"

/* All files of the places, in the order in which they are to be read. */
void config_read_places(struct config *c, const struct config_places *places);

/* One file that the user named: it must be there. */
void config_read_named(struct config *c, const char *path);

#endif
