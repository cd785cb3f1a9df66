/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef UPDATE_DEVICES_H
#define UPDATE_DEVICES_H
/* Devices that a newer version of a driver would lose. */
#include "search.h"

/*
 * Has package ID of a repository no alias for a device that a module of the package INSTALLED serves: a device of
 * this machine, or one that was seen lately? 1, and RET_WHY (the caller's) is a clause; 0; or a recorded failure.
 */
int update_loses_device(struct search *s, int installed, int id, char **ret_why);

#endif
