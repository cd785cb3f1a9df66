/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The page as a whole: the exchange, what stays, and what is in the way. A real repository: test_page.py. */
#include "tests/unit.h"
#include "tests/root.h"
#include <dirent.h>
#include <sys/file.h>
#include "modfetch/page.h"
#include "tests/page.h"
#include "tests/shell.h"

#define HEX64 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

static void write_primary(const struct root *root, const char *text)
{
	root_write(root, "repodata/p.xml", text);
	run("gzip -f %s/repodata/p.xml", root->path);
}

/* Publishes a repository with one driver. */
static void publish(struct root *root, const char *driver)
{
	char text[1024];

	root_write(root, ".pack/6.1.0-9-amd64 amd64.list",
		   "modfetch-pack-state 2\n" HEX64 " 10 - x86_64/a.rpm\n");
	root_write(root, "repodata/repomd.xml",
		   "<repomd><data type=\"primary\"><location "
		   "href=\"repodata/p.xml.gz\"/></data></repomd>");
	snprintf(text, sizeof(text),
		 "<metadata><package><name>%s-kmp-amd64</name><arch>x86_64</arch>"
		 "<version ver=\"1\" rel=\"2\"/><location href=\"x86_64/a.rpm\"/>"
		 "<format><provides><entry name=\"kmod(%s.ko)\"/></provides></format></package>"
		 "</metadata>",
		 driver, driver);
	write_primary(root, text);
}

static size_t count_files(const struct root *root)
{
	_cleanup_close_ int fd = openat(root->fd, "page", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	_cleanup_closedir_ DIR *dir = mf_opendir(fd);
	struct dirent *e;
	size_t n = 0;

	while ((e = readdir(dir)))
		n += page_file_is_ours(e->d_name);
	return n;
}

/* The file that the published page names as its list. */
static void list_name(const struct root *root, char ret_name[64])
{
	static const char mark[] = "\"modfetch-list\" content=\"";
	_cleanup_free_ char *html = NULL;
	const char *at;
	size_t len;

	assert_int_equal(mf_file_read_at(root->fd, "page/index.html", 1 << 20, &html, &len), 0);
	at = strstr(html, mark);
	assert_non_null(at);
	snprintf(ret_name, 64, "page/%.37s", at + strlen(mark));
}

static void the_files_of_the_page_before_stay_for_one_run(void **state)
{
	const struct root *root = *state;
	char first[64], second[64];
	size_t files;

	publish(*state, "one");
	assert_false(mf_page_exists(root->path));
	assert_int_equal(mf_page_write(&((struct root *)*state)->ctx, root->path), 0);
	assert_true(mf_page_exists(root->path));
	list_name(root, first);
	assert_true(root_has(root, first));
	files = count_files(root);
	/* the same packages make the same page */
	assert_int_equal(mf_page_write(&((struct root *)*state)->ctx, root->path), 0);
	assert_int_equal(count_files(root), files);
	root_write(root, "page/mine.html", "stays");
	publish(*state, "two");
	assert_int_equal(mf_page_write(&((struct root *)*state)->ctx, root->path), 0);
	list_name(root, second);
	assert_string_not_equal(first, second);
	assert_true(root_has(root, first));
	publish(*state, "three");
	assert_int_equal(mf_page_write(&((struct root *)*state)->ctx, root->path), 0);
	assert_false(root_has(root, first));
	assert_true(root_has(root, second));
	assert_true(root_has(root, "page/mine.html"));
}

static void a_run_of_pack_excludes_it(void **state)
{
	struct root *root = *state;
	_cleanup_close_ int lock = -1;

	publish(root, "one");
	root_write(root, ".pack/lock", "");
	lock = openat(root->fd, ".pack/lock", O_RDWR | O_CLOEXEC);
	assert_int_equal(flock(lock, LOCK_EX), 0);
	assert_int_equal(mf_page_write(&root->ctx, root->path), -MFE_LOCKED);
	assert_false(root_has(root, "page"));
}

static void a_failure_leaves_the_page_before(void **state)
{
	struct root *root = *state;
	_cleanup_free_ char *before = NULL, *after = NULL;

	publish(root, "one");
	assert_int_equal(mf_page_write(&root->ctx, root->path), 0);
	before = root_read(root, "page/index.html");
	write_primary(root, "<metadata><package>");
	assert_int_equal(mf_page_write(&root->ctx, root->path), -MFE_BAD_METADATA);
	root_write(root, "repodata/repomd.xml", "<repomd/>");
	assert_int_equal(mf_page_write(&root->ctx, root->path), -ENOENT);
	after = root_read(root, "page/index.html");
	assert_string_equal(before, after);
}

static void a_link_in_the_place_of_the_directory_is_refused(void **state)
{
	struct root *root = *state;

	publish(root, "one");
	root_mkdir(root, "elsewhere");
	root_link(root, "elsewhere", "page");
	assert_true(mf_page_write(&root->ctx, root->path) < 0);
	assert_false(root_has(root, "elsewhere/index.html"));
}

static void the_page_runs_no_code_but_its_own(void **state)
{
	assert_non_null(strstr(page_html, "content=\"default-src 'self';"));
	assert_null(strstr(page_html, "style="));
	assert_null(strstr(page_html, " on"
				      "click"));
	assert_null(strstr(page_js, "innerHTML"));
	assert_null(strstr(page_js, "eval("));
	assert_null(strstr(page_js, "http:"));
	assert_null(strstr(page_js, "https:"));
	assert_null(strstr(page_css, "url("));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ROOTED(the_files_of_the_page_before_stay_for_one_run),
		ROOTED(a_run_of_pack_excludes_it),
		ROOTED(a_failure_leaves_the_page_before),
		ROOTED(a_link_in_the_place_of_the_directory_is_refused),
		UNIT(the_page_runs_no_code_but_its_own),
	};

	return UNIT_RUN(tests);
}
