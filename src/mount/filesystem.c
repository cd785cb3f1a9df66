/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Which file system is on a device?
 *
 * The kernel would try one driver after the other. Each driver is code that reads what an attacker has
 * written, so only the driver is used whose mark is found here, and only if the configuration lists it.
 * Marks, by their byte:
 *
 *	3       "EXFAT   "
 *	54, 82  "FAT12   ", "FAT16   ", "FAT32   ", with 55 AA at 510
 *	1080    53 EF (ext2, ext3 and ext4)
 *	32769   "CD001" (a disc with both is mounted as iso9660)
 *	32769 + n * 2048  "NSR02" or "NSR03" (udf)
 */
#include <string.h>
#include "modfetch/array.h"
#include "modfetch/mount.h"

enum { SECTOR = 2048, DESCRIPTORS = 32768 };

static bool has(const void *head, size_t len, size_t at, const char *mark)
{
	return len >= at + strlen(mark) && !memcmp((const char *)head + at, mark, strlen(mark));
}

static bool is_fat(const void *head, size_t len)
{
	return has(head, len, 510, "\x55\xaa") &&
	       (has(head, len, 54, "FAT12   ") || has(head, len, 54, "FAT16   ") ||
		has(head, len, 82, "FAT32   "));
}

static bool is_exfat(const void *head, size_t len)
{
	return has(head, len, 3, "EXFAT   ");
}

static bool is_iso9660(const void *head, size_t len)
{
	return has(head, len, DESCRIPTORS + 1, "CD001");
}

static bool is_udf(const void *head, size_t len)
{
	for (size_t at = DESCRIPTORS + 1; at < len; at += SECTOR)
		if (has(head, len, at, "NSR02") || has(head, len, at, "NSR03"))
			return true;
	return false;
}

static bool is_ext(const void *head, size_t len)
{
	return has(head, len, 1080, "\x53\xef");
}

static const struct {
	const char *name;
	bool (*is)(const void *head, size_t len);
} filesystems[] = {
	{ "exfat", is_exfat }, { "iso9660", is_iso9660 }, { "udf", is_udf },
	{ "ext4", is_ext },    { "vfat", is_fat },
};

const char *mf_filesystem_of(const void *head, size_t len)
{
	for (size_t i = 0; i < MF_ARRAY_SIZE(filesystems); i++)
		if (filesystems[i].is(head, len))
			return filesystems[i].name;
	return NULL;
}

bool mf_filesystem_known(const char *name)
{
	for (size_t i = 0; i < MF_ARRAY_SIZE(filesystems); i++)
		if (!strcmp(filesystems[i].name, name))
			return true;
	return false;
}
