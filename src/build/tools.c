/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The programs and headers that a build needs, and the packages that have them.
 *
 * The compiler is the one that built the kernel, by the kernel's own configuration: another version may not know its options, and
 * kbuild warns. The names of packages are those of the distribution whose package manager is here; a name is only
 * printed, and passed to that package manager after the admin has agreed.
 *
 * Trusts the files of the kernel's headers as much as root's makefiles do: they are root's. The text of the configuration is
 * parsed for two lines and goes into a digest.
 */
#include "tools.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "modfetch/array.h"
#include "modfetch/box.h"
#include "modfetch/build.h"
#include "modfetch/cleanup.h"
#include "modfetch/crypto.h"
#include "modfetch/file.h"
#include "modfetch/process.h"
#include "modfetch/release.h"

#define CONFIG_MAX ((size_t)4 << 20)

enum manager { MANAGER_APT, MANAGER_DNF, MANAGER_ZYPPER, MANAGER_NONE };

static const struct {
	const char *program;
	const char *install[4];
} managers[] = {
	[MANAGER_APT] = { "apt-get", { "apt-get", "install", "--no-install-recommends" } },
	[MANAGER_DNF] = { "dnf", { "dnf", "install" } },
	[MANAGER_ZYPPER] = { "zypper", { "zypper", "install" } },
};

/* Programs that a build needs besides those of the box. */
static const char *const needed[] = { "make", "strip", "patch", "rpmbuild" };

/* The packages that have them, and those of the box: apt, dnf, zypper. */
static const struct {
	const char *program;
	const char *packages[MANAGER_NONE];
} programs[] = {
	{ "make", { "make", "make", "make" } },
	{ "bwrap", { "bubblewrap", "bubblewrap", "bubblewrap" } },
	{ "setpriv", { "util-linux", "util-linux", "util-linux" } },
	{ "prlimit", { "util-linux", "util-linux", "util-linux" } },
	{ "strip", { "binutils", "binutils", "binutils" } },
	{ "patch", { "patch", "patch", "patch" } },
	{ "rpmbuild", { "rpm", "rpm-build", "rpm-build" } },
};

/* The box has the programs of the running system, whatever the root is. */
static bool has_program(const char *name)
{
	_cleanup_free_ char *path = mf_process_find(name);

	return path != NULL;
}

/* ---- the compiler ---- */

/* The value of the line KEY= of the configuration, up to its end; NULL: there is none. */
static const char *config_value(const char *config, const char *key, size_t *ret_len)
{
	size_t len = strlen(key);

	for (const char *line = config; line && *line; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (strncmp(line, key, len) || line[len] != '=')
			continue;
		line += len + 1;
		line += *line == '"';
		*ret_len = strcspn(line, "\"\n");
		return line;
	}
	return NULL;
}

/* "gcc-12" of "gcc-12 (Debian 12.2.0-14) 12.2.0"; a clang may be called "Debian clang version 14". */
static char *find_compiler(const char *config)
{
	size_t len;
	const char *text = config_value(config, "CONFIG_CC_IS_CLANG", &len);
	_cleanup_free_ char *name = NULL;

	if (text)
		return strdup("clang");
	text = config_value(config, "CONFIG_CC_VERSION_TEXT", &len);
	name = text ? strndup(text, strcspn(text, " \"\n")) : NULL;
	return name && mf_is_plain_name(name) ? MF_STEAL(name) : NULL;
}

/* ---- what a change of which makes a build worth another try ---- */

static void put_stat(int dirfd, const char *path, FILE *out)
{
	struct stat st;

	if (!fstatat(dirfd, path, &st, 0))
		fprintf(out, "%s %llu %lld.%09ld\n", path, (unsigned long long)st.st_size,
			(long long)st.st_mtim.tv_sec, st.st_mtim.tv_nsec);
}

static int tools_digest(const struct mf_context *ctx, struct build_tools *tools)
{
	_cleanup_free_ char *text = NULL, *compiler = NULL;
	_cleanup_close_ int headers =
		tools->headers ? mf_context_open(ctx, tools->headers + 1, O_PATH | O_DIRECTORY)
			       : -1;
	size_t len = 0;
	FILE *out = open_memstream(&text, &len);

	if (!out)
		return -ENOMEM;
	fprintf(out, "%s\n%s\n", ctx->kernel, tools->config);
	compiler = tools->compiler ? mf_format("/usr/bin/%s", tools->compiler) : NULL;
	if (headers >= 0)
		put_stat(headers, "Module.symvers", out);
	if (compiler)
		put_stat(AT_FDCWD, compiler, out);
	return fclose(out) ? -ENOMEM : mf_sha256(text, len, tools->digest);
}

void build_tools_done(struct build_tools *tools)
{
	free(tools->headers);
	free(tools->config);
	free(tools->compiler);
	*tools = (struct build_tools){ 0 };
}

static int read_config(const struct mf_context *ctx, struct build_tools *tools)
{
	_cleanup_free_ char *path = mf_format("%s/include/config/auto.conf", tools->headers + 1);
	_cleanup_close_ int fd = path ? mf_context_open(ctx, path, O_RDONLY) : -ENOMEM;
	size_t len;

	if (fd < 0)
		return fd == -ENOMEM ? fd : 0;
	return mf_file_read(fd, CONFIG_MAX, &tools->config, &len) == -ENOMEM ? -ENOMEM : 0;
}

int build_tools_find(struct mf_context *ctx, struct build_tools *ret_tools)
{
	_cleanup_(build_tools_done) struct build_tools tools = { 0 };
	_cleanup_free_ char *makefile = mf_format("lib/modules/%s/build/Makefile", ctx->kernel);
	_cleanup_close_ int fd = makefile ? mf_context_open(ctx, makefile, O_PATH) : -ENOMEM;
	int r = 0;

	if (fd >= 0) {
		tools.headers = mf_format("/lib/modules/%s/build", ctx->kernel);
		r = tools.headers ? read_config(ctx, &tools) : -ENOMEM;
	}
	if (!tools.config)
		tools.config = strdup("");
	if (!makefile || !tools.config)
		r = -ENOMEM;
	if (!r) {
		tools.compiler = find_compiler(tools.config);
		r = tools_digest(ctx, &tools);
	}
	if (r < 0)
		return mf_fail(ctx, MF_STAGE_BUILD, r, ctx->kernel, NULL);
	*ret_tools = tools;
	tools = (struct build_tools){ 0 };
	return 0;
}

/* ---- what is missing ---- */

static enum manager find_manager(void)
{
	enum manager m = MANAGER_APT;

	while (m < MANAGER_NONE && !has_program(managers[m].program))
		m++;
	return m;
}

/* The package of the headers; NULL: not known, or no memory. */
static char *headers_package(const char *kernel, enum manager manager)
{
	struct mf_release release;

	if (mf_release_parse(kernel, NULL, &release) < 0)
		return NULL;
	switch (manager) {
	case MANAGER_APT:
		return mf_format("linux-headers-%s", kernel);
	case MANAGER_DNF:
		return mf_format("kernel-devel-%s", kernel);
	case MANAGER_ZYPPER: /* the version is that of the kernel; zypper takes the newest */
		return mf_format("kernel-%s-devel", release.flavor);
	case MANAGER_NONE:
		break;
	}
	return NULL;
}

static int add_missing(struct mf_build_missing *missing, const char *thing, const char *package)
{
	int r = mf_strings_add(&missing->things, thing);

	return r < 0 || !package ? r : mf_strings_add_unique(&missing->packages, package);
}

/* The package of one of the programs; NULL: not known. */
static const char *program_package(const char *program, enum manager manager)
{
	for (size_t i = 0; manager < MANAGER_NONE && i < MF_ARRAY_SIZE(programs); i++)
		if (!strcmp(programs[i].program, program))
			return programs[i].packages[manager];
	return NULL;
}

static int find_programs(enum manager manager, struct mf_build_missing *missing)
{
	_cleanup_(mf_strings_done) struct mf_strings names = { 0 };
	int r = 0;

	for (size_t i = 0; !r && i < MF_ARRAY_SIZE(needed); i++)
		if (!has_program(needed[i]))
			r = mf_strings_add(&names, needed[i]);
	if (!r)
		r = mf_box_missing(&names);
	for (size_t i = 0; !r && i < names.n; i++)
		r = add_missing(missing, names.v[i], program_package(names.v[i], manager));
	return r;
}

static int find_kernel_tools(struct mf_context *ctx, enum manager manager,
			     struct mf_build_missing *missing)
{
	_cleanup_(build_tools_done) struct build_tools tools = { 0 };
	const char *compiler;
	int r = build_tools_find(ctx, &tools);

	if (r < 0)
		return r;
	if (!tools.headers) {
		_cleanup_free_ char *package = headers_package(ctx->kernel, manager);
		_cleanup_free_ char *thing = mf_format("the headers of %s", ctx->kernel);

		r = thing ? add_missing(missing, thing, package) : -ENOMEM;
	}
	/* without headers it is not known which one; most kernels have gcc */
	compiler = tools.compiler ? tools.compiler : "gcc";
	if (!r && !has_program(compiler))
		/* dnf and zypper have one package of the name, whatever version built the kernel */
		r = add_missing(missing, compiler,
				manager == MANAGER_DNF && strcmp(compiler, "clang") ? "gcc"
				: manager < MANAGER_NONE			    ? compiler
										    : NULL);
	return r;
}

void mf_build_missing_done(struct mf_build_missing *missing)
{
	mf_strings_done(&missing->things);
	mf_strings_done(&missing->packages);
	mf_strings_done(&missing->command);
}

static int set_command(enum manager manager, struct mf_build_missing *missing)
{
	int r = 0;

	if (manager == MANAGER_NONE || !missing->packages.n)
		return 0;
	for (size_t i = 0; !r && managers[manager].install[i]; i++)
		r = mf_strings_add(&missing->command, managers[manager].install[i]);
	for (size_t i = 0; !r && i < missing->packages.n; i++)
		r = mf_strings_add(&missing->command, missing->packages.v[i]);
	return r;
}

int mf_build_missing(struct mf_context *ctx, struct mf_build_missing *ret_missing)
{
	_cleanup_(mf_build_missing_done) struct mf_build_missing missing = { 0 };
	enum manager manager = find_manager();
	int r = find_programs(manager, &missing);

	if (!r)
		r = find_kernel_tools(ctx, manager, &missing);
	if (!r)
		r = set_command(manager, &missing);
	if (r < 0)
		return mf_fail(ctx, MF_STAGE_BUILD, r, ctx->kernel, NULL);
	*ret_missing = missing;
	missing = (struct mf_build_missing){ 0 };
	return 0;
}

int build_tools_check(struct mf_context *ctx)
{
	_cleanup_(mf_build_missing_done) struct mf_build_missing missing = { 0 };
	_cleanup_free_ char *things = NULL, *command = NULL;
	int r = mf_build_missing(ctx, &missing);

	if (r < 0 || !missing.things.n)
		return r;
	things = mf_strings_join(&missing.things, ", ");
	command = mf_strings_join(&missing.command, " ");
	if (!things || !command)
		return mf_fail(ctx, MF_STAGE_BUILD, -ENOMEM, ctx->kernel, NULL);
	return mf_fail(ctx, MF_STAGE_BUILD, -MFE_TOOL, things,
		       missing.command.n ? "a build for %s needs it; install it with: %s"
					 : "a build for %s needs it; install it%s",
		       ctx->kernel, command);
}
