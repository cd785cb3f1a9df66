/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The modules that the admin, or a package, wants in every initrd.
 *
 *	initramfs-tools		a name and parameters on each line of its lists, see initramfs-tools(7)
 *	dracut			add_drivers+=" name name " and force_drivers in shell files, see
 *				dracut.conf(5); rd.driver.pre=name,name on the kernel's command line
 *
 * Only the configuration of the installed generator counts; a Debian that has both packages' files
 * uses initramfs-tools, which has update-initramfs. Shell is not evaluated: a word that is no plain
 * name (a variable, a pattern, a directory "=drivers/usb") is left to the generator.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include "modfetch/array.h"
#include "modfetch/cleanup.h"
#include "modfetch/file.h"
#include "generator.h"
#include "needs.h"

#define LIST_MAX ((size_t)1 << 20)

static int generators_add(struct mf_needs *needs, const char *name)
{
	int r;

	if (!mf_is_plain_name(name))
		return 0;
	r = mf_needs_add_alias(needs, MF_NEED_REQUIRED, name);
	return r > 0 ? mf_needs_add(needs, MF_NEED_REQUIRED, name) : r;
}

/* Adds the names in TEXT, which are separated by blanks, commas and quotes. */
static int generators_add_words(struct mf_needs *needs, char *text)
{
	char *save = NULL;
	int r = 0;

	for (char *word = strtok_r(text, " \t,\"'", &save); word && !r;
	     word = strtok_r(NULL, " \t,\"'", &save)) {
		if (*word == '#')
			break;
		r = generators_add(needs, word);
	}
	return r;
}

static int generators_on_name(void *arg, char *line)
{
	line += strspn(line, " \t");
	line[strcspn(line, " \t\r#")] = '\0';
	return *line ? generators_add(arg, line) : 0;
}

static int generators_on_assignment(void *arg, char *line)
{
	static const char *const variables[] = { "add_drivers", "force_drivers" };

	line += strspn(line, " \t");
	for (size_t i = 0; i < MF_ARRAY_SIZE(variables); i++) {
		char *value = line + strlen(variables[i]);

		if (!mf_starts_with(line, variables[i]))
			continue;
		value += *value == '+';
		return *value == '=' ? generators_add_words(arg, value + 1) : 0;
	}
	return 0;
}

static int generators_on_parameters(void *arg, char *line)
{
	static const char *const names[] = { "rd.driver.pre=", "rd.driver.post=" };
	char *save = NULL;
	int r = 0;

	for (char *word = strtok_r(line, " ", &save); word && !r; word = strtok_r(NULL, " ", &save))
		for (size_t i = 0; !r && i < MF_ARRAY_SIZE(names); i++)
			if (mf_starts_with(word, names[i]))
				r = generators_add_words(arg, word + strlen(names[i]));
	return r;
}

static int generators_read(struct mf_needs *needs, const char *path, mf_line_visit *visit)
{
	_cleanup_close_ int fd = mf_context_open(needs->ctx, path, O_RDONLY);
	int r = fd < 0 ? 0 : mf_file_each_line(fd, LIST_MAX, visit, needs);

	return r == -ENOMEM ? r : 0;
}

static int generators_read_directory(struct mf_needs *needs, const char *directory,
				     const char *ending, mf_line_visit *visit)
{
	_cleanup_close_ int fd = mf_context_open(needs->ctx, directory, O_RDONLY | O_DIRECTORY);
	_cleanup_closedir_ DIR *dir = fd < 0 ? NULL : mf_opendir(fd);
	struct dirent *e;
	int r = 0;

	while (dir && !r && (e = readdir(dir))) {
		_cleanup_free_ char *path = NULL;

		if (e->d_name[0] == '.' || !mf_ends_with(e->d_name, ending))
			continue;
		path = mf_format("%s/%s", directory, e->d_name);
		r = path ? generators_read(needs, path, visit) : -ENOMEM;
	}
	return r;
}

/* A file, or with an ending all such files of a directory. */
struct generator_source {
	const char *path;
	const char *ending;
	mf_line_visit *visit;
};

static const struct generator_source initramfs_tools[] = {
	{ "etc/initramfs-tools/modules", NULL, generators_on_name },
	{ "usr/share/initramfs-tools/modules.d", "", generators_on_name },
};

static const struct generator_source dracut[] = {
	{ "etc/dracut.conf", NULL, generators_on_assignment },
	{ "etc/dracut.conf.d", ".conf", generators_on_assignment },
	{ "usr/lib/dracut/dracut.conf.d", ".conf", generators_on_assignment },
	{ "proc/cmdline", NULL, generators_on_parameters },
};

int mf_needs_generator(struct mf_needs *needs)
{
	const enum mf_generator generator = mf_generator_find(needs->ctx);
	const struct generator_source *sources =
		generator == MF_GENERATOR_DRACUT ? dracut : initramfs_tools;
	size_t n = generator == MF_GENERATOR_NONE     ? 0
		   : generator == MF_GENERATOR_DRACUT ? MF_ARRAY_SIZE(dracut)
						      : MF_ARRAY_SIZE(initramfs_tools);
	int r = 0;

	for (size_t i = 0; !r && i < n; i++)
		r = sources[i].ending
			    ? generators_read_directory(needs, sources[i].path, sources[i].ending,
							sources[i].visit)
			    : generators_read(needs, sources[i].path, sources[i].visit);
	return r;
}
