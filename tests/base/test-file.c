/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Files are read and published as a whole, sealed, and removed without following a link. */
#include "tests/unit.h"
#include "tests/root.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>
#include "modfetch/cleanup.h"

static void reading_is_bounded(void **state)
{
	struct root *r = *state;
	_cleanup_free_ char *text = NULL;
	size_t len = 7;

	root_write(r, "ten", "0123456789");
	assert_int_equal(mf_file_read_at(r->fd, "ten", 10, &text, &len), 0);
	assert_int_equal(len, 10);
	assert_string_equal(text, "0123456789");
	free(MF_STEAL(text));
	len = 7;
	assert_int_equal(mf_file_read_at(r->fd, "ten", 9, &text, &len), -EFBIG);
	assert_null(text);
	assert_int_equal(len, 7);
	assert_int_equal(mf_file_read_at(r->fd, "none", 9, &text, &len), -ENOENT);
	root_write(r, "empty", "");
	assert_int_equal(mf_file_read_at(r->fd, "empty", 0, &text, &len), 0);
	assert_int_equal(len, 0);
	assert_string_equal(text, "");
	free(MF_STEAL(text));
	/* a directory is no file */
	assert_int_equal(mf_file_read_at(r->fd, ".", 9, &text, &len), -EISDIR);
}

struct lines {
	char text[200];
	size_t n, longest;
	int result;
};

static int on_line(void *arg, char *line)
{
	struct lines *lines = arg;
	size_t len = strlen(line);

	if (len < 20 && strlen(lines->text) < 100)
		snprintf(lines->text + strlen(lines->text), 30, "%s|", line);
	lines->longest = len > lines->longest ? len : lines->longest;
	/* it is the visitor's */
	memset(line, 'x', len);
	return ++lines->n == 3 ? lines->result : 0;
}

static struct lines lines_of(struct root *r, const char *text, size_t cap, int result, int expected)
{
	struct lines lines = { .result = result };
	_cleanup_close_ int fd = -1;

	root_write(r, "lines", text);
	fd = openat(r->fd, "lines", O_RDONLY | O_CLOEXEC);
	assert_int_equal(mf_file_each_line(fd, cap, on_line, &lines), expected);
	return lines;
}

static void lines_come_one_by_one(void **state)
{
	_cleanup_free_ char *many = malloc(400001);
	struct root *r = *state;

	assert_int_equal(lines_of(r, "", 0, 0, 0).n, 0);
	assert_string_equal(lines_of(r, "a\n\nbc\n", 9, 0, 0).text, "a||bc|");
	assert_string_equal(lines_of(r, "a\nno end", 8, 0, 0).text, "a|no end|");
	assert_string_equal(lines_of(r, "1\n2\n3\n4\n", 9, 7, 7).text, "1|2|3|");
	lines_of(r, "1\n2\n3\n4\n", 7, 0, -EFBIG);
	/* longer than what is read at once, and many that end anywhere in it */
	memset(many, 'y', 400000);
	many[400000] = '\0';
	assert_int_equal(lines_of(r, many, 400000, 0, 0).longest, 400000);
	for (size_t i = 0; i < 400000; i += 7)
		many[i + 6 < 400000 ? i + 6 : i] = '\n';
	assert_int_equal(lines_of(r, many, 400000, 0, 0).n, 57144);
}

static bool equals(struct root *r, const char *name, const char *text, size_t len)
{
	_cleanup_close_ int fd = openat(r->fd, name, O_RDONLY | O_CLOEXEC);

	return mf_file_equals(fd, text, len);
}

static void a_file_is_compared_to_its_last_byte(void **state)
{
	struct root *r = *state;
	char text[10001];

	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	root_write(r, "long", text);
	root_write(r, "empty", "");
	assert_true(equals(r, "long", text, sizeof(text) - 1));
	assert_false(equals(r, "long", text, sizeof(text) - 2));
	assert_false(equals(r, "long", text, sizeof(text)));
	text[9999] = 'y';
	assert_false(equals(r, "long", text, sizeof(text) - 1));
	assert_true(equals(r, "empty", NULL, 0));
	assert_false(equals(r, "long", NULL, 0));
	assert_false(mf_file_equals(-1, "", 0));
}

static void a_volatile_file_is_replaced_too(void **state)
{
	_cleanup_(mf_staged_done) struct mf_staged staged = MF_STAGED_INIT;
	struct root *r = *state;

	root_write(r, "name", "old");
	assert_int_equal(mf_staged_init(&staged, r->fd, "name", 0644), 0);
	assert_int_equal(mf_file_write(staged.fd, "new", 3), 0);
	assert_true(equals(r, "name", "old", 3));
	assert_int_equal(mf_staged_publish_volatile(&staged), 0);
	assert_true(equals(r, "name", "new", 3));
}

static void a_position_does_not_matter_and_does_not_move(void **state)
{
	struct root *r = *state;
	_cleanup_close_ int fd = -1;
	_cleanup_free_ char *text = NULL;
	size_t len;

	root_write(r, "f", "abcdef");
	fd = openat(r->fd, "f", O_RDONLY | O_CLOEXEC);
	assert_int_equal(lseek(fd, 3, SEEK_SET), 3);
	assert_int_equal(mf_file_read(fd, 100, &text, &len), 0);
	assert_string_equal(text, "abcdef");
	assert_int_equal(lseek(fd, 0, SEEK_CUR), 3);
}

static void a_pipe_is_read_to_its_end(void **state)
{
	_cleanup_free_ char *text = NULL;
	char *data = malloc(300000);
	size_t len;
	int ends[2];
	pid_t pid;

	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	memset(data, 'p', 300000);
	pid = fork();
	if (!pid)
		_exit(mf_file_write(ends[1], data, 300000) < 0);
	close(ends[1]);
	assert_int_equal(mf_file_read(ends[0], 300000, &text, &len), 0);
	assert_int_equal(len, 300000);
	assert_memory_equal(text, data, len);
	close(ends[0]);
	waitpid(pid, NULL, 0);
	free(data);
}

static void what_says_it_has_no_bytes_is_read_all_the_same(void **state)
{
	_cleanup_free_ char *text = NULL;
	size_t len;

	/* files of /proc have size 0 */
	assert_int_equal(mf_file_read_at(AT_FDCWD, "/proc/self/status", 1 << 20, &text, &len), 0);
	assert_true(len > 100);
	assert_non_null(strstr(text, "VmRSS"));
}

static void publishing_replaces_the_whole_file(void **state)
{
	struct root *r = *state;
	_cleanup_free_ char *text = NULL;
	struct stat before, after;

	root_write(r, "f", "old");
	assert_int_equal(fstatat(r->fd, "f", &before, 0), 0);
	umask(077);
	assert_int_equal(mf_file_publish(r->fd, "f", 0640, "new", 3), 0);
	umask(022);
	text = root_read(r, "f");
	assert_string_equal(text, "new");
	assert_int_equal(fstatat(r->fd, "f", &after, 0), 0);
	assert_int_equal(after.st_mode & 07777, 0640);
	assert_int_not_equal(after.st_ino, before.st_ino);
}

static size_t count_entries(const struct root *r)
{
	DIR *dir = opendir(r->path);
	size_t n = 0;

	while (readdir(dir))
		n++;
	closedir(dir);
	return n;
}

static void what_is_not_published_leaves_no_trace(void **state)
{
	struct root *r = *state;
	struct mf_staged staged = MF_STAGED_INIT;
	_cleanup_free_ char *text = NULL;
	size_t n;

	root_write(r, "f", "old");
	n = count_entries(r);
	assert_int_equal(mf_staged_init(&staged, r->fd, "f", 0644), 0);
	assert_int_equal(mf_file_write(staged.fd, "half", 4), 0);
	assert_int_equal(count_entries(r), n + 1);
	mf_staged_done(&staged);
	assert_int_equal(count_entries(r), n);
	text = root_read(r, "f");
	assert_string_equal(text, "old");
	/* a second call, and a call without mf_staged_init() */
	mf_staged_done(&staged);
	/* a directory with that name cannot be replaced */
	root_mkdir(r, "directory/x");
	assert_true(mf_file_publish(r->fd, "directory", 0644, "x", 1) < 0);
	assert_int_equal(count_entries(r), n + 1);
}

static void a_text_that_cannot_be_written_whole_is_not_published(void **state)
{
	struct root *r = *state;
	_cleanup_free_ char *text = NULL, *large = calloc(1, 100000);
	struct rlimit before, limit = { 4096, 4096 };

	root_write(r, "f", "old");
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
	limit.rlim_max = before.rlim_max;
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
	assert_int_equal(mf_file_publish(r->fd, "f", 0644, large, 100000), -EFBIG);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
	signal(SIGXFSZ, SIG_DFL);
	text = root_read(r, "f");
	assert_string_equal(text, "old");
}

static void a_link_in_the_way_is_replaced_not_followed(void **state)
{
	struct root *r = *state;
	_cleanup_free_ char *text = NULL;
	struct stat st;

	root_write(r, "victim", "untouched");
	root_link(r, "victim", "f");
	assert_int_equal(mf_file_publish(r->fd, "f", 0644, "new", 3), 0);
	text = root_read(r, "victim");
	assert_string_equal(text, "untouched");
	assert_int_equal(fstatat(r->fd, "f", &st, AT_SYMLINK_NOFOLLOW), 0);
	assert_true(S_ISREG(st.st_mode));
}

static void a_sealed_file_is_never_changed_again(void **state)
{
	_cleanup_close_ int fd = mf_memfile_new("test"), again = -1;
	char path[64];

	assert_true(fd >= 0);
	assert_int_equal(mf_file_write(fd, "content", 7), 0);
	assert_false(mf_memfile_is_sealed(fd));
	assert_int_equal(mf_memfile_seal(fd), 0);
	assert_true(mf_memfile_is_sealed(fd));
	assert_int_equal(lseek(fd, 0, SEEK_CUR), 0);
	assert_int_equal(mf_file_write(fd, "X", 1), -EPERM);
	assert_true(ftruncate(fd, 0) < 0);
	assert_true(mmap(NULL, 7, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0) == MAP_FAILED);
	/* nor through another open file description */
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	again = open(path, O_RDWR | O_CLOEXEC);
	assert_true(again >= 0);
	assert_int_equal(mf_file_write(again, "X", 1), -EPERM);
	/* a second seal fails, but the file is sealed */
	assert_true(mf_memfile_seal(fd) < 0);
	assert_true(mf_memfile_is_sealed(fd));
}

static void half_a_seal_is_none(void **state)
{
	struct root *r = *state;
	_cleanup_close_ int fd = mf_memfile_new("test"), plain = -1;

	assert_int_equal(fcntl(fd, F_ADD_SEALS, F_SEAL_GROW | F_SEAL_SHRINK), 0);
	assert_false(mf_memfile_is_sealed(fd));
	root_write(r, "f", "x");
	plain = openat(r->fd, "f", O_RDONLY | O_CLOEXEC);
	assert_false(mf_memfile_is_sealed(plain));
}

static void removing_a_tree_follows_no_link(void **state)
{
	struct root *r = *state;

	root_write(r, "keep/me", "x");
	root_write(r, "tree/a/b/c", "x");
	root_link(r, "../keep", "tree/link");
	root_link(r, "/keep", "tree/a/absolute");
	assert_int_equal(mf_tree_remove(r->fd, "tree"), 0);
	assert_false(root_has(r, "tree"));
	assert_true(root_has(r, "keep/me"));
	assert_int_equal(mf_tree_remove(r->fd, "tree"), 0);
	root_link(r, "keep", "link");
	assert_int_equal(mf_tree_remove(r->fd, "link"), 0);
	assert_true(root_has(r, "keep/me"));
	assert_int_equal(mf_tree_remove(r->fd, "keep/me"), 0);
	assert_false(root_has(r, "keep/me"));
}

static void the_clock_goes_forward(void **state)
{
	uint64_t a = mf_now_us(), b;

	usleep(2000);
	b = mf_now_us();
	assert_true(b - a >= 2000 && b - a < 5000000);
}

static size_t entries_of(int dirfd)
{
	_cleanup_closedir_ DIR *dir = mf_opendir(dirfd);
	size_t n = 0;

	assert_non_null(dir);
	while (readdir(dir))
		n++;
	return n;
}

static void a_directory_is_read_from_its_start_and_stays_open(void **state)
{
	struct root *r = *state;
	int fd;

	root_write(r, "tree/a", "");
	root_write(r, "tree/b", "");
	fd = mf_context_open(&r->ctx, "tree", O_RDONLY | O_DIRECTORY);
	/* with "." and ".."; the position of one stream is not that of the next */
	assert_int_equal(entries_of(fd), 4);
	assert_int_equal(entries_of(fd), 4);
	assert_int_equal(close(fd), 0);
	assert_null(mf_opendir(fd));
	assert_int_equal(errno, EBADF);
}

static void a_path_exists_if_it_leads_to_something(void **state)
{
	struct root *r = *state;

	root_write(r, "d/file", "");
	root_link(r, "d/file", "good");
	root_link(r, "d/none", "dead");
	assert_true(mf_context_exists(&r->ctx, "d"));
	assert_true(mf_context_exists(&r->ctx, "good"));
	assert_false(mf_context_exists(&r->ctx, "dead"));
	assert_false(mf_context_exists(&r->ctx, "d/file/x"));
}

static void a_directory_has_entries_that_are_not_hidden(void **state)
{
	struct root *r = *state;

	assert_false(mf_context_has_entries(&r->ctx, "sys/bus/usb/devices"));
	root_mkdir(r, "sys/bus/usb/devices");
	root_write(r, "sys/bus/usb/devices/.hidden", "");
	assert_false(mf_context_has_entries(&r->ctx, "sys/bus/usb/devices"));
	root_write(r, "sys/bus/usb/devices/usb1", "");
	assert_true(mf_context_has_entries(&r->ctx, "sys/bus/usb/devices"));
	assert_false(mf_context_has_entries(&r->ctx, "sys/bus/usb/devices/usb1"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ROOTED(reading_is_bounded),
		ROOTED(a_path_exists_if_it_leads_to_something),
		ROOTED(a_directory_has_entries_that_are_not_hidden),
		ROOTED(lines_come_one_by_one),
		ROOTED(a_file_is_compared_to_its_last_byte),
		ROOTED(a_volatile_file_is_replaced_too),
		ROOTED(a_position_does_not_matter_and_does_not_move),
		ROOTED(a_pipe_is_read_to_its_end),
		ROOTED(what_says_it_has_no_bytes_is_read_all_the_same),
		ROOTED(publishing_replaces_the_whole_file),
		ROOTED(what_is_not_published_leaves_no_trace),
		ROOTED(a_text_that_cannot_be_written_whole_is_not_published),
		ROOTED(a_link_in_the_way_is_replaced_not_followed),
		ROOTED(a_sealed_file_is_never_changed_again),
		ROOTED(half_a_seal_is_none),
		ROOTED(removing_a_tree_follows_no_link),
		ROOTED(a_directory_is_read_from_its_start_and_stays_open),
		ROOTED(the_clock_goes_forward),
	};

	return UNIT_RUN(tests);
}
