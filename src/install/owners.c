/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Files that modfetch did not install keep their bytes.
 *
 * Before a transaction each file of the packages to be installed or removed is compared with the
 * one on the machine. Three things decide: the rpm database (the package that owns the existing
 * file), the digests in the packages' headers (is the file unchanged), and the kind of file. An
 * existing file that no package owns stays, and rpm installs the package without it, where that
 * does no harm: the file equals the package's, or it is firmware or documentation, and the
 * machine's own is as good. A file that controls the machine (a module, a depmod.d file, a kernel)
 * cannot be left out: the run is refused. So is a run that would remove or replace a file that was
 * changed after its package was installed, unless it is to repair that package.
 *
 * Paths are compared by the directory they lead to, not by their text: below a root where /lib is a
 * link, /lib/modules and /usr/lib/modules are the same. The whole rpm database is read only if a
 * file is in the way that no package to be removed owns.
 *
 * Between this check and the transaction another program may still create a file there: rpm, dpkg
 * and modfetch have no common lock.
 */
#include "owners.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "modfetch/array.h"
#include "modfetch/cleanup.h"

/* An existing file at the path of a file to be installed. */
struct existing {
	size_t package;			/* index of the package to be installed */
	const struct mf_rpm_file *file; /* borrowed */
	const char *name;		/* last component, in FILE's path */
	dev_t dev;			/* of its directory */
	ino_t ino;
	bool same;  /* equal to the package's file */
	bool owned; /* an installed package owns it unchanged */
};

struct mf_owners {
	struct mf_context *ctx;
	struct mf_strings nevras; /* of the packages to be installed */
	struct existing *existing;
	size_t n, room;
	bool sorted;		 /* by name */
	struct mf_strings *kept; /* one list per package, set by mf_owners_decide() */
};

/* In these directories the machine's own file is as good as the package's. */
static const char *const harmless[] = {
	"/lib/firmware/",
	"/usr/lib/firmware/",
	"/usr/share/doc/",
	"/usr/share/licenses/",
};

/* ---- one file ---- */

static int compare_link(int fd, const char *target)
{
	char is[PATH_MAX];
	ssize_t n = readlinkat(fd, "", is, sizeof(is));

	if (n < 0)
		return -errno;
	return (size_t)n == strlen(target) && !memcmp(is, target, (size_t)n) ? MF_ON_DISK_SAME
									     : MF_ON_DISK_OTHER;
}

static int compare_bytes(const struct mf_context *ctx, const struct mf_rpm_file *file)
{
	/* it was a regular file a moment ago; if it is a FIFO now, do not wait for its other end */
	_cleanup_close_ int fd =
		mf_context_open(ctx, file->path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
	int r = fd < 0 ? fd : mf_checksum_differs_fd(&file->checksum, fd);

	if (r < 0)
		return r;
	return r ? MF_ON_DISK_OTHER : MF_ON_DISK_SAME;
}

static int owner_compare(const struct mf_context *ctx, const struct mf_rpm_file *file, int fd,
			 const struct stat *st)
{
	if (file->ghost || (st->st_mode & S_IFMT) != (file->mode & S_IFMT))
		return MF_ON_DISK_OTHER;
	if (S_ISLNK(st->st_mode))
		return compare_link(fd, file->link);
	if (!S_ISREG(st->st_mode))
		return S_ISDIR(st->st_mode) ? MF_ON_DISK_SAME : MF_ON_DISK_OTHER;
	if ((uint64_t)st->st_size != file->size)
		return MF_ON_DISK_OTHER;
	if (file->checksum.len)
		return compare_bytes(ctx, file);
	/* the package has another kind of digest: compare the time, which rpm sets */
	return st->st_mtime == (time_t)file->mtime ? MF_ON_DISK_SAME : MF_ON_DISK_OTHER;
}

/* Opens PATH itself, also a link. A descriptor; -ENOENT if it cannot exist; -errno. */
static int owner_find(const struct mf_context *ctx, const char *path, struct stat *ret_st)
{
	_cleanup_close_ int fd = mf_context_open(ctx, path, O_PATH | O_NOFOLLOW);

	if (fd < 0)
		return fd == -ENOTDIR ? -ENOENT : fd;
	if (fstat(fd, ret_st) < 0)
		return -errno;
	return mf_steal_fd(&fd);
}

int mf_owners_check_file(const struct mf_context *ctx, const struct mf_rpm_file *file)
{
	struct stat st;
	_cleanup_close_ int fd = owner_find(ctx, file->path, &st);

	if (fd < 0)
		return fd == -ENOENT ? MF_ON_DISK_NOTHING : fd;
	return owner_compare(ctx, file, fd, &st);
}

/* Gets the status of the directory of PATH. 0 or -errno. */
static int owner_place_of(const struct mf_context *ctx, const char *path, struct stat *ret_st)
{
	const char *slash = strrchr(path, '/');
	_cleanup_free_ char *directory = slash ? strndup(path, (size_t)(slash - path + 1)) : NULL;
	_cleanup_close_ int fd = -1;

	if (!directory)
		return slash ? -ENOMEM : -EINVAL;
	fd = mf_context_open(ctx, directory, O_PATH | O_DIRECTORY);
	if (fd < 0)
		return fd;
	return fstat(fd, ret_st) < 0 ? -errno : 0;
}

/* ---- packages to be installed ---- */

int mf_owners_new(struct mf_context *ctx, struct mf_owners **ret_owners)
{
	struct mf_owners *owners = calloc(1, sizeof(*owners));

	if (!owners)
		return -ENOMEM;
	owners->ctx = ctx;
	*ret_owners = owners;
	return 0;
}

void mf_owners_free(struct mf_owners *owners)
{
	if (!owners)
		return;
	for (size_t i = 0; owners->kept && i < owners->nevras.n; i++)
		mf_strings_done(&owners->kept[i]);
	free(owners->kept);
	free(owners->existing);
	mf_strings_done(&owners->nevras);
	free(owners);
}

static int add_existing(struct mf_owners *o, const struct mf_rpm_file *file, bool same)
{
	struct existing *s;
	struct stat st;
	int r = owner_place_of(o->ctx, file->path, &st);

	if (r < 0)
		return r;
	if (mf_array_reserve(&o->existing, &o->room, o->n + 1, sizeof(*o->existing)) < 0)
		return -ENOMEM;
	s = &o->existing[o->n++];
	*s = (struct existing){ .package = o->nevras.n - 1,
				.file = file,
				.name = strrchr(file->path, '/') + 1,
				.dev = st.st_dev,
				.ino = st.st_ino,
				.same = same };
	return 0;
}

static int fail_no_directory(struct mf_owners *o, const char *what)
{
	return mf_fail(o->ctx, MF_STAGE_INSTALL, -MFE_FILE_EXISTS, o->nevras.v[o->nevras.n - 1],
		       "%s is not a directory, and the package needs one there; move it away first",
		       what);
}

/*
 * The nearest existing parent of PATH must be a directory, or a link to one: rpm would remove any
 * other file in the place of a directory.
 */
static int owner_check_leading(struct mf_owners *o, const char *path)
{
	_cleanup_free_ char *copy = strdup(path);
	char *slash;

	if (!copy)
		return -ENOMEM;
	while ((slash = strrchr(copy, '/')) && slash > copy) {
		_cleanup_close_ int there = -1, directory = -1;

		*slash = '\0';
		there = mf_context_open(o->ctx, copy, O_PATH | O_NOFOLLOW);
		if (there == -ENOENT || there == -ENOTDIR)
			continue;
		if (there < 0)
			return there;
		directory = mf_context_open(o->ctx, copy, O_PATH | O_DIRECTORY);
		return directory < 0 ? fail_no_directory(o, copy) : 0;
	}
	return 0;
}

static int check_new_file(struct mf_owners *o, const struct mf_rpm_file *file)
{
	struct stat st;
	_cleanup_close_ int fd = owner_find(o->ctx, file->path, &st);
	int r;

	if (fd == -ENOENT)
		return owner_check_leading(o, file->path);
	if (fd < 0)
		return fd;
	if (S_ISDIR(file->mode)) {
		_cleanup_close_ int directory =
			mf_context_open(o->ctx, file->path, O_PATH | O_DIRECTORY);

		return directory < 0 ? fail_no_directory(o, file->path) : 0;
	}
	r = owner_compare(o->ctx, file, fd, &st);
	return r < 0 ? r : add_existing(o, file, r == MF_ON_DISK_SAME);
}

int mf_owners_note_install(struct mf_owners *o, const char *nevra,
			   const struct mf_rpm_header *header)
{
	int r = mf_strings_add(&o->nevras, nevra);

	for (size_t i = 0; !r && i < header->n_files; i++) {
		r = check_new_file(o, &header->files[i]);
		if (r < 0 && r != -MFE_FILE_EXISTS)
			return mf_fail(o->ctx, MF_STAGE_INSTALL, r, nevra,
				       "%s cannot be compared with the machine's: %s",
				       header->files[i].path, mf_error_sentence(r));
	}
	return r;
}

/* ---- installed packages ---- */

static int owner_by_name(const void *a, const void *b)
{
	return strcmp(((const struct existing *)a)->name, ((const struct existing *)b)->name);
}

/* The index of the first existing file with the last component of PATH as its name, or N. */
static size_t first_named(struct mf_owners *o, const char *path)
{
	const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
	size_t from = 0, to = o->n;

	if (!o->sorted && o->n)
		qsort(o->existing, o->n, sizeof(*o->existing), owner_by_name);
	o->sorted = true;
	while (from < to) {
		size_t middle = from + (to - from) / 2;

		if (strcmp(o->existing[middle].name, name) < 0)
			from = middle + 1;
		else
			to = middle;
	}
	return from < o->n && !strcmp(o->existing[from].name, name) ? from : o->n;
}

/*
 * Marks existing files at the place of FILE, an installed package's, as owned by that package.
 * ONLY_SAME: only those equal to the file to be installed. 1: at least one; 0: none; or -errno.
 */
static int mark_owned(struct mf_owners *o, const struct mf_rpm_file *file, bool only_same)
{
	size_t i = first_named(o, file->path);
	const char *name = i < o->n ? o->existing[i].name : NULL;
	struct stat st = { 0 };
	int r = name ? owner_place_of(o->ctx, file->path, &st) : 0, found = 0;

	for (; r >= 0 && name && i < o->n && !strcmp(o->existing[i].name, name); i++) {
		struct existing *s = &o->existing[i];

		if (s->dev != st.st_dev || s->ino != st.st_ino || (only_same && !s->same))
			continue;
		s->owned = true;
		found = 1;
	}
	return r < 0 ? r : found;
}

/* A power cut can leave an empty module file; removing it loses nothing. */
static bool is_empty_module(const struct mf_context *ctx, const char *path)
{
	struct stat st;
	_cleanup_close_ int fd = owner_find(ctx, path, &st);

	return fd >= 0 && S_ISREG(st.st_mode) && !st.st_size && strstr(path, "/lib/modules/");
}

static int check_removed_file(struct mf_owners *o, const struct mf_rpm_header *header,
			      const struct mf_rpm_file *file)
{
	int on_disk = mf_owners_check_file(o->ctx, file), r;

	if (on_disk == MF_ON_DISK_NOTHING)
		return 0;
	/* an interrupted update may have written the new bytes: they may be written again */
	r = on_disk < 0 ? on_disk : mark_owned(o, file, on_disk == MF_ON_DISK_OTHER);
	if (r < 0)
		return mf_fail(o->ctx, MF_STAGE_INSTALL, r, header->name,
			       "%s cannot be examined: %s", file->path, mf_error_sentence(r));
	if (on_disk == MF_ON_DISK_SAME || r == 1)
		return 0;
	if (o->ctx->repairs || is_empty_module(o->ctx, file->path))
		return mark_owned(o, file, false) < 0 ? -ENOMEM : 0;
	return mf_fail(o->ctx, MF_STAGE_INSTALL, -MFE_ALTERED, header->name,
		       "%s was changed after the package was installed and would be lost; move it "
		       "away or restore it first",
		       file->path);
}

int mf_owners_note_removal(struct mf_owners *o, const struct mf_rpm_header *header)
{
	int r = 0;

	for (size_t i = 0; !r && i < header->n_files; i++)
		if (!S_ISDIR(header->files[i].mode) && !header->files[i].left_out)
			r = check_removed_file(o, header, &header->files[i]);
	return r;
}

/* Marks existing files that the installed package owns. */
static int owner_on_installed_package(void *arg, void *header)
{
	struct mf_owners *o = arg;
	_cleanup_(mf_rpm_header_done) struct mf_rpm_header h = { 0 };
	int r = mf_rpm_header(header, &h);

	for (size_t i = 0; !r && i < h.n_files; i++) {
		const struct mf_rpm_file *file = &h.files[i];

		if (S_ISDIR(file->mode) || file->left_out || first_named(o, file->path) == o->n)
			continue;
		r = mf_owners_check_file(o->ctx, file);
		if (r == MF_ON_DISK_SAME)
			r = mark_owned(o, file, false);
		r = r < 0 ? r : 0;
	}
	return r;
}

/* ---- the decision ---- */

static bool is_harmless(const struct mf_rpm_file *file)
{
	for (size_t i = 0; i < MF_ARRAY_SIZE(harmless); i++)
		if (mf_starts_with(file->path, harmless[i]))
			return true;
	return false;
}

static int owner_decide(struct mf_owners *o, const struct existing *s)
{
	if (s->owned)
		return 0;
	if (s->same || is_harmless(s->file))
		return mf_strings_add(&o->kept[s->package], s->file->path);
	return mf_fail(o->ctx, MF_STAGE_INSTALL, -MFE_FILE_EXISTS, o->nevras.v[s->package],
		       "%s exists already and belongs to no installed package; move it away, or do "
		       "not install this package",
		       s->file->path);
}

static bool all_owned(const struct mf_owners *o)
{
	for (size_t i = 0; i < o->n; i++)
		if (!o->existing[i].owned)
			return false;
	return true;
}

int mf_owners_decide(struct mf_owners *o)
{
	int r = all_owned(o) ? 0
			     : mf_rpm_each_installed(o->ctx, NULL, owner_on_installed_package, o);

	o->kept = calloc(o->nevras.n + 1, sizeof(*o->kept));
	if (!o->kept)
		return mf_fail(o->ctx, MF_STAGE_INSTALL, -ENOMEM, "owners", NULL);
	for (size_t i = 0; !r && i < o->n; i++)
		r = owner_decide(o, &o->existing[i]);
	for (size_t i = 0; !r && i < o->nevras.n; i++)
		if (o->kept[i].n)
			mf_log(o->ctx, MF_LOG_INFO,
			       "install: %s: %s exists already and is not replaced (%zu of its "
			       "files)",
			       o->nevras.v[i], o->kept[i].v[0], o->kept[i].n);
	return r < 0 && o->ctx->failure.code != r
		       ? mf_fail(o->ctx, MF_STAGE_INSTALL, r, "owners", NULL)
		       : r;
}

const struct mf_strings *mf_owners_kept(const struct mf_owners *owners, size_t package)
{
	return &owners->kept[package];
}

/* ---- removals alone ---- */

static int on_removal_candidate(void *arg, void *header)
{
	_cleanup_(mf_rpm_header_done) struct mf_rpm_header h = { 0 };
	int r = mf_rpm_header(header, &h);

	return r < 0 ? r : mf_owners_note_removal(arg, &h);
}

int mf_owners_removable(struct mf_context *ctx, const struct mf_strings *names,
			struct mf_strings *removable)
{
	struct mf_owners owners = { .ctx = ctx };
	const struct mf_saved_failure before = mf_failure_save(ctx);

	for (size_t i = 0; i < names->n; i++) {
		struct mf_strings one = { &names->v[i], 1, 0 };
		int r = mf_rpm_each_installed(ctx, &one, on_removal_candidate, &owners);

		if (r == -MFE_ALTERED) {
			mf_log(ctx, MF_LOG_WARNING, "install: %s is not removed: %s", names->v[i],
			       ctx->failure.why);
			mf_failure_restore(&before);
			continue;
		}
		if (!r)
			r = mf_strings_add(removable, names->v[i]);
		if (r < 0)
			return ctx->failure.code == r
				       ? r
				       : mf_fail(ctx, MF_STAGE_INSTALL, r, names->v[i], NULL);
	}
	return 0;
}
