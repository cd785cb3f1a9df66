/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The bounds of modaliases and device paths.
 *
 * A modalias is built from data of the device, and a hostile device may send any data. Journals and
 * spools are lines of text, and the time to match a pattern grows with the name: hence only
 * printable bytes, and at most 2 KiB. Real modaliases reach 1,193 bytes and have blanks, '#', '@',
 * parentheses and brackets: they contain unmodified firmware versions ("bvr-[TBE132I-2.50]-").
 *
 * In a modalias a bracket is an ordinary byte: the globs are the patterns of the index, and the
 * modalias is the subject. libkmod interprets brackets in it nevertheless when it normalizes it: it
 * refuses a ']' without its '[' and a '[' without its ']', and up to version 34 it overflows its
 * stack on the latter in a name of 4 KiB. Neither can match, so neither is passed to libkmod.
 */
#include "modfetch/module-name.h"
#include <string.h>

static bool printable(const char *s, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (s[i] < 0x20 || s[i] > 0x7e)
			return false;
	return true;
}

/* Pairs brackets as libkmod does: a byte between a '[' and the next ']' is no bracket. */
static const char *bracket_fault(const char *s, size_t len)
{
	bool open = false;

	for (size_t i = 0; i < len; i++) {
		if (s[i] == ']' && !open)
			return "it has a ']' without its '['";
		if (s[i] == '[' || s[i] == ']')
			open = s[i] == '[';
	}
	return open ? "it has a '[' without its ']'" : NULL;
}

const char *mf_modalias_fault(const char *modalias, size_t len)
{
	if (!len)
		return "it is empty";
	if (len > MF_MODALIAS_MAX)
		return "it is longer than 2048 bytes";
	if (!printable(modalias, len))
		return "it has a byte that is not printable ASCII";
	return bracket_fault(modalias, len);
}

bool mf_modalias_valid(const char *modalias, size_t len)
{
	return !mf_modalias_fault(modalias, len);
}

bool mf_devpath_valid(const char *devpath, size_t len)
{
	static const char prefix[] = "/devices/";

	if (len < sizeof(prefix) || len > MF_DEVPATH_MAX || !printable(devpath, len) ||
	    memcmp(devpath, prefix, sizeof(prefix) - 1))
		return false;
	/* it is opened below /sys later: it must not lead out of it */
	return !memmem(devpath, len, "/../", 4) && memcmp(devpath + len - 3, "/..", 3) != 0;
}
