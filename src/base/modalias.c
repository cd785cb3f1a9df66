/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The bounds of modaliases and device paths.
 *
 * A modalias is made of what a device says of itself, and a plugged-in one may say anything.
 * Journals and spools are lines of text, and patterns are matched in time that grows with the name:
 * hence printable and at most 2 KiB. Real modaliases reach 1,193 bytes and have blanks, '#', '@',
 * parentheses and brackets: firmware versions ("bvr-[TBE132I-2.50]-") stand in them as they are.
 *
 * In a modalias a bracket is an ordinary byte, as the patterns of the index are the globs and it is
 * the subject. libkmod reads brackets in it all the same while it spells it: it refuses a ']'
 * without its '[' and a '[' without its ']', and up to version 34 it overflows its stack on the
 * latter in a name of 4 KiB. Neither can match, so neither gets there.
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

/* As libkmod pairs them: whatever stands between a '[' and the next ']' is no bracket. */
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
	/* it is looked up below /sys later on: no way up */
	return !memmem(devpath, len, "/../", 4) && memcmp(devpath + len - 3, "/..", 3) != 0;
}
