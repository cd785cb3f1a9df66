/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Reads pci.ids and usb.ids.
 *
 * The files are text: a line "8086  Intel Corporation" for a vendor, and after it a line with a tab for each
 * of its devices ("<TAB>10d3  82574L Gigabit Network Connection"); two tabs begin a subsystem, '#' a
 * comment, any other line another list. They come from a package of the machine and have thirty thousand
 * lines, of which no more than one is kept in memory. Any bytes are accepted: names are sanitized where
 * they are printed.
 */
#include "modfetch/ids-file.h"
#include <fcntl.h>
#include <stdbool.h>
#include <sys/stat.h>
#include "modfetch/array.h"
#include "modfetch/cleanup.h"
#include "modfetch/file.h"
#include "modfetch/strings.h"

#define IDS_MAX (8U << 20)

struct ids_reading {
	mf_ids_visit *visit;
	void *arg;
	bool has_vendor; /* the devices that come now are those of VENDOR */
	uint32_t vendor;
};

/* "8086  Intel Corporation": 8086, and the text. False: no such line. */
static bool split_line(const char *line, uint32_t *ret_number, const char **ret_text)
{
	uint32_t number = 0;

	for (size_t i = 0; i < 4; i++) {
		int digit = mf_hex_digit(line[i]);

		if (digit < 0)
			return false;
		number = number << 4 | (uint32_t)digit;
	}
	if (line[4] != ' ' || line[5] != ' ' || !line[6])
		return false;
	*ret_number = number;
	*ret_text = line + 6;
	return true;
}

static int on_ids_line(void *arg, char *line)
{
	struct ids_reading *reading = arg;
	const char *text;
	uint32_t number;

	if (*line == '#' || !*line || (line[0] == '\t' && line[1] == '\t'))
		return 0;
	if (*line != '\t') {
		reading->has_vendor = split_line(line, &number, &text);
		if (reading->has_vendor) {
			reading->vendor = number;
			reading->visit(reading->arg, number, MF_IDS_VENDOR, text);
		}
	} else if (reading->has_vendor && split_line(line + 1, &number, &text)) {
		reading->visit(reading->arg, reading->vendor, (int32_t)number, text);
	}
	return 0;
}

/* Opens the file of a bus where distributions have it. A descriptor of a regular file, or -1. */
static int open_ids(const struct mf_context *ctx, const char *bus)
{
	static const char *const directories[] = { "usr/share/hwdata", "usr/share/misc" };

	for (size_t i = 0; i < MF_ARRAY_SIZE(directories); i++) {
		_cleanup_free_ char *path = mf_format("%s/%s.ids", directories[i], bus);
		_cleanup_close_ int fd = path ? mf_context_open(ctx, path, O_RDONLY) : -1;
		struct stat st;

		if (fd >= 0 && !fstat(fd, &st) && S_ISREG(st.st_mode))
			return mf_steal_fd(&fd);
	}
	return -1;
}

void mf_ids_each(const struct mf_context *ctx, const char *bus, mf_ids_visit *visit, void *arg)
{
	struct ids_reading reading = { .visit = visit, .arg = arg };
	_cleanup_close_ int fd = open_ids(ctx, bus);

	if (fd >= 0)
		(void)mf_file_each_line(fd, IDS_MAX, on_ids_line, &reading);
}
