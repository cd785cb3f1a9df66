/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The bounds of modaliases and device paths.
 *
 * A modalias is made of what a device says of itself, and a plugged-in one may say anything.
 * libkmod up to 34 overflows its stack on an unclosed '[' of more than 4 KiB, journals and spools
 * are lines of text, and patterns are matched in time that grows with the name: hence short,
 * printable, and no bracket. Real modaliases stay below 500 bytes.
 */
#include "modfetch/modalias.h"
#include <string.h>

static bool printable(const char *s, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (s[i] < 0x20 || s[i] > 0x7e)
			return false;
	return true;
}

bool mf_modalias_valid(const char *modalias, size_t len)
{
	return len && len <= MF_MODALIAS_MAX && printable(modalias, len) &&
	       !memchr(modalias, '[', len) && !memchr(modalias, ']', len);
}

bool mf_devpath_valid(const char *devpath, size_t len)
{
	static const char prefix[] = "/devices/";

	if (len < sizeof(prefix) || len > MF_DEVPATH_MAX || !printable(devpath, len) ||
	    memcmp(devpath, prefix, sizeof(prefix) - 1))
		return false;
	/* it is looked up below /sys later on: no way up */
	return !memmem(devpath, len, "/../", 4) && memcmp(devpath + len - 3, "/..", 3) != 0;
}
