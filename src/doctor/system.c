/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the installation and the machine must have: the user for downloads, the udev rule, the hooks,
 * space. And the traces of earlier runs: a transaction that was not finished, a driver that brought the
 * machine down. Only files are looked at; a file system below one of the directories counts as theirs.
 */
#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include "modfetch/array.h"
#include "modfetch/cleanup.h"
#include "modfetch/file.h"
#include "modfetch/pending-loads.h"
#include "modfetch/strings.h"
#include "examination.h"

#define AGAIN	   "install modfetch again"
#define PASSWD_MAX (4U << 20)
#define MB	   (1024ULL * 1024)

/* ---- user ---- */

struct passwd_search {
	const char *user;
	bool found;
};

static int on_passwd(void *arg, char *line)
{
	struct passwd_search *search = arg;
	size_t len = strlen(search->user);

	search->found |= !strncmp(line, search->user, len) && line[len] == ':';
	return 0;
}

void doctor_check_user(struct examination *x)
{
	struct passwd_search search = { .user = x->ctx->settings.fetch_user };

	(void)mf_file_each_line_of(x->ctx, "etc/passwd", PASSWD_MAX, on_passwd, &search);
	/* another source of users than the file exists on a running system only */
	if (!search.found && !*x->ctx->root)
		search.found = getpwnam(search.user) != NULL;
	if (search.found)
		doctor_diagnose(x, MF_HEALTH_OK, NULL, "downloads run as the user %s", search.user);
	else
		doctor_diagnose(
			x, MF_HEALTH_WARNING, "systemd-sysusers, or useradd --system",
			"the user %s does not exist: downloads run as the user nobody, as other "
			"programs may",
			search.user);
}

/* ---- udev and hooks ---- */

void doctor_check_udev(struct examination *x)
{
	static const char *const rules[] = { "usr/lib/udev/rules.d/81-modfetch.rules",
					     "lib/udev/rules.d/81-modfetch.rules",
					     "usr/local/lib/udev/rules.d/81-modfetch.rules" };
	_cleanup_close_ int masked =
		mf_context_open(x->ctx, "etc/udev/rules.d", O_PATH | O_DIRECTORY);

	if (masked >= 0 && !faccessat(masked, "81-modfetch.rules", F_OK, AT_SYMLINK_NOFOLLOW)) {
		doctor_diagnose(x, MF_HEALTH_WARNING, "remove it, unless it is meant",
				"/etc/udev/rules.d/81-modfetch.rules takes the place of the rule");
		return;
	}
	for (size_t i = 0; i < MF_ARRAY_SIZE(rules); i++)
		if (doctor_exists(x, rules[i])) {
			doctor_diagnose(x, MF_HEALTH_OK, NULL, "the rule /%s is installed",
					rules[i]);
			return;
		}
	doctor_diagnose(x, MF_HEALTH_FAILED, AGAIN,
			"81-modfetch.rules is not installed: no driver comes for a new device");
}

void doctor_check_hooks(struct examination *x)
{
	static const struct {
		const char *program, *hook, *what;
	} hooks[] = {
		{ "usr/share/initramfs-tools", "usr/share/initramfs-tools/hooks/modfetch",
		  "an initrd may lack drivers" },
		{ "usr/lib/dracut/modules.d", "usr/lib/dracut/modules.d/90modfetch/module-setup.sh",
		  "an initrd may lack drivers" },
		{ "etc/kernel/postinst.d", "etc/kernel/postinst.d/download-modfetch",
		  "a new kernel may boot without its drivers" },
		{ "usr/lib/kernel/install.d", "usr/lib/kernel/install.d/45-modfetch.install",
		  "a new kernel may boot without its drivers" },
	};
	size_t before = x->found.n, n = 0;

	for (size_t i = 0; i < MF_ARRAY_SIZE(hooks); i++) {
		if (!doctor_exists(x, hooks[i].program))
			continue;
		n++;
		if (!doctor_exists(x, hooks[i].hook))
			doctor_diagnose(x, MF_HEALTH_WARNING, AGAIN, "/%s is not installed: %s",
					hooks[i].hook, hooks[i].what);
	}
	if (!n)
		doctor_diagnose(x, MF_HEALTH_OK, NULL,
				"no program that calls hooks for kernels or initrds is installed");
	else if (x->found.n == before)
		doctor_diagnose(x, MF_HEALTH_OK, NULL,
				"%zu hooks for kernels and initrds are installed", n);
}

/* ---- space ---- */

/* Free bytes below which a run fails or soon will. */
static const struct place {
	const char *path;
	uint64_t little, none;
} places[] = {
	{ "lib/modules", 50 * MB, 5 * MB },
	{ "var", 50 * MB, 5 * MB },
	{ "run", 4 * MB, MB / 2 },
};

static void check_place(struct examination *x, const struct place *place)
{
	_cleanup_close_ int fd = mf_context_open(x->ctx, place->path, O_RDONLY | O_DIRECTORY);
	struct statvfs fs;
	uint64_t free_bytes;

	if (fd < 0 || fstatvfs(fd, &fs) < 0)
		return;
	free_bytes = (uint64_t)fs.f_bavail * fs.f_frsize;
	if (fs.f_flag & ST_RDONLY)
		doctor_diagnose(x, MF_HEALTH_FAILED, "mount it for writing",
				"/%s is mounted read-only: nothing can be installed", place->path);
	else if (fs.f_files && fs.f_favail < 100)
		doctor_diagnose(x, MF_HEALTH_FAILED, "remove files that are not needed",
				"/%s has room for %llu more files only", place->path,
				(unsigned long long)fs.f_favail);
	else if (free_bytes < place->little)
		doctor_diagnose(x, free_bytes < place->none ? MF_HEALTH_FAILED : MF_HEALTH_WARNING,
				"remove files that are not needed, or: modfetch autoremove",
				"/%s has %llu kB free", place->path,
				(unsigned long long)free_bytes / 1024);
}

void doctor_check_space(struct examination *x)
{
	size_t before = x->found.n;

	for (size_t i = 0; i < MF_ARRAY_SIZE(places); i++)
		check_place(x, &places[i]);
	if (x->found.n == before)
		doctor_diagnose(x, MF_HEALTH_OK, NULL, "/lib/modules, /var and /run have space");
}

/* ---- what earlier runs left ---- */

void doctor_check_left_over(struct examination *x)
{
	if (doctor_exists(x, "var/lib/modfetch/undo"))
		doctor_diagnose(x, MF_HEALTH_WARNING,
				"if no run is at work now, the next one undoes it: modfetch queue",
				"a transaction is not finished");
	else
		doctor_diagnose(x, MF_HEALTH_OK, NULL, "no transaction was left unfinished");
}

void doctor_check_modprobe(struct examination *x)
{
	_cleanup_(mf_pending_loads_done) struct mf_pending_loads loads = { 0 };
	const struct mf_saved_failure saved = mf_failure_save(x->ctx);
	size_t before = x->found.n;

	if (mf_pending_loads_read(x->ctx, &loads) < 0)
		doctor_diagnose(
			x, MF_HEALTH_WARNING, "remove the file that is named",
			"the record of drivers that are being loaded cannot be read: %s: %s",
			x->ctx->failure.what, x->ctx->failure.why);
	mf_failure_restore(&saved);
	for (size_t i = 0; i < loads.n; i++) {
		_cleanup_free_ char *allow = mf_format("modfetch allow %s", loads.v[i].module);

		doctor_diagnose(x, MF_HEALTH_WARNING, allow,
				"%s is blocked, because the machine went down when it was loaded",
				loads.v[i].module);
	}
	if (doctor_exists(x, "var/cache/modfetch") && doctor_exists(x, "proc/sys/kernel") &&
	    !doctor_exists(x, "run/modprobe.d/zz-modfetch.conf"))
		doctor_diagnose(x, MF_HEALTH_WARNING, "modfetch refresh",
				"/run/modprobe.d/zz-modfetch.conf does not exist: modprobe fetches "
				"nothing");
	if (x->found.n == before)
		doctor_diagnose(x, MF_HEALTH_OK, NULL, "the lines for modprobe are in order");
}
