/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A root that stands for another machine while packages are planned for it.
 *
 * It is a temporary directory with the modules, firmware and programs of the list as files without
 * content, the indexes that name these modules, and the repositories and keys of this machine. So the
 * stages that plan need not know that the machine is elsewhere. Nothing is ever installed in it.
 *
 * The list is untrusted, and every name in it has passed mf_list_value_valid(). The directory is new and
 * for this user only, so no link can be in the way of a name. Copies of the configuration may have
 * passwords: they keep the mode of the user's own files, and go with the directory.
 */
#include "replica.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "modfetch/array.h"
#include "modfetch/cleanup.h"
#include "modfetch/file.h"
#include "modfetch/repo.h"
#include "modfetch/strings.h"
#include "modfetch/trie.h"

#define TEMPLATE  "/tmp/modfetch-for-XXXXXX"
#define FILE_MAX  ((size_t)1 << 20) /* of the configuration */
#define FILES_MAX 4096		    /* of a directory of it */

void travel_replica_done(struct travel_replica *replica)
{
	if (!replica->path)
		return;
	mf_context_done(&replica->ctx);
	(void)mf_tree_remove(AT_FDCWD, replica->path);
	free(replica->path);
	*replica = (struct travel_replica){ 0 };
}

/* ---- files ---- */

/* Splits PATH: makes its directory below the root and returns a descriptor of it, or -errno. */
static int replica_parent(const struct mf_context *rc, const char *path, const char **ret_name)
{
	_cleanup_free_ char *directory = strdup(path);
	char *slash = directory ? strrchr(directory, '/') : NULL;

	if (!directory)
		return -ENOMEM;
	*ret_name = strrchr(path, '/') ? strrchr(path, '/') + 1 : path;
	if (slash)
		*slash = '\0';
	return mf_context_mkdir(rc, slash ? directory : ".");
}

static int replica_write(const struct mf_context *rc, const char *path, const void *buf, size_t len)
{
	const char *name;
	_cleanup_close_ int dirfd = replica_parent(rc, path, &name), fd = -1;

	if (dirfd < 0)
		return dirfd;
	fd = openat(dirfd, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	return fd < 0 ? -errno : mf_file_write(fd, buf, len);
}

/* A file without content. A name that needs another one to be a directory is left out. */
static int replica_touch(const struct mf_context *rc, const char *path)
{
	int r = replica_write(rc, path, "", 0);

	return r == -EEXIST || r == -ENOTDIR || r == -EISDIR || r == -ENAMETOOLONG ? 0 : r;
}

static int replica_touch_all(const struct mf_context *rc, const char *prefix,
			     const struct mf_strings *names)
{
	int r = 0;

	for (size_t i = 0; !r && i < names->n; i++) {
		_cleanup_free_ char *path = mf_format("%s%s", prefix, names->v[i]);

		r = path ? replica_touch(rc, path) : -ENOMEM;
	}
	return r;
}

/* ---- the kernel ---- */

#define MODULE_PATH "kernel/%s.ko"

/* Modules as files; links to one of them, since there may be thousands. */
static int make_modules(const struct mf_context *rc, const struct mf_strings *modules)
{
	_cleanup_free_ char *path = mf_kernel_path(rc->kernel, "kernel");
	_cleanup_close_ int dirfd = path ? mf_context_mkdir(rc, path) : -ENOMEM;
	_cleanup_free_ char *first = NULL;

	if (dirfd < 0)
		return dirfd;
	for (size_t i = 0; i < modules->n; i++) {
		_cleanup_free_ char *name = mf_format("%s.ko", modules->v[i]);
		_cleanup_close_ int fd = -1;

		if (!name)
			return -ENOMEM;
		if (first && (!linkat(dirfd, first, dirfd, name, 0) || errno == EEXIST))
			continue;
		fd = openat(dirfd, name, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
		if (fd < 0)
			return -errno;
		free(first);
		first = MF_STEAL(name);
	}
	return 0;
}

/* A text with FORMAT for each name: modules.dep, modules.builtin. */
static int write_names(const struct mf_context *rc, const char *file, const char *format_end,
		       const struct mf_strings *names)
{
	_cleanup_free_ char *path = mf_kernel_path(rc->kernel, file), *text = NULL;
	size_t len;
	FILE *f = path ? open_memstream(&text, &len) : NULL;

	if (!f)
		return -ENOMEM;
	for (size_t i = 0; i < names->n; i++)
		fprintf(f, MODULE_PATH "%s\n", names->v[i], format_end);
	return fclose(f) ? -ENOMEM : replica_write(rc, path, text, len);
}

static int write_index(const struct mf_context *rc, const struct mf_strings *modules)
{
	_cleanup_free_ char *path = mf_kernel_path(rc->kernel, "modules.dep.bin");
	struct mf_trie_builder *builder = NULL;
	_cleanup_free_ void *buf = NULL;
	size_t len;
	int r = path ? mf_trie_builder_new(&builder) : -ENOMEM;

	for (size_t i = 0; !r && i < modules->n; i++) {
		_cleanup_free_ char *value = mf_format(MODULE_PATH ":", modules->v[i]);

		r = value ? mf_trie_builder_add(builder, modules->v[i], value, 0) : -ENOMEM;
	}
	if (!r)
		r = mf_trie_builder_finish(builder, &buf, &len);
	mf_trie_builder_free(builder);
	return r ? r : replica_write(rc, path, buf, len);
}

/* The exports in the kernel's own form; none: those of the repositories count. */
static int write_exports(const struct mf_context *rc, const struct mf_strings *exports)
{
	_cleanup_free_ char *path = mf_kernel_path(rc->kernel, "symvers"), *text = NULL;
	size_t len;
	FILE *f;

	if (!exports->n)
		return 0;
	f = path ? open_memstream(&text, &len) : NULL;
	if (!f)
		return -ENOMEM;
	for (size_t i = 0; i < exports->n; i++) {
		const char *line = exports->v[i], *symbol = strchr(line, ' ') + 1;
		const char *module = strchr(symbol, ' ') + 1;

		fprintf(f, "0x%.*s\t%.*s\t%s\tEXPORT_SYMBOL\t\n", (int)(symbol - line - 1), line,
			(int)(module - symbol - 1), symbol, module);
	}
	return fclose(f) ? -ENOMEM : replica_write(rc, path, text, len);
}

static int write_release(const struct mf_context *rc, const char *version)
{
	_cleanup_free_ char *text = NULL;

	if (!version)
		return 0;
	text = mf_format("VERSION_ID=\"%s\"\n", version);
	return text ? replica_write(rc, "etc/os-release", text, strlen(text)) : -ENOMEM;
}

static int make_machine(const struct mf_context *rc, const struct mf_list *list)
{
	const struct mf_strings *present = &list->lines[MF_LIST_PRESENT];
	int r = make_modules(rc, present);

	if (!r)
		r = write_names(rc, "modules.dep", ":", present);
	if (!r)
		r = write_index(rc, present);
	if (!r)
		r = write_names(rc, "modules.builtin", "", &list->lines[MF_LIST_BUILTIN]);
	if (!r)
		r = write_exports(rc, &list->lines[MF_LIST_EXPORT]);
	if (!r)
		r = replica_touch_all(rc, "lib/firmware/", &list->lines[MF_LIST_FIRMWARE]);
	if (!r)
		r = replica_touch_all(rc, "", &list->lines[MF_LIST_FILE]);
	return r ? r : write_release(rc, list->releasever);
}

/* ---- the configuration of this machine ---- */

/* Copies a file of this machine's root; one that cannot be read is reported and left out. */
static int copy_file(struct mf_context *ctx, const struct mf_context *rc, const char *path)
{
	_cleanup_close_ int fd = mf_context_open(ctx, path, O_RDONLY);
	_cleanup_free_ char *text = NULL;
	size_t len;
	int r = fd < 0 ? fd : mf_file_read(fd, FILE_MAX, &text, &len);

	if (r == -ENOENT)
		return 0;
	if (r < 0) {
		mf_log(ctx, MF_LOG_WARNING, "list: /%s is not used, it cannot be read: %s",
		       path + (*path == '/'), mf_error_sentence(r));
		return 0;
	}
	r = replica_write(rc, path, text, len);
	return r == -EEXIST ? 0 : r;
}

static int copy_directory(struct mf_context *ctx, const struct mf_context *rc, const char *path)
{
	_cleanup_close_ int fd = mf_context_open(ctx, path, O_RDONLY | O_DIRECTORY);
	_cleanup_closedir_ DIR *dir = fd < 0 ? NULL : mf_opendir(fd);
	struct dirent *e;
	size_t n = 0;
	int r = 0;

	while (dir && !r && n < FILES_MAX && (e = readdir(dir))) {
		_cleanup_free_ char *file = mf_format("%s/%s", path, e->d_name);
		struct stat st;

		if (!file)
			return -ENOMEM;
		if (e->d_name[0] == '.' || fstatat(fd, e->d_name, &st, 0) < 0 ||
		    S_ISDIR(st.st_mode))
			continue;
		n++;
		r = copy_file(ctx, rc, file);
	}
	return r;
}

/* The certificates that entries name, which may be anywhere. */
static int copy_certificates(struct mf_context *ctx, struct mf_context *rc)
{
	_cleanup_(mf_repos_done) struct mf_repos repos = { 0 };
	int r = mf_repos_read(ctx, &repos);

	for (size_t i = 0; !r && i < repos.n; i++) {
		const struct mf_access *access = &repos.v[i].access;
		const char *const files[] = { access->ca, access->client_cert, access->client_key };

		for (size_t j = 0; !r && j < MF_ARRAY_SIZE(files); j++)
			r = files[j] ? copy_file(ctx, rc, files[j]) : 0;
	}
	return r;
}

static int copy_configuration(struct mf_context *ctx, struct mf_context *rc,
			      bool without_repositories)
{
	static const char *const directories[] = {
		"etc/modfetch/keys/deny.d", "etc/dnf/vars",	    "etc/yum/vars",
		"etc/zypp/vars.d",	    "etc/modfetch/repos.d", "etc/modfetch/keys/repo.d"
	};
	size_t n = MF_ARRAY_SIZE(directories) - (without_repositories ? 2 : 0);
	int r = copy_file(ctx, rc, "etc/modfetch/modfetch.conf");

	for (size_t i = 0; !r && i < n; i++)
		r = copy_directory(ctx, rc, directories[i]);
	return r || without_repositories ? r : copy_certificates(ctx, rc);
}

/* ---- the whole ---- */

/* Takes over what is about this run, and no machine. */
static void take_over_run(const struct mf_context *ctx, struct mf_context *rc)
{
	rc->log_level = ctx->log_level;
	rc->display = ctx->display;
	rc->unattended = ctx->unattended;
	rc->settings.thorough |= ctx->settings.thorough;
	rc->is_replica = true;
}

int travel_replica_make(struct mf_context *ctx, const struct mf_list *list,
			bool without_repositories, struct travel_replica *ret_replica)
{
	char template[] = TEMPLATE;
	struct mf_context *rc = &ret_replica->ctx;
	int r;

	ret_replica->ctx.root_fd = ret_replica->ctx.helper = -1;
	if (!mkdtemp(template))
		return mf_fail(ctx, MF_STAGE_LIST, -errno, TEMPLATE, NULL);
	ret_replica->path = strdup(template);
	if (!ret_replica->path) {
		(void)rmdir(template);
		return mf_fail(ctx, MF_STAGE_LIST, -ENOMEM, TEMPLATE, NULL);
	}
	r = mf_context_init(rc, ret_replica->path, list->kernel);
	if (!r) {
		take_over_run(ctx, rc);
		rc->machine = list->machine;
		r = copy_configuration(ctx, rc, without_repositories);
	}
	if (!r)
		r = mf_settings_read(rc);
	if (!r)
		r = make_machine(rc, list);
	if (r >= 0)
		return 0;
	if (rc->failure.code)
		ctx->failure = rc->failure;
	return ctx->failure.code ? r : mf_fail(ctx, MF_STAGE_LIST, r, ret_replica->path, NULL);
}
