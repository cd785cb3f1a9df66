/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The repository's metadata: made beside the old metadata, signed, and exchanged with it in one
 * step.
 *
 * createrepo_c describes exactly the packages listed. A copy of its whole output stays in .pack/md,
 * and the next run takes unchanged entries from there; only the part that readers need is
 * published, primary.xml. The new repodata/ keeps the data files of the one it replaces, so that a
 * reader that has fetched the old repomd.xml finds the files that it names; packages that only the
 * old metadata lists stay until the next run. Everything is on disk before the exchange.
 *
 * The <repo> tag of the metadata holds the identity of the repository, so that no other repository
 * that the same key signs can be served in its place. If no identity is given, the first run
 * generates one, and later runs keep the published one. Advisories (updateinfo.xml) are kept the same
 * way, since createrepo_c does not make them.
 */
#include <ctype.h>
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
#include "modfetch/strings.h"
#include "model.h"

#define IDENTITY_MAX 128

/* Metadata that no reader needs: modules are not searched by file, and have no changelog. */
static const char *const unneeded_metadata[] = { "filelists", "other" };

static int write_lines(int dirfd, const char *name, const struct mf_strings *lines)
{
	_cleanup_free_ char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	if (!out)
		return -ENOMEM;
	for (size_t i = 0; i < lines->n; i++)
		fprintf(out, "%s\n", lines->v[i]);
	return fclose(out) ? -ENOMEM : mf_file_publish(dirfd, name, 0644, text, len);
}

static int read_lines(int dirfd, const char *name, struct mf_strings *ret_lines)
{
	_cleanup_free_ char *text = NULL;
	char *save = NULL;
	size_t len;
	int r = mf_file_read_at(dirfd, name, (size_t)1 << 28, &text, &len);

	if (r < 0)
		return r == -ENOENT ? 0 : r;
	for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		r = mf_strings_add(ret_lines, line);
		if (r < 0)
			return r;
	}
	mf_strings_sort(ret_lines);
	return 0;
}

static bool same_lines(const struct mf_strings *a, const struct mf_strings *b)
{
	if (a->n != b->n)
		return false;
	for (size_t i = 0; i < a->n; i++)
		if (strcmp(a->v[i], b->v[i]))
			return false;
	return true;
}

/* ---- identity ---- */

static bool is_identity(const char *text, size_t len)
{
	static const char others[] = "-_.:+/@~=, ";

	for (size_t i = 0; i < len; i++)
		if (!isalnum((unsigned char)text[i]) && !strchr(others, text[i]))
			return false;
	return len && len <= IDENTITY_MAX && text[0] != ' ' && text[len - 1] != ' ';
}

bool pack_identity_valid(const char *text)
{
	return is_identity(text, strlen(text));
}

/* The identity in the published metadata, new memory. NULL: none. */
static char *published_identity(const struct pack *pack)
{
	_cleanup_free_ char *repomd = NULL;
	const char *begin, *end;
	size_t len;

	if (mf_file_read_at(pack->repo_fd, "repodata/repomd.xml", 1U << 24, &repomd, &len) < 0)
		return NULL;
	begin = strstr(repomd, "<repo>");
	begin = begin ? begin + strlen("<repo>") : NULL;
	end = begin ? strstr(begin, "</repo>") : NULL;
	return end && is_identity(begin, (size_t)(end - begin))
		       ? strndup(begin, (size_t)(end - begin))
		       : NULL;
}

/* An identity that no other repository has; new memory or NULL. */
static char *new_identity(void)
{
	_cleanup_free_ char *uuid = NULL;
	size_t len;

	if (mf_file_read_at(AT_FDCWD, "/proc/sys/kernel/random/uuid", 64, &uuid, &len) < 0)
		return NULL;
	uuid[strcspn(uuid, "\n")] = '\0';
	return mf_format("uuid:%s", uuid);
}

/* ---- metadata ---- */

static int publish_run(struct pack *pack, const char *const *argv, const char *log_name)
{
	_cleanup_free_ char *log = mf_format("%s/%s", pack->work, log_name);
	struct pack_tool tool = { .argv = argv, .log = log };

	if (!log)
		return mf_fail(pack->ctx, MF_STAGE_PACK, -ENOMEM, argv[0], NULL);
	return pack_tool_check(pack, &tool, pack_tool_run(&tool));
}

/* Makes work/next/repodata from the packages listed in work/packages. */
static int make_metadata(struct pack *pack, const char *identity)
{
	_cleanup_free_ char *list = mf_format("%s/packages", pack->work);
	_cleanup_free_ char *next = mf_format("%s/next", pack->work);
	_cleanup_free_ char *old = mf_format("%s/../md", pack->work);
	/* gz: createrepo_c takes zstd from 1.0 on, which tools of older distributions cannot read */
	const char *const argv[] = {
		"createrepo_c",
		"--quiet",
		"--no-database",
		"--checksum",
		"sha256",
		"--pkglist",
		list,
		"--outputdir",
		next,
		"--update",
		"--update-md-path",
		old,
		"--workers",
		"2",
		"--error-exit-val",
		"--general-compress-type=gz",
		"--repo",
		identity,
		pack->output,
		NULL,
	};

	if (!list || !next || !old)
		return mf_fail(pack->ctx, MF_STAGE_PACK, -ENOMEM, "createrepo_c", NULL);
	if (mkdir(next, 0755) < 0)
		return mf_fail(pack->ctx, MF_STAGE_PACK, -errno, next, NULL);
	return publish_run(pack, argv, "createrepo.log");
}

/*
 * Hard-links every file of one directory into another; with MENTIONED_IN only those that this text
 * names.
 */
static int link_all(int from_fd, int to_fd, const char *mentioned_in)
{
	_cleanup_closedir_ DIR *dir = mf_opendir(from_fd);
	struct dirent *e;

	if (!dir)
		return -errno;
	while ((errno = 0, e = readdir(dir))) {
		if (e->d_name[0] == '.')
			continue;
		if (mentioned_in && !strstr(mentioned_in, e->d_name))
			continue;
		if (linkat(from_fd, e->d_name, to_fd, e->d_name, 0) < 0 && errno != EEXIST)
			return -errno;
	}
	return -errno;
}

/* The directory of the new metadata, or -errno. */
static int open_next(const struct pack *pack)
{
	int fd = openat(pack->private_fd, "work/next/repodata", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

/* Links the new metadata into .pack/md for the next run. */
static int save_copy(struct pack *pack)
{
	_cleanup_close_ int next_fd = open_next(pack), md_fd = -1;
	int r;

	if (next_fd < 0)
		return next_fd;
	r = mf_tree_remove(pack->private_fd, "md");
	if (r < 0)
		return r;
	if (mkdirat(pack->private_fd, "md", 0755) < 0 ||
	    mkdirat(pack->private_fd, "md/repodata", 0755) < 0)
		return -errno;
	md_fd = openat(pack->private_fd, "md/repodata", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return md_fd < 0 ? -errno : link_all(next_fd, md_fd, NULL);
}

static int drop_unneeded(struct pack *pack)
{
	_cleanup_free_ char *repodata = mf_format("%s/next/repodata", pack->work);

	for (size_t i = 0; repodata && i < MF_ARRAY_SIZE(unneeded_metadata); i++) {
		const char *const argv[] = { "modifyrepo_c", "--remove", unneeded_metadata[i],
					     repodata, NULL };
		int r = publish_run(pack, argv, "modifyrepo.log");

		if (r < 0)
			return r;
	}
	return repodata ? 0 : mf_fail(pack->ctx, MF_STAGE_PACK, -ENOMEM, "repodata", NULL);
}

/* The path of the published updateinfo.xml, new memory. NULL: there is none. */
static char *published_updateinfo(const struct pack *pack)
{
	_cleanup_close_ int fd =
		openat(pack->repo_fd, "repodata", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	_cleanup_free_ char *name = fd < 0 ? NULL : mf_pack_metadata_find(fd, "updateinfo");

	return name ? mf_format("%s/repodata/%s", pack->output, name) : NULL;
}

/* Adds the advisories of the option, or else those that are published, to new metadata. */
static int add_updateinfo(struct pack *pack)
{
	_cleanup_free_ char *repodata = mf_format("%s/next/repodata", pack->work);
	_cleanup_free_ char *published = published_updateinfo(pack), *file = NULL;
	const char *from = pack->options->updateinfo ? pack->options->updateinfo : published;

	/* modifyrepo_c would take a path that begins with a dash for an option */
	file = from ? realpath(from, NULL) : NULL;
	if (from && !file)
		return mf_fail(pack->ctx, MF_STAGE_PACK, -errno, from, NULL);
	if (!repodata)
		return mf_fail(pack->ctx, MF_STAGE_PACK, -ENOMEM, "repodata", NULL);
	if (file) {
		const char *const argv[] = {
			"modifyrepo_c",	   "--mdtype", "updateinfo", "--new-name", "updateinfo.xml",
			"--compress-type", "gz",       file,	     repodata,	   NULL
		};

		return publish_run(pack, argv, "modifyrepo.log");
	}
	return 0;
}

static int sign_cms(struct pack *pack, int fd)
{
	_cleanup_free_ char *repomd = NULL;
	_cleanup_free_ void *sig = NULL;
	size_t len, sig_len;
	int r = mf_file_read_at(fd, "repomd.xml", 1U << 24, &repomd, &len);

	if (r < 0)
		return mf_fail(pack->ctx, MF_STAGE_PACK, r, "repomd.xml", NULL);
	r = mf_cms_sign(pack->options->key, pack->options->cert, repomd, len, &sig, &sig_len);
	if (r < 0)
		return mf_fail(pack->ctx, MF_STAGE_PACK, r, pack->options->key,
			       r == -EBADMSG
				       ? "the key and the certificate must be a matching pair in "
					 "PEM, the key without a passphrase"
				       : NULL);
	r = mf_file_publish(fd, "repomd.xml.p7s", 0644, sig, sig_len);
	return r < 0 ? mf_fail(pack->ctx, MF_STAGE_PACK, r, "repomd.xml.p7s", NULL) : 0;
}

static int sign_openpgp(struct pack *pack)
{
	_cleanup_free_ char *repomd = mf_format("%s/next/repodata/repomd.xml", pack->work);
	_cleanup_free_ char *asc = mf_format("%s/next/repodata/repomd.xml.asc", pack->work);
	const char *const argv[] = { "gpg",
				     "--batch",
				     "--yes",
				     "--armor",
				     "--digest-algo",
				     "SHA256",
				     "--local-user",
				     pack->options->gpg_key,
				     "--detach-sign",
				     "--output",
				     asc,
				     repomd,
				     NULL };

	return repomd && asc ? publish_run(pack, argv, "gpg.log")
			     : mf_fail(pack->ctx, MF_STAGE_PACK, -ENOMEM, "gpg", NULL);
}

static int publish_sign(struct pack *pack, int next_fd)
{
	int r = 0;

	/* an old signature does not match the new metadata */
	(void)unlinkat(next_fd, "repomd.xml.p7s", 0);
	(void)unlinkat(next_fd, "repomd.xml.asc", 0);
	if (pack->options->key)
		r = sign_cms(pack, next_fd);
	if (r >= 0 && pack->options->gpg_key)
		r = sign_openpgp(pack);
	return r;
}

/* Links the files that the published repomd.xml names into the new directory. */
static int link_published(const struct pack *pack, int next_fd)
{
	_cleanup_close_ int old_fd =
		openat(pack->repo_fd, "repodata", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	_cleanup_free_ char *repomd = NULL;
	size_t len;
	int r;

	if (old_fd < 0)
		return errno == ENOENT ? 0 : -errno;
	r = mf_file_read_at(old_fd, "repomd.xml", 1U << 24, &repomd, &len);
	if (r < 0)
		return r == -ENOENT ? 0 : r;
	return link_all(old_fd, next_fd, repomd);
}

static int publish_exchange(struct pack *pack)
{
	static const char next[] = ".pack/work/next/repodata";
	int r = 0;

	if (syncfs(pack->repo_fd) < 0)
		return -errno;
	if (renameat2(pack->repo_fd, next, pack->repo_fd, "repodata", RENAME_EXCHANGE) < 0) {
		if (errno == ENOENT)
			r = renameat(pack->repo_fd, next, pack->repo_fd, "repodata");
		else
			r = -1;
	}
	if (r < 0)
		return -errno;
	return fsync(pack->repo_fd) < 0 ? -errno : 0;
}

/*
 * The list of packages is unchanged: links the published metadata into the next directory, where it
 * is signed again.
 */
static int copy_published(struct pack *pack)
{
	_cleanup_close_ int old_fd =
		openat(pack->repo_fd, "repodata", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	_cleanup_close_ int next_fd = -1;

	if (old_fd < 0)
		return -errno;
	if (mkdirat(pack->private_fd, "work/next", 0755) < 0 ||
	    mkdirat(pack->private_fd, "work/next/repodata", 0755) < 0)
		return -errno;
	next_fd = open_next(pack);
	return next_fd < 0 ? next_fd : link_all(old_fd, next_fd, NULL);
}

static int publish_prepare(struct pack *pack, const struct mf_strings *now,
			   const struct mf_strings *before)
{
	_cleanup_free_ char *was = published_identity(pack), *identity = NULL;
	int r;

	identity = pack->options->identity ? strdup(pack->options->identity)
		   : was		   ? strdup(was)
					   : new_identity();
	if (!identity)
		return mf_fail(pack->ctx, MF_STAGE_PACK, -EIO, "identity", NULL);
	/* modifyrepo_c would change the repomd.xml that is published, whose links the copies are */
	if (pack->options->incremental && !pack->options->updateinfo && same_lines(now, before) &&
	    was && !strcmp(was, identity) && !copy_published(pack))
		return 0;
	r = mf_tree_remove(pack->private_fd, "work/next");
	if (r < 0)
		return mf_fail(pack->ctx, MF_STAGE_PACK, r, "next", NULL);
	pack_progress(pack, "describing", 0, now->n);
	r = make_metadata(pack, identity);
	if (r < 0)
		return r;
	r = save_copy(pack);
	if (r < 0)
		return mf_fail(pack->ctx, MF_STAGE_PACK, r, ".pack/md", NULL);
	r = drop_unneeded(pack);
	if (r >= 0)
		r = add_updateinfo(pack);
	pack_progress(pack, "describing", now->n, now->n);
	return r;
}

static int publish_finish(struct pack *pack)
{
	_cleanup_close_ int next_fd = open_next(pack);
	int r;

	if (next_fd < 0)
		return mf_fail(pack->ctx, MF_STAGE_PACK, next_fd, "repodata", NULL);
	r = pack_metadata_measure(pack, next_fd);
	if (r < 0)
		return r;
	r = publish_sign(pack, next_fd);
	if (r < 0)
		return r;
	r = pack_introduce(pack);
	if (r < 0)
		return r;
	r = link_published(pack, next_fd);
	if (r >= 0)
		r = publish_exchange(pack);
	return r < 0 ? mf_fail(pack->ctx, MF_STAGE_PACK, r, "repodata",
			       "the new metadata cannot be put in place")
		     : 0;
}

int pack_publish(struct pack *pack)
{
	_cleanup_(mf_strings_done) struct mf_strings now = { 0 }, before = { 0 };
	int r = pack_place(pack);

	if (r < 0)
		return r;
	r = pack_state_hrefs(pack, &now);
	if (r < 0)
		return r;
	pack->result.in_repository = now.n;
	r = read_lines(pack->private_fd, "published", &before);
	if (r >= 0)
		r = write_lines(pack->work_fd, "packages", &now);
	if (r < 0)
		return mf_fail(pack->ctx, MF_STAGE_PACK, r, ".pack", NULL);
	r = publish_prepare(pack, &now, &before);
	if (r >= 0)
		r = publish_finish(pack);
	if (r >= 0)
		r = pack_state_write(pack);
	if (r < 0)
		return r;
	r = write_lines(pack->private_fd, "published", &now);
	if (r < 0)
		return mf_fail(pack->ctx, MF_STAGE_PACK, r, "published", NULL);
	pack_place_prune(pack, &now, &before);
	return 0;
}
