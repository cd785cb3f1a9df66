/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef CMD_TERMINAL_H
#define CMD_TERMINAL_H
/*
 * The terminals at standard output and standard error: color by meaning, tables that fit, and one line
 * of progress. Where an output is no terminal, it gets no control characters at all, except color with
 * --color=always.
 */
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "modfetch/context.h"

/* The meaning of a text, which decides its color. */
enum cmd_style { CMD_PLAIN, CMD_OK, CMD_WARNING, CMD_BAD, CMD_DIM, CMD_TITLE };

struct cmd_terminal {
	bool color;	/* of the results */
	bool may_draw;	/* a line of progress may be drawn on stderr */
	size_t columns; /* of standard output; 0: no terminal, lines may have any length */
};

/*
 * Looks at the two outputs and at TERM and NO_COLOR; to be called before the environment is cleaned.
 * COLOR: the value of --color, or NULL. 0, or -MFE_USAGE: no such value; records nothing.
 */
int cmd_terminal_detect(const char *color, struct cmd_terminal *ret_terminal);

/* The sequences that begin and end a style; empty without color. Static. */
const char *cmd_style_begin(const struct cmd_terminal *terminal, enum cmd_style style);
const char *cmd_style_end(const struct cmd_terminal *terminal, enum cmd_style style);

/* A size as text ("1.4 MB"), in BUF. */
const char *cmd_bytes(uint64_t bytes, char buf[16]);

/* ---- progress ---- */

/*
 * A line of progress on stderr. It appears when a work has taken DELAY (terminal.c), is replaced in
 * place, and goes when the work ends or a message comes.
 */
struct cmd_display {
	struct mf_display display; /* first: what the context gets */
	pthread_mutex_t mutex;
	char *line;	/* as it is drawn now, or NULL */
	uint64_t began; /* the start of this work, as mf_now_us(); 0: there is none */
};

/* The caller passes it to cmd_display_done(), after the last use of &DISPLAY->display. */
void cmd_display_init(struct cmd_display *ret_display);
void cmd_display_done(struct cmd_display *display);

/*
 * The text of a line of progress for a terminal of COLUMNS columns, SECONDS after the work began; new
 * memory. NULL: no memory.
 */
char *cmd_progress_text(const struct mf_progress *progress, double seconds, size_t columns);

/* ---- tables ---- */

/* Rows of cells, printed in columns. Zeroed but for COLUMNS and FLEXIBLE: an empty one. */
struct cmd_table {
	size_t columns;
	size_t flexible; /* the column that is shortened to fit, from 0 on */
	struct cmd_cell {
		char *text;
		enum cmd_style style;
	} * cells; /* row by row */
	size_t n, room;
};

/* Adds the next cell. Without memory it is empty, or the table ends before it. */
void cmd_table_add(struct cmd_table *table, enum cmd_style style, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/* Prints all rows, each after INDENT blanks, and frees the cells. */
void cmd_table_print(const struct cmd_terminal *terminal, struct cmd_table *table, int indent);
void cmd_table_done(struct cmd_table *table);

#endif
