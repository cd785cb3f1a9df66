/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Color, tables and the line of progress.
 *
 * Color is a help, never the only carrier of a meaning: every line says the same without it. It is used
 * where standard output is a terminal that is not "dumb" and NO_COLOR is not set; --color decides
 * otherwise. Names in cells and in the line of progress come from metadata and from devices, so they are
 * sanitized before a control sequence is added.
 *
 * The line of progress is drawn on stderr, where messages go too: mf_log() calls hide() and show() around
 * a message. It is gone when a work ends, so that results on standard output never meet it.
 */
#include "terminal.h"
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include "modfetch/array.h"
#include "modfetch/cleanup.h"
#include "modfetch/columns.h"
#include "modfetch/file.h"
#include "modfetch/strings.h"

#define DELAY_US	400000 /* a work that is shorter shows nothing */
#define COLUMNS_DEFAULT 80
#define FLEXIBLE_MIN	8 /* columns that are left of the flexible column */
#define GAP		2 /* blanks between two columns */
#define ERASE		"\r\033[K"

/* ---- what the outputs are ---- */

static size_t terminal_columns(int fd)
{
	struct winsize size = { 0 };

	if (ioctl(fd, TIOCGWINSZ, &size) < 0 || !size.ws_col)
		return COLUMNS_DEFAULT;
	return size.ws_col;
}

int cmd_terminal_detect(const char *color, struct cmd_terminal *ret_terminal)
{
	const char *term = getenv("TERM"), *no_color = getenv("NO_COLOR");
	bool dumb = !term || !*term || !strcmp(term, "dumb");
	bool out = isatty(STDOUT_FILENO);

	if (color && strcmp(color, "auto") != 0 && strcmp(color, "always") != 0 &&
	    strcmp(color, "never") != 0)
		return -MFE_USAGE;
	ret_terminal->color = color && strcmp(color, "auto") != 0
				      ? !strcmp(color, "always")
				      : out && !dumb && !(no_color && *no_color);
	ret_terminal->may_draw = isatty(STDERR_FILENO) && !dumb;
	ret_terminal->columns = out ? terminal_columns(STDOUT_FILENO) : 0;
	return 0;
}

const char *cmd_style_begin(const struct cmd_terminal *terminal, enum cmd_style style)
{
	static const char *const sequences[] = {
		[CMD_PLAIN] = "",	  [CMD_OK] = "\033[32m", [CMD_WARNING] = "\033[33m",
		[CMD_BAD] = "\033[1;31m", [CMD_DIM] = "\033[2m", [CMD_TITLE] = "\033[1m",
	};

	return terminal->color ? sequences[style] : "";
}

const char *cmd_style_end(const struct cmd_terminal *terminal, enum cmd_style style)
{
	return terminal->color && style != CMD_PLAIN ? "\033[0m" : "";
}

const char *cmd_bytes(uint64_t bytes, char buf[16])
{
	static const char *const units[] = { "B", "kB", "MB", "GB", "TB" };
	double n = (double)bytes;
	size_t unit = 0;

	while (n >= 999.5 && unit < 4) {
		n /= 1000;
		unit++;
	}
	snprintf(buf, 16, unit && n < 9.95 ? "%.1f %s" : "%.0f %s", n, units[unit]);
	return buf;
}

/* ---- progress ---- */

/* "1.2 MB of 2.7 MB  350 kB/s  0:04 left", or how long nothing has come. New memory, or NULL. */
static char *bytes_text(const struct mf_progress *p, double seconds)
{
	double rate = seconds > 0 ? (double)p->bytes / seconds : 0;
	char got[16], all[16], speed[16], left[24] = "";

	if (!p->bytes)
		return mf_format("waiting for %.0f s", seconds);
	if (p->total > p->bytes && rate > 0) {
		unsigned int s = (unsigned int)((double)(p->total - p->bytes) / rate);

		snprintf(left, sizeof(left), "  %u:%02u left", s / 60, s % 60);
	}
	return mf_format("%s%s%s  %s/s%s", cmd_bytes(p->bytes, got), p->total ? " of " : "",
			 p->total ? cmd_bytes(p->total, all) : "", cmd_bytes((uint64_t)rate, speed),
			 left);
}

/* The name of a file without the digest that createrepo puts before it. */
static const char *plain_name(const char *file)
{
	const char *slash = strrchr(file, '/');
	const char *name = slash ? slash + 1 : file;

	return strspn(name, "0123456789abcdef") == 64 && name[64] == '-' ? name + 65 : name;
}

/* "fast: primary.xml.gz"; the file of a package begins with its name. New memory, or NULL. */
static char *subject_text(const struct mf_progress *p)
{
	const char *file = p->file ? plain_name(p->file) : NULL;

	if (!p->label || !file || mf_starts_with(file, p->label))
		return strdup(p->label ? p->label : file ? file : "");
	return mf_format("%s: %s", p->label, file);
}

char *cmd_progress_text(const struct mf_progress *progress, double seconds, size_t columns)
{
	_cleanup_free_ char *subject = subject_text(progress), *head = NULL, *tail = NULL;
	_cleanup_free_ char *fit = NULL, *line = NULL;
	size_t used;

	head = progress->n > 1
		       ? mf_format("%s %zu/%zu%s%s", progress->step, progress->done, progress->n,
				   progress->unit ? " " : "", progress->unit ? progress->unit : "")
		       : strdup(progress->step);
	tail = progress->file ? bytes_text(progress, seconds) : strdup("");
	if (!subject || !head || !tail)
		return NULL;
	mf_text_sanitize(subject);
	used = strlen(head) + strlen(tail) + (*tail ? GAP : 0) + 1;
	fit = mf_text_fit(subject, used + 1 < columns ? columns - used - 1 : 0);
	if (!fit)
		return NULL;
	line = mf_format("%s%s%s%s%s", head, *fit ? " " : "", fit, *tail ? "  " : "", tail);
	/* the last column stays free: some terminals break the line there */
	return line ? mf_text_fit(line, columns - 1) : NULL;
}

static void display_erase(struct cmd_display *d)
{
	if (d->line)
		fputs(ERASE, stderr);
	free(d->line);
	d->line = NULL;
}

static void display_draw(struct cmd_display *d, const struct mf_progress *progress)
{
	uint64_t now = mf_now_us();
	char *line;

	if (!d->began)
		d->began = now;
	if (now - d->began < DELAY_US)
		return;
	line = cmd_progress_text(progress, (double)(now - d->began) / 1e6,
				 terminal_columns(STDERR_FILENO));
	if (!line || (d->line && !strcmp(line, d->line))) {
		free(line);
		return;
	}
	free(d->line);
	d->line = line;
	/* one call: several processes may share this stream */
	fprintf(stderr, ERASE "%s", line);
}

static void on_progress(struct mf_display *display, const struct mf_progress *progress)
{
	struct cmd_display *d = (struct cmd_display *)display;

	pthread_mutex_lock(&d->mutex);
	if (progress) {
		display_draw(d, progress);
	} else {
		display_erase(d);
		d->began = 0;
	}
	pthread_mutex_unlock(&d->mutex);
}

static void on_hide(struct mf_display *display)
{
	struct cmd_display *d = (struct cmd_display *)display;

	pthread_mutex_lock(&d->mutex);
	if (d->line)
		fputs(ERASE, stderr);
}

static void on_show(struct mf_display *display)
{
	struct cmd_display *d = (struct cmd_display *)display;

	if (d->line)
		fputs(d->line, stderr);
	pthread_mutex_unlock(&d->mutex);
}

void cmd_display_init(struct cmd_display *ret_display)
{
	*ret_display = (struct cmd_display){ .display = { on_progress, on_hide, on_show } };
	pthread_mutex_init(&ret_display->mutex, NULL);
}

void cmd_display_done(struct cmd_display *display)
{
	display_erase(display);
	pthread_mutex_destroy(&display->mutex);
}

/* ---- tables ---- */

void cmd_table_add(struct cmd_table *table, enum cmd_style style, const char *fmt, ...)
{
	char *text;
	va_list ap;

	if (mf_array_reserve(&table->cells, &table->room, table->n + 1, sizeof(*table->cells)) < 0)
		return;
	va_start(ap, fmt);
	text = mf_vformat(fmt, ap);
	va_end(ap);
	if (text)
		mf_text_sanitize(text);
	table->cells[table->n++] = (struct cmd_cell){ text, style };
}

void cmd_table_done(struct cmd_table *table)
{
	for (size_t i = 0; i < table->n; i++)
		free(table->cells[i].text);
	free(table->cells);
	table->cells = NULL;
	table->n = table->room = 0;
}

/* The widths of the columns; the flexible one gets what the others leave. */
static void table_fit(const struct cmd_terminal *terminal, const struct cmd_table *table,
		      int indent, size_t widths[])
{
	size_t sum = (size_t)indent + GAP * (table->columns - 1);

	for (size_t i = 0; i < table->n; i++) {
		size_t columns = mf_text_columns(table->cells[i].text ? table->cells[i].text : "");

		if (columns > widths[i % table->columns])
			widths[i % table->columns] = columns;
	}
	for (size_t c = 0; c < table->columns; c++)
		sum += widths[c];
	if (!terminal->columns || sum <= terminal->columns)
		return;
	sum -= widths[table->flexible];
	if (sum + FLEXIBLE_MIN > terminal->columns)
		sum = terminal->columns > FLEXIBLE_MIN ? terminal->columns - FLEXIBLE_MIN : 0;
	if (widths[table->flexible] > terminal->columns - sum)
		widths[table->flexible] = terminal->columns - sum;
}

static void print_cell(const struct cmd_terminal *terminal, const struct cmd_cell *cell,
		       size_t width, bool last)
{
	const char *given = cell->text ? cell->text : "";
	_cleanup_free_ char *text = terminal->columns ? mf_text_fit(given, width) : strdup(given);
	size_t columns = text ? mf_text_columns(text) : 0;

	printf("%s%s%s", cmd_style_begin(terminal, cell->style), text ? text : "",
	       cmd_style_end(terminal, cell->style));
	if (!last)
		printf("%*s", (int)(columns < width ? width - columns : 0) + GAP, "");
}

/* The empty cells at the end of a row are not printed, not as blanks either. */
static size_t used_columns(const struct cmd_table *table, size_t row)
{
	size_t used = table->columns;

	while (used > 1 &&
	       !(table->cells[row + used - 1].text && *table->cells[row + used - 1].text))
		used--;
	return used;
}

void cmd_table_print(const struct cmd_terminal *terminal, struct cmd_table *table, int indent)
{
	_cleanup_free_ size_t *widths = calloc(table->columns, sizeof(*widths));

	if (widths)
		table_fit(terminal, table, indent, widths);
	for (size_t row = 0; widths && row + table->columns <= table->n; row += table->columns) {
		size_t used = used_columns(table, row);

		printf("%*s", indent, "");
		for (size_t c = 0; c < used; c++)
			print_cell(terminal, &table->cells[row + c], widths[c], c + 1 == used);
		putchar('\n');
	}
	cmd_table_done(table);
}
