/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef MODFETCH_MODALIAS_H
#define MODFETCH_MODALIAS_H
/*
 * Promise P2: the bounds of what a device may call itself and of where it may be. Everything a
 * stage hands to libkmod, libsolv or a matcher of its own has passed here. Pure.
 */
#include <stdbool.h>
#include <stddef.h>

#define MF_MODALIAS_MAX 2048 /* bytes */
#define MF_DEVPATH_MAX	1024

/*
 * Why a name is out of bounds, as a clause ("it is empty"); NULL: it is not. Within bounds are
 * 1..MF_MODALIAS_MAX printable ASCII bytes, blanks included, where each '[' has a ']' after it and
 * each ']' a '[' before it, as libkmod pairs them.
 */
const char *mf_modalias_fault(const char *modalias, size_t len);
bool mf_modalias_valid(const char *modalias, size_t len);

/* A device's path below /sys as uevents give it: /devices/…, printable, no ".." component. */
bool mf_devpath_valid(const char *devpath, size_t len);

#endif
