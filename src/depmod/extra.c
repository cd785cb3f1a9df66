/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The indexes that are text alone: soft and weak dependencies, and the device nodes to make before
 * a driver is there.
 *
 * A line a module, in the order of the modules. A node's numbers come from the aliases
 * char-major-N-M and block-major-N-M; a module that names a node and no numbers is reported, as
 * depmod does, and left out.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include "text.h"

static void add_extras(const struct dm_source *src, uint32_t kind, const char *keyword,
		       struct dm_buf *text)
{
	for (size_t i = 0; i < src->modules->n; i++) {
		const struct dm_module *m = &src->modules->v[i];
		const struct dm_extra *e = m->segment->extras + m->record->extras;

		for (uint32_t k = 0; k < m->record->n_extras; k++) {
			if (e[k].kind != kind)
				continue;
			dm_buf_adds(text, keyword);
			dm_buf_add(text, m->name, m->name_len);
			dm_buf_add(text, " ", 1);
			dm_buf_add(text, m->segment->strings + e[k].text, e[k].len);
			dm_buf_add(text, "\n", 1);
		}
	}
}

/* The device node that a module asks for: its name, and its numbers from the aliases. */
struct node {
	const char *name;
	char type; /* 'c', 'b' or 0 */
	unsigned int major, minor;
};

static void parse_numbers(const char *alias, struct node *node)
{
	unsigned int *major = &node->major, *minor = &node->minor;

	if (sscanf(alias, "char-major-%u-%u", major, minor) == 2)
		node->type = 'c';
	else if (sscanf(alias, "block-major-%u-%u", major, minor) == 2)
		node->type = 'b';
}

static struct node find_node(const struct dm_module *m)
{
	struct node node = { 0 };
	uint32_t n;
	const struct dm_alias *a = dm_aliases_of(m, &n);

	for (uint32_t i = 0; i < n && !(node.name && node.type); i++) {
		const char *alias = m->segment->strings + a[i].raw;

		/* there are many aliases, and few that begin like one of these */
		switch (*alias) {
		case 'd':
			if (mf_starts_with(alias, "devname:"))
				node.name = alias + strlen("devname:");
			break;
		case 'b':
		case 'c':
			if (mf_starts_with(alias, "char-") || mf_starts_with(alias, "block-"))
				parse_numbers(alias, &node);
			break;
		default:
			break;
		}
	}
	return node;
}

static void add_devnames(const struct dm_source *src, struct dm_buf *text)
{
	for (size_t i = 0; i < src->modules->n; i++) {
		const struct dm_module *m = &src->modules->v[i];
		struct node node = find_node(m);
		char numbers[32];

		if (!node.name)
			continue;
		if (!node.type) {
			mf_log(src->ctx, MF_LOG_WARNING,
			       "module '%s' has devname (%s) but no major and minor number",
			       m->name, node.name);
			continue;
		}
		if (!text->len)
			dm_buf_adds(text, "# Device nodes to trigger on-demand module loading.\n");
		snprintf(numbers, sizeof(numbers), " %c%u:%u\n", node.type, node.major, node.minor);
		dm_buf_add(text, m->name, m->name_len);
		dm_buf_add(text, " ", 1);
		dm_buf_adds(text, node.name);
		dm_buf_adds(text, numbers);
	}
}

int dm_text_rest(const struct dm_source *src, struct dm_buf *indexes)
{
	dm_buf_adds(&indexes[DM_SOFTDEP],
		    "# Soft dependencies extracted from modules themselves.\n");
	add_extras(src, DM_SOFTDEP_EXTRA, "softdep ", &indexes[DM_SOFTDEP]);
	dm_buf_adds(&indexes[DM_WEAKDEP],
		    "# Weak dependencies extracted from modules themselves.\n");
	add_extras(src, DM_WEAKDEP_EXTRA, "weakdep ", &indexes[DM_WEAKDEP]);
	add_devnames(src, &indexes[DM_DEVNAME]);
	return indexes[DM_SOFTDEP].failed || indexes[DM_WEAKDEP].failed ||
			       indexes[DM_DEVNAME].failed
		       ? -ENOMEM
		       : 0;
}
