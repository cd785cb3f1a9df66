/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Are the units of modfetch installed, enabled and, on a running system, active?
 *
 * Links and directories say it: no program is started and no bus is asked, so an image is looked at the
 * same way. A unit is enabled if a link of its name is in the .wants directory of its target; it is
 * masked by a link to /dev/null, or an empty file, of its name. A service that runs has a control group.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include "modfetch/array.h"
#include "modfetch/cleanup.h"
#include "modfetch/strings.h"
#include "examination.h"

/* systemd/81-modfetch.preset: those that installation enables. */
static const struct unit {
	const char *name, *target;
	enum mf_health without; /* if it is not enabled */
	const char *what;	/* what does not happen then */
} units[] = {
	{ "modfetch.service", "basic.target", MF_HEALTH_FAILED,
	  "no driver comes for a new device" },
	{ "modfetch-coldplug.service", "basic.target", MF_HEALTH_WARNING,
	  "no driver comes for a device that is there at boot" },
	{ "modfetch-fetch.socket", "sockets.target", MF_HEALTH_WARNING,
	  "modfetch.service cannot download" },
	{ "modfetch-refresh.timer", "timers.target", MF_HEALTH_WARNING,
	  "metadata becomes too old for unattended runs" },
	{ "modfetch-initrd.path", "paths.target", MF_HEALTH_WARNING,
	  "an initrd is not made again when its drivers change" },
	{ "modfetch-trials-begin.service", "sysinit.target", MF_HEALTH_WARNING,
	  "an update with which the machine goes down is not taken back" },
	{ "modfetch-trials-judge.service", "basic.target", MF_HEALTH_WARNING,
	  "an update that does not work is not taken back" },
};

static const char *const unit_directories[] = { "etc/systemd/system", "usr/lib/systemd/system",
						"lib/systemd/system" };

/* Has one of the directories this name, formatted? */
static bool has_unit_file(const struct examination *x, const char *name)
{
	for (size_t i = 0; i < MF_ARRAY_SIZE(unit_directories); i++) {
		_cleanup_free_ char *path = mf_format("%s/%s", unit_directories[i], name);

		if (path && doctor_exists(x, path))
			return true;
	}
	return false;
}

/* A link in a .wants directory may be dead below a root: its own existence counts. */
static bool is_unit_enabled(const struct examination *x, const struct unit *unit)
{
	for (size_t i = 0; i < MF_ARRAY_SIZE(unit_directories); i++) {
		_cleanup_free_ char *path =
			mf_format("%s/%s.wants", unit_directories[i], unit->target);
		_cleanup_close_ int dir =
			path ? mf_context_open(x->ctx, path, O_PATH | O_DIRECTORY) : -1;
		struct stat st;

		if (dir >= 0 && !fstatat(dir, unit->name, &st, AT_SYMLINK_NOFOLLOW))
			return true;
	}
	return false;
}

static bool is_unit_masked(const struct examination *x, const char *name)
{
	_cleanup_close_ int dir =
		mf_context_open(x->ctx, unit_directories[0], O_PATH | O_DIRECTORY);
	char target[16] = "";
	struct stat st;

	if (dir < 0 || fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return false;
	if (S_ISLNK(st.st_mode))
		return readlinkat(dir, name, target, sizeof(target) - 1) > 0 &&
		       !strcmp(target, "/dev/null");
	return S_ISREG(st.st_mode) && !st.st_size;
}

static bool is_service_active(const struct examination *x, const char *name)
{
	static const char *const groups[] = { "sys/fs/cgroup/system.slice",
					      "sys/fs/cgroup/systemd/system.slice" };

	for (size_t i = 0; i < MF_ARRAY_SIZE(groups); i++) {
		_cleanup_free_ char *path = mf_format("%s/%s", groups[i], name);

		if (path && doctor_exists(x, path))
			return true;
	}
	return false;
}

/* True: it is installed and enabled. */
static bool check_unit(struct examination *x, const struct unit *unit)
{
	_cleanup_free_ char *enable = mf_format("systemctl enable --now %s", unit->name);
	_cleanup_free_ char *unmask = mf_format("systemctl unmask %s", unit->name);

	if (is_unit_masked(x, unit->name))
		doctor_diagnose(x, unit->without, unmask, "%s is masked: %s", unit->name,
				unit->what);
	else if (!has_unit_file(x, unit->name))
		doctor_diagnose(x, unit->without, "install modfetch again",
				"%s is not installed: %s", unit->name, unit->what);
	else if (!is_unit_enabled(x, unit))
		doctor_diagnose(x, unit->without, enable, "%s is not enabled: %s", unit->name,
				unit->what);
	else
		return true;
	return false;
}

void doctor_check_services(struct examination *x)
{
	size_t good = 0;

	if (!doctor_exists(x, "usr/lib/systemd/systemd") &&
	    !doctor_exists(x, "lib/systemd/systemd") && !doctor_exists(x, "run/systemd/system")) {
		doctor_diagnose(x, MF_HEALTH_WARNING, "modfetch coldplug, after a device was added",
				"systemd is not installed, so nothing comes by itself");
		return;
	}
	for (size_t i = 0; i < MF_ARRAY_SIZE(units); i++)
		good += check_unit(x, &units[i]);
	if (doctor_exists(x, "run/systemd/system") && is_unit_enabled(x, &units[0]) &&
	    !is_service_active(x, units[0].name))
		doctor_diagnose(
			x, MF_HEALTH_FAILED,
			"systemctl start modfetch.service; journalctl -u modfetch.service says "
			"why it "
			"ended",
			"modfetch.service is not running: %s", units[0].what);
	else if (good == MF_ARRAY_SIZE(units))
		doctor_diagnose(x, MF_HEALTH_OK, NULL, "all %zu units are enabled", good);
}
