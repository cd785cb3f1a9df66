/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The page of a repository: reads what was published, makes the tables, and publishes the files.
 *
 *	REPO/page/index.html	the page; it names the three files below by their digests
 *	REPO/page/DIGEST.css, DIGEST.js
 *	REPO/page/DIGEST.json	the list: the kernels, how the repository is signed, the pieces of each table
 *	REPO/page/DIGEST.json	a piece of a table
 *	REPO/.pack/page		the names of the files of this page
 *
 * index.html is replaced at the end, in one rename. Files of the page before stay until the next run, for a
 * reader that has the old index.html; other files in the directory are not ours and stay for ever. Nothing
 * else refers to the page: a machine never reads it, so it needs no signature, and it promises nothing that
 * the signed metadata do not say. While the page is made, no other run may change the repository: it holds
 * the lock of modfetch pack.
 */
#include "modfetch/page.h"
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>
#include "modfetch/array.h"
#include "modfetch/cleanup.h"
#include "modfetch/crypto.h"
#include "modfetch/file.h"
#include "modfetch/inflate.h"
#include "modfetch/json.h"
#include "modfetch/pack.h"
#include "model.h"

#define INDEX	    "index.html"
#define NAMES	    "page" /* in .pack */
#define PRIMARY_MAX ((size_t)1 << 32)
#define SMALL_MAX   ((size_t)16 << 20)

struct page {
	struct mf_context *ctx;
	const char *path; /* as given, for messages */
	int repo_fd, private_fd, lock_fd;
	struct page_files files;
	struct page_repo repo;
};

static void page_done(struct page *page)
{
	const int fds[] = { page->files.dirfd, page->lock_fd, page->private_fd, page->repo_fd };

	for (size_t i = 0; i < MF_ARRAY_SIZE(fds); i++)
		mf_cleanup_close(&fds[i]);
	mf_strings_done(&page->files.names);
	page_repo_done(&page->repo);
}

bool mf_page_exists(const char *repository)
{
	_cleanup_free_ char *path = mf_format("%s/page/" INDEX, repository);
	struct stat st;

	return path && !lstat(path, &st) && S_ISREG(st.st_mode);
}

/* ---- what was published ---- */

static int open_all(struct page *page)
{
	const int flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;

	page->repo_fd = open(page->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (page->repo_fd >= 0)
		page->private_fd = openat(page->repo_fd, ".pack", flags);
	if (page->private_fd >= 0)
		page->lock_fd =
			openat(page->private_fd, "lock", O_RDWR | O_CREAT | O_CLOEXEC, 0644);
	if (page->lock_fd < 0)
		return mf_fail(page->ctx, MF_STAGE_PACK, -errno, page->path, NULL);
	if (flock(page->lock_fd, LOCK_EX | LOCK_NB) < 0)
		return mf_fail(page->ctx, MF_STAGE_PACK, -MFE_LOCKED, page->path,
			       "another run of modfetch pack works on it, so its page was not "
			       "written; that run or the next one writes it");
	if (mkdirat(page->repo_fd, "page", 0755) < 0 && errno != EEXIST)
		return mf_fail(page->ctx, MF_STAGE_PACK, -errno, "page", NULL);
	page->files.dirfd = openat(page->repo_fd, "page", flags);
	return page->files.dirfd < 0 ? mf_fail(page->ctx, MF_STAGE_PACK, -errno, "page", NULL) : 0;
}

static int page_read_packages(struct page *page)
{
	_cleanup_close_ int fd =
		openat(page->repo_fd, "repodata", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	_cleanup_free_ char *name = fd < 0 ? NULL : mf_pack_metadata_find(fd, "primary");
	_cleanup_free_ char *packed = NULL;
	_cleanup_free_ void *text = NULL;
	size_t packed_len, len;
	int r = name ? mf_file_read_at(fd, name, PRIMARY_MAX, &packed, &packed_len) : -ENOENT;

	if (!r)
		r = mf_inflate(packed, packed_len, PRIMARY_MAX, &text, &len);
	if (!r)
		r = page_packages_parse(text, len, &page->repo);
	return r < 0 ? mf_fail(page->ctx, MF_STAGE_PACK, r == -EBADMSG ? -MFE_BAD_METADATA : r,
			       name ? name : "repodata", NULL)
		     : 0;
}

/* The fingerprint of the published certificate. False: there is none. */
static bool read_fingerprint(const struct page *page, char ret_fingerprint[MF_SHA256_HEX])
{
	_cleanup_free_ char *text = NULL;
	struct mf_certificate certificate;
	struct mf_keyring *keyring = NULL;
	bool found = false;
	size_t len;

	if (faccessat(page->repo_fd, "repodata/repomd.xml.p7s", F_OK, 0) < 0 ||
	    mf_file_read_at(page->repo_fd, MF_PACK_CERTIFICATE, SMALL_MAX, &text, &len) < 0)
		return false;
	if (!mf_keyring_new(&keyring) && !mf_keyring_add(keyring, text, len, false) &&
	    mf_keyring_size(keyring) == 1) {
		mf_keyring_describe(keyring, 0, &certificate);
		memcpy(ret_fingerprint, certificate.fingerprint, MF_SHA256_HEX);
		found = true;
	}
	mf_keyring_free(keyring);
	return found;
}

/* ---- the files ---- */

static void free_json(struct mf_json **value)
{
	mf_json_free(*value);
}

static bool is_wild(const char *key)
{
	return key[strlen(key) - 1] == '*';
}

/* The keys of the records that have patterns of several buses. */
static struct mf_json *wild_keys(const struct page_records *devices)
{
	struct mf_json *array = mf_json_array();

	for (size_t i = 0; i < devices->n; i++)
		if (*devices->v[i].key != '=' && is_wild(devices->v[i].key))
			mf_json_add_string(array, devices->v[i].key);
	return array;
}

static int write_table(struct page *page, const char *name, struct page_records *records,
		       struct mf_json *list)
{
	struct mf_json *pieces;
	int r = page_pieces_write(&page->files, records, &pieces);

	if (!r)
		mf_json_set(list, name, pieces);
	return r;
}

static int write_tables(struct page *page, struct mf_json *list)
{
	_cleanup_(page_records_done) struct page_records drivers = { 0 }, devices = { 0 },
							 by_word = { 0 };
	_cleanup_(page_words_done) struct page_words words = { 0 };
	int r = page_drivers_make(&page->repo, &words, &drivers);

	if (!r)
		r = page_devices_make(page->ctx, &page->repo, &words, &devices);
	if (!r)
		r = page_words_make(&words, &by_word);
	if (r < 0)
		return mf_fail(page->ctx, MF_STAGE_PACK, r, "page", NULL);
	mf_json_set(list, "wild", wild_keys(&devices));
	r = write_table(page, "drivers", &drivers, list);
	if (!r)
		r = write_table(page, "devices", &devices, list);
	return r ? r : write_table(page, "words", &by_word, list);
}

/* Writes the pieces and their list, whose file is RET_NAME. */
static int write_data(struct page *page, char ret_name[PAGE_FILE_SIZE])
{
	_cleanup_(free_json) struct mf_json *list = mf_json_object();
	char fingerprint[MF_SHA256_HEX];
	const char *text;
	int r;

	mf_json_set_int(list, "format", 1);
	mf_json_set_strings(list, "kernels", &page->repo.kernels);
	mf_json_set_int(list, "packages", (int64_t)page->repo.n_packages);
	mf_json_set_string(list, "fingerprint",
			   read_fingerprint(page, fingerprint) ? fingerprint : NULL);
	mf_json_set_bool(list, "openpgp",
			 !faccessat(page->repo_fd, "repodata/repomd.xml.asc", F_OK, 0));
	mf_json_set_bool(list, "section", !faccessat(page->repo_fd, MF_PACK_SECTION, F_OK, 0));
	r = write_tables(page, list);
	if (r < 0)
		return r;
	text = mf_json_text(list, false);
	return page_file_write(&page->files, "json", text, strlen(text), ret_name);
}

/* Replaces MARK in TEXT, which has it once; the caller frees it. NULL: no memory. */
static char *fill_in(const char *text, const char *mark, const char *value)
{
	const char *at = strstr(text, mark);

	return at ? mf_format("%.*s%s%s", (int)(at - text), text, value, at + strlen(mark)) : NULL;
}

static int write_index(struct page *page)
{
	char css[PAGE_FILE_SIZE], js[PAGE_FILE_SIZE], list[PAGE_FILE_SIZE];
	_cleanup_free_ char *with_css = NULL, *with_js = NULL, *html = NULL;
	int r = write_data(page, list);

	if (!r)
		r = page_file_write(&page->files, "css", page_css, strlen(page_css), css);
	if (!r)
		r = page_file_write(&page->files, "js", page_js, strlen(page_js), js);
	if (r < 0)
		return r;
	with_css = fill_in(page_html, "@CSS@", css);
	with_js = with_css ? fill_in(with_css, "@JS@", js) : NULL;
	html = with_js ? fill_in(with_js, "@LIST@", list) : NULL;
	r = html ? 0 : -ENOMEM;
	/* all files that the page names are on disk before it is */
	if (!r && syncfs(page->files.dirfd) < 0)
		r = -errno;
	if (!r)
		r = mf_file_publish(page->files.dirfd, INDEX, 0644, html, strlen(html));
	return r < 0 ? mf_fail(page->ctx, MF_STAGE_PACK, r, "page/" INDEX, NULL) : 0;
}

/* ---- the files of the page before ---- */

static int read_names(const struct page *page, struct mf_strings *ret_names)
{
	_cleanup_free_ char *text = NULL;
	size_t len;
	int r = mf_file_read_at(page->private_fd, NAMES, SMALL_MAX, &text, &len);

	if (!r)
		r = mf_strings_split(ret_names, text);
	mf_strings_sort(ret_names);
	return r == -ENOENT ? 0 : r;
}

static int page_prune(struct page *page)
{
	_cleanup_(mf_strings_done) struct mf_strings before = { 0 };
	_cleanup_closedir_ DIR *dir = mf_opendir(page->files.dirfd);
	_cleanup_free_ char *names = NULL;
	struct dirent *e;
	int r = read_names(page, &before);

	mf_strings_sort(&page->files.names);
	names = mf_strings_join(&page->files.names, "\n");
	if (!r && (!dir || !names))
		r = -ENOMEM;
	while (!r && (errno = 0, e = readdir(dir)))
		if (page_file_is_ours(e->d_name) &&
		    !mf_strings_sorted_has(&page->files.names, e->d_name) &&
		    !mf_strings_sorted_has(&before, e->d_name) &&
		    unlinkat(page->files.dirfd, e->d_name, 0) < 0)
			r = -errno;
	if (!r)
		r = -errno;
	if (!r)
		r = mf_file_publish(page->private_fd, NAMES, 0644, names, strlen(names));
	return r < 0 ? mf_fail(page->ctx, MF_STAGE_PACK, r, "page", NULL) : 0;
}

int mf_page_write(struct mf_context *ctx, const char *repository)
{
	_cleanup_(page_done) struct page page = {
		.ctx = ctx,
		.path = repository,
		.repo_fd = -1,
		.private_fd = -1,
		.lock_fd = -1,
		.files = { .ctx = ctx, .dirfd = -1 },
	};
	int r = open_all(&page);

	if (!r)
		r = page_kernels_read(ctx, page.private_fd, &page.repo);
	if (!r)
		r = page_read_packages(&page);
	if (!r)
		r = write_index(&page);
	return r ? r : page_prune(&page);
}
