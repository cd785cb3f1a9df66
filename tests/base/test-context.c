/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The root and the kernel of a run, and that no path leads out of the root. */
#include "tests/unit.h"
#include "tests/root.h"
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <sys/wait.h>

static void opens_below_the_root_and_never_leaves_it(void **state)
{
	struct root *r = *state;
	_cleanup_free_ char *text = NULL;
	size_t len;
	int fd;

	root_write(r, "etc/hostname", "inside");
	root_link(r, "/etc/hostname", "absolute");
	root_link(r, "../../../../../etc/hostname", "climbing");
	root_link(r, "/", "self");
	for (size_t i = 0; i < 5; i++) {
		static const char *const paths[] = { "etc/hostname", "/etc/hostname", "absolute",
						     "climbing",
						     "self/../../self/etc/../etc/hostname" };

		fd = mf_context_open(&r->ctx, paths[i], O_RDONLY);
		assert_true(fd >= 0);
		assert_int_equal(mf_file_read(fd, 100, &text, &len), 0);
		assert_string_equal(text, "inside");
		free(MF_STEAL(text));
		assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
		close(fd);
	}
	assert_int_equal(mf_context_open(&r->ctx, "../../etc/passwd", O_RDONLY), -ENOENT);
	assert_int_equal(mf_context_open(&r->ctx, "nothing", O_RDONLY), -ENOENT);
}

static void opening_a_fifo_does_not_wait_for_a_writer(void **state)
{
	struct root *r = *state;
	char byte;
	int fd;

	assert_int_equal(mkfifoat(r->ctx.root_fd, "fifo", 0644), 0);
	fd = mf_context_open(&r->ctx, "fifo", O_RDONLY);
	assert_true(fd >= 0);
	assert_int_equal(read(fd, &byte, 1), 0);
	close(fd);
}

static void directories_are_made_inside_even_through_links(void **state)
{
	struct root *r = *state;
	int fd = mf_context_mkdir(&r->ctx, "a/b/c");

	assert_true(fd >= 0);
	close(fd);
	assert_true(root_has(r, "a/b/c"));
	/* as /var/run is on many systems */
	root_mkdir(r, "var");
	root_mkdir(r, "run");
	root_link(r, "/run", "var/run");
	fd = mf_context_mkdir(&r->ctx, "/var/run/modfetch/x");
	assert_true(fd >= 0);
	close(fd);
	assert_true(root_has(r, "run/modfetch/x"));
	root_write(r, "file", "");
	assert_int_equal(mf_context_mkdir(&r->ctx, "file/x"), -ENOTDIR);
}

static void paths_begin_with_the_root(void **state)
{
	struct root *r = *state;
	_cleanup_free_ char *path = mf_context_path(&r->ctx, "/lib/%s-%d", "x", 7), *want = NULL;

	assert_true(asprintf(&want, "%s/lib/x-7", r->path) > 0);
	assert_string_equal(path, want);
}

static int init_code(const char *root, const char *kernel)
{
	struct mf_context ctx;
	int r = mf_context_init(&ctx, root, kernel);

	if (r < 0)
		assert_int_equal(ctx.failure.code, r);
	mf_context_done(&ctx);
	return r;
}

static void a_root_that_cannot_be_one_is_refused(void **state)
{
	struct root *r = *state;
	char file[128];

	root_write(r, "file", "");
	snprintf(file, sizeof(file), "%s/file", r->path);
	/* an unset variable expands to "": it must not mean the running system */
	assert_int_equal(init_code("", KERNEL), -MFE_USAGE);
	assert_int_equal(init_code("/no/such/directory", KERNEL), -MFE_USAGE);
	assert_int_equal(init_code(file, KERNEL), -MFE_USAGE);
	assert_int_equal(init_code(r->path, "../x"), -MFE_USAGE);
	assert_int_equal(init_code(r->path, ""), -MFE_USAGE);
	assert_int_equal(init_code(r->path, "."), -MFE_USAGE);
	assert_int_equal(init_code(r->path, ".."), -MFE_USAGE);
}

static void a_relative_root_becomes_absolute(void **state)
{
	struct root *r = *state;
	struct mf_context ctx;
	char *before = getcwd(NULL, 0);

	assert_int_equal(chdir(r->path), 0);
	assert_int_equal(mf_context_init(&ctx, ".", KERNEL), 0);
	assert_string_equal(ctx.root, r->path);
	assert_false(ctx.kernel_running);
	mf_context_done(&ctx);
	assert_int_equal(chdir(before), 0);
	free(before);
}

static void the_running_system_has_the_running_kernel(void **state)
{
	struct mf_context ctx;
	struct utsname uts;

	assert_int_equal(uname(&uts), 0);
	assert_int_equal(mf_context_init(&ctx, NULL, NULL), 0);
	assert_string_equal(ctx.root, "");
	assert_string_equal(ctx.kernel, uts.release);
	assert_true(ctx.kernel_running);
	mf_context_done(&ctx);
	assert_int_equal(mf_context_init(&ctx, "/", "1.2.3-other"), 0);
	assert_string_equal(ctx.root, "");
	assert_false(ctx.kernel_running);
	mf_context_done(&ctx);
}

static void an_image_has_the_only_kernel_in_it(void **state)
{
	struct root *r = *state;
	struct mf_context ctx;
	struct utsname uts;

	root_write(r, "lib/modules/README", "no directory");
	root_mkdir(r, "lib/modules/.hidden");
	assert_int_equal(mf_context_init(&ctx, r->path, NULL), 0);
	assert_string_equal(ctx.kernel, KERNEL);
	mf_context_done(&ctx);
	root_mkdir(r, "lib/modules/5.4.0-1-amd64");
	assert_int_equal(init_code(r->path, NULL), -MFE_USAGE);
	/* except if one of them is the running kernel */
	assert_int_equal(uname(&uts), 0);
	root_mkdir(r, "lib/modules/x");
	assert_int_equal(renameat(r->fd, "lib/modules/x", r->fd, "lib/modules/y"), 0);
	{
		char path[256];

		snprintf(path, sizeof(path), "lib/modules/%s", uts.release);
		root_mkdir(r, path);
	}
	assert_int_equal(mf_context_init(&ctx, r->path, NULL), 0);
	assert_string_equal(ctx.kernel, uts.release);
	assert_false(ctx.kernel_running);
	mf_context_done(&ctx);
}

/* The output of mf_log() on stderr at that level. */
static char *logged(struct mf_context *ctx, enum mf_log_level level, const char *text)
{
	FILE *f = tmpfile();
	int saved = dup(STDERR_FILENO);
	char *out = NULL;
	size_t len;

	assert_non_null(f);
	fflush(stderr);
	dup2(fileno(f), STDERR_FILENO);
	mf_log(ctx, level, "%s", text);
	dup2(saved, STDERR_FILENO);
	close(saved);
	assert_int_equal(mf_file_read(fileno(f), 4096, &out, &len), 0);
	fclose(f);
	return out;
}

static void a_log_line_cannot_steer_a_terminal(void **state)
{
	struct root *r = *state;
	_cleanup_free_ char *line = NULL, *quiet = NULL, *long_line = NULL;
	char text[3000];

	r->ctx.log_level = MF_LOG_INFO;
	line = logged(&r->ctx, MF_LOG_INFO, "a\033[31m\nb\r\177");
	assert_string_equal(line, "modfetch: a?[31m?b??\n");
	quiet = logged(&r->ctx, MF_LOG_DEBUG, "nobody hears it");
	assert_string_equal(quiet, "");
	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	long_line = logged(&r->ctx, MF_LOG_ERROR, text);
	assert_int_equal(strlen(long_line), strlen("modfetch: ") + 1023 + 1);
}

/* From now on openat2(2) fails, as in some sandboxes. */
static bool hide_openat2(void)
{
	struct sock_filter filter[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_openat2, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	const struct sock_fprog program = { 4, filter };

	return !prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) &&
	       !prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program);
}

/* The result of a child without openat2(2) for PATH below a context's root. */
static int open_in_a_child(const struct mf_context *ctx, const char *path)
{
	pid_t pid = fork();
	int status;

	if (!pid) {
		if (!hide_openat2())
			_exit(255);
		_exit(mf_context_open(ctx, path, O_RDONLY) < 0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static void without_confinement_nothing_but_the_running_system_is_opened(void **state)
{
	struct root *r = *state;
	struct mf_context running;

	root_mkdir(r, "etc");
	assert_int_equal(open_in_a_child(&r->ctx, "etc"), 1);
	assert_int_equal(mf_context_init(&running, NULL, NULL), 0);
	assert_int_equal(open_in_a_child(&running, "etc"), 0);
	mf_context_done(&running);
}

static void links_of_proc_lead_nowhere(void **state)
{
	struct mf_context running;
	int fd;

	assert_int_equal(mf_context_init(&running, NULL, NULL), 0);
	fd = mf_context_open(&running, "/proc/self/root/etc", O_PATH);
	assert_true(fd == -ELOOP || fd == -EXDEV);
	fd = mf_context_open(&running, "/proc/self/exe", O_RDONLY);
	assert_true(fd == -ELOOP || fd == -EXDEV);
	mf_context_done(&running);
}

static bool opens(const struct root *r, const char *path)
{
	_cleanup_close_ int fd = mf_context_open(&r->ctx, path, O_RDONLY);

	return fd >= 0;
}

static void a_kernel_that_is_below_usr_alone_is_found_there(void **state)
{
	struct root *r = *state;

	assert_int_equal(mf_tree_remove(r->fd, "lib"), 0);
	root_write(r, "usr/lib/modules/5.0/kernel/x.ko", "x");
	assert_true(opens(r, "lib/modules"));
	assert_true(opens(r, "/lib/modules/5.0/"));
	assert_true(opens(r, "lib/modules/5.0/kernel/x.ko"));
	assert_false(opens(r, "lib/modules/5.0/kernel/y.ko"));
	assert_false(opens(r, "lib/modules-load.d"));
	/* one that has a directory of its own is looked for there alone */
	root_mkdir(r, "lib/modules/6.0");
	root_write(r, "usr/lib/modules/6.0/x.ko", "x");
	assert_false(opens(r, "lib/modules/6.0/x.ko"));
	assert_true(opens(r, "lib/modules/5.0/kernel/x.ko"));
}

/* A display that counts. */
struct counting {
	struct mf_display display; /* first */
	int hidden, shown, reports;
};

static void on_progress(struct mf_display *display, const struct mf_progress *progress)
{
	((struct counting *)display)->reports += progress ? 1 : 100;
}

static void on_hide(struct mf_display *display)
{
	struct counting *c = (struct counting *)display;

	assert_int_equal(c->hidden++, c->shown);
}

static void on_show(struct mf_display *display)
{
	struct counting *c = (struct counting *)display;

	assert_int_equal(++c->shown, c->hidden);
}

static void a_message_makes_room_for_itself(void **state)
{
	struct root *r = *state;
	struct counting c = { .display = { on_progress, on_hide, on_show } };

	/* without a display nothing happens */
	mf_progress(&r->ctx, &(const struct mf_progress){ .step = "x" });
	r->ctx.display = &c.display;
	mf_log(&r->ctx, MF_LOG_ERROR, "a line");
	assert_int_equal(c.hidden, 1);
	assert_int_equal(c.shown, 1);
	/* a message that is not printed does not disturb the line */
	mf_log(&r->ctx, MF_LOG_DEBUG, "no line");
	assert_int_equal(c.hidden, 1);
	mf_progress(&r->ctx, &(const struct mf_progress){ .step = "x" });
	mf_progress(&r->ctx, NULL);
	assert_int_equal(c.reports, 101);
	r->ctx.display = NULL;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ROOTED(a_kernel_that_is_below_usr_alone_is_found_there),
		ROOTED(opens_below_the_root_and_never_leaves_it),
		ROOTED(opening_a_fifo_does_not_wait_for_a_writer),
		ROOTED(directories_are_made_inside_even_through_links),
		ROOTED(paths_begin_with_the_root),
		ROOTED(a_root_that_cannot_be_one_is_refused),
		ROOTED(a_relative_root_becomes_absolute),
		ROOTED(the_running_system_has_the_running_kernel),
		ROOTED(an_image_has_the_only_kernel_in_it),
		ROOTED(a_log_line_cannot_steer_a_terminal),
		ROOTED(without_confinement_nothing_but_the_running_system_is_opened),
		ROOTED(links_of_proc_lead_nowhere),
		ROOTED(a_message_makes_room_for_itself),
	};

	return UNIT_RUN(tests);
}
