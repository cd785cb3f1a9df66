/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The adapter of librpm for package files, and its configuration.
 *
 * Files are read through copies of descriptors, never by path: what is verified is what was read. Only
 * digests are checked here; the verify stage checks signatures.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "modfetch/array.h"
#include "modfetch/error.h"
#include "modfetch/rpm.h"
#include "rpm-private.h"

/* Keeps librpm's last error message, which is the best "why" of a failure. */
static int on_message(rpmlogRec rec, rpmlogCallbackData data)
{
	char *last = data;
	const char *text = rpmlogRecMessage(rec);

	/* warnings: a failed scriptlet that could not stop the transaction; a database that is not read */
	if (text && (rpmlogRecPriority(rec) <= RPMLOG_ERR || strstr(text, "scriptlet failed") ||
		     strstr(text, MF_RPM_NO_DATABASE))) {
		snprintf(last, 256, "%s", text);
		last[strcspn(last, "\n")] = '\0';
	}
	return 0;
}

/*
 * librpm has one configuration per process, and to read it takes milliseconds: once is enough. It
 * defines _dbpath on every system; mf_rpm_end() only deletes the definition made over it.
 */
void mf_rpm_configure(char *last_message)
{
	/* a machine may leave out documentation and languages; what was verified is installed whole */
	static const struct {
		const char *name, *value;
	} whole[] = { { "_excludedocs", "0" },
		      { "_install_langs", "all" },
		      { "_netsharedpath", "" } };

	rpmlogSetCallback(on_message, last_message);
	if (rpmMacroIsDefined(NULL, "_dbpath"))
		return;
	rpmReadConfigFiles(NULL, NULL);
	for (size_t i = 0; i < MF_ARRAY_SIZE(whole); i++)
		addMacro(NULL, whole[i].name, NULL, whole[i].value, RMIL_CMDLINE);
}

FD_t mf_rpm_open_copy(int fd)
{
	return lseek(fd, 0, SEEK_SET) < 0 ? NULL : fdDup(fd);
}

int mf_rpm_visit_package(int fd, mf_rpm_visit *visit, void *arg)
{
	char message[256] = "";
	rpmts ts;
	FD_t f = mf_rpm_open_copy(fd);
	Header h = NULL;
	rpmRC rc;
	int r = -MFE_BAD_PACKAGE;

	if (!f)
		return -errno;
	mf_rpm_configure(message);
	ts = rpmtsCreate();
	rpmtsSetVSFlags(ts, RPMVSF_MASK_NOSIGNATURES);
	rc = rpmReadPackageFile(ts, f, "package", &h);
	if (h && (rc == RPMRC_OK || rc == RPMRC_NOTTRUSTED || rc == RPMRC_NOKEY))
		r = visit(arg, h);
	headerFree(h);
	Fclose(f);
	rpmtsFree(ts);
	rpmlogSetCallback(NULL, NULL);
	return r;
}

static int on_header(void *arg, void *header)
{
	return mf_rpm_header(header, arg);
}

int mf_rpm_read(int fd, struct mf_rpm_header *ret_header)
{
	return mf_rpm_visit_package(fd, on_header, ret_header);
}
