/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The output of a build: its first and last bytes, and the line that says why it failed.
 *
 * A build may print without end. The head is kept because the first error is the one to read, the
 * tail because it says how the build ended; between them bytes are dropped, and their number is
 * noted.
 *
 * The output is text of a stranger. Before it is searched, written or printed, each control
 * character and each byte that is not UTF-8 becomes a '?': an admin reads the log on a terminal.
 * What it says decides about words only: which line a message quotes, and whether it speaks of
 * memory, of space or of an error.
 */
#include "output.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "modfetch/array.h"
#include "modfetch/cleanup.h"

#define LINE_MAX_SHOWN 300

/* ---- head and tail ---- */

int box_output_add(struct box_output *output, const char *buf, size_t len)
{
	size_t n = BOX_HEAD_MAX - output->head_len;

	if (!output->head)
		output->head = malloc(BOX_HEAD_MAX);
	if (!output->tail)
		output->tail = malloc(BOX_TAIL_MAX);
	if (!output->head || !output->tail)
		return -ENOMEM;
	if (n > len)
		n = len;
	memcpy(output->head + output->head_len, buf, n);
	output->head_len += n;
	for (size_t i = n; i < len; i++)
		output->tail[output->after++ % BOX_TAIL_MAX] = buf[i];
	return 0;
}

/* The oldest byte of the tail that is still there is the one that would be overwritten next. */
static size_t copy_tail(const struct box_output *output, char *to)
{
	size_t start = (size_t)(output->after % BOX_TAIL_MAX);

	if (output->after <= BOX_TAIL_MAX) {
		memcpy(to, output->tail, (size_t)output->after);
		return (size_t)output->after;
	}
	memcpy(to, output->tail + start, BOX_TAIL_MAX - start);
	memcpy(to + BOX_TAIL_MAX - start, output->tail, start);
	return BOX_TAIL_MAX;
}

int box_output_text(const struct box_output *output, char **ret_text, size_t *ret_len)
{
	uint64_t gone = output->after > BOX_TAIL_MAX ? output->after - BOX_TAIL_MAX : 0;
	char *text = malloc(BOX_HEAD_MAX + BOX_TAIL_MAX + 80);
	size_t len = output->head_len;

	if (!text)
		return -ENOMEM;
	if (len)
		memcpy(text, output->head, len);
	if (gone)
		len += (size_t)sprintf(text + len, "\n[%llu bytes of output are left out here]\n",
				       (unsigned long long)gone);
	if (output->after)
		len += copy_tail(output, text + len);
	text[len] = '\0';
	/* a NUL ends a string, and what follows would be written as it is */
	for (char *p = text; (p = memchr(p, '\0', (size_t)(text + len - p))); p++)
		*p = '?';
	mf_text_sanitize_lines(text);
	*ret_text = text;
	*ret_len = len;
	return 0;
}

void box_output_done(struct box_output *output)
{
	free(output->head);
	free(output->tail);
	*output = (struct box_output){ 0 };
}

/* ---- what it says ---- */

static const struct {
	const char *words;
	enum mf_box_outcome outcome;
} reasons[] = {
	{ "No space left on device", MF_BOX_SPACE },
	{ "File size limit exceeded", MF_BOX_SPACE },
	{ "Cannot allocate memory", MF_BOX_MEMORY },
	{ "out of memory allocating", MF_BOX_MEMORY },
	{ "virtual memory exhausted", MF_BOX_MEMORY },
	{ "memory exhausted", MF_BOX_MEMORY },
	/* only the kernel kills a process of a box, for its memory: gcc, make, a shell in make */
	{ "Killed signal terminated program", MF_BOX_MEMORY },
	{ "] Killed", MF_BOX_MEMORY },
	{ "] Error 137", MF_BOX_MEMORY },
	/* and only systemd terminates one, when the kernel has killed another (OOMPolicy=stop) */
	{ "] Terminated", MF_BOX_MEMORY },
	{ "\nTerminated\n", MF_BOX_MEMORY },
};

enum mf_box_outcome box_output_reason(const char *text)
{
	for (size_t i = 0; i < MF_ARRAY_SIZE(reasons); i++)
		if (strstr(text, reasons[i].words))
			return reasons[i].outcome;
	return MF_BOX_FAILED;
}

/*
 * The forms of an error, the better ones first. "x.c:3:5: error: …" is gcc's and clang's, "cc1:
 * error: …" a program's of theirs, the next ones are the kernel's and the linker's. A shell may
 * miss a program that a makefile only tried; make repeats what failed before.
 */
enum rank { RANK_COMPILER, RANK_SHELL, RANK_MAKE, RANK_ANY, RANK_NONE };

static const struct {
	const char *words;
	enum rank rank;
} forms[] = {
	{ ": error: ", RANK_COMPILER },
	{ ": fatal error: ", RANK_COMPILER },
	{ ": Error: ", RANK_COMPILER }, /* as */
	{ "ERROR: modpost: ", RANK_COMPILER },
	{ "FATAL: modpost: ", RANK_COMPILER },
	{ "undefined reference to ", RANK_COMPILER },
	{ "undefined symbol: ", RANK_COMPILER },
	{ "multiple definition of ", RANK_COMPILER },
	{ "internal compiler error", RANK_COMPILER },
	{ ": not found", RANK_SHELL },
	{ ": command not found", RANK_SHELL },
	{ ": Permission denied", RANK_SHELL },
	{ "Cannot fork", RANK_SHELL },
	{ ": Resource temporarily unavailable", RANK_SHELL },
	{ "*** ", RANK_MAKE },
};

static enum rank line_rank(const char *line)
{
	for (size_t i = 0; i < MF_ARRAY_SIZE(forms); i++)
		if (strstr(line, forms[i].words))
			return forms[i].rank;
	return line[strspn(line, " ")] ? RANK_ANY : RANK_NONE;
}

static char *line_copy(const char *line, size_t len)
{
	char *copy = strndup(line, len);

	for (char *tab = copy; tab && (tab = strchr(tab, '\t'));)
		*tab = ' ';
	if (copy)
		mf_text_sanitize(copy);
	return copy;
}

/* Ends LINE where it has LINE_MAX_SHOWN bytes, between two characters. */
static void line_shorten(char *line)
{
	size_t len = strlen(line);

	if (len <= LINE_MAX_SHOWN)
		return;
	len = LINE_MAX_SHOWN - 3;
	while (len && ((unsigned char)line[len] & 0xc0) == 0x80)
		len--;
	memcpy(line + len, "...", 4);
}

char *mf_box_first_error(const char *log, size_t len)
{
	_cleanup_free_ char *best = NULL;
	enum rank best_rank = RANK_NONE;
	const char *end = log + len;

	for (const char *p = log, *next; best_rank != RANK_COMPILER && p < end; p = next + 1) {
		_cleanup_free_ char *line = NULL;
		enum rank rank;

		next = memchr(p, '\n', (size_t)(end - p));
		if (!next)
			next = end;
		line = line_copy(p, (size_t)(next - p));
		if (!line)
			return NULL;
		rank = line_rank(line);
		/* the first one of its kind; of lines that say nothing, the last one */
		if (rank < best_rank || (rank == RANK_ANY && best_rank == RANK_ANY)) {
			free(best);
			best = MF_STEAL(line);
			best_rank = rank;
		}
	}
	if (best)
		line_shorten(best);
	return MF_STEAL(best);
}
