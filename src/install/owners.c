/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Files that modfetch did not bring keep their bytes.
 *
 * Before a transaction each file of the packages that come is looked for on the machine, and so is
 * each file of the packages that go. Three things decide: the rpm database (which package brought
 * what is there), the digests in the packages' headers (is it still that), and what kind of file it
 * is. A file that is in the way and no package's own stays, and rpm installs the package without
 * it, where that does no harm: the file is the same as the package's, or it is firmware or
 * documentation, of which the machine's own is as good. What steers the machine (a module, a
 * depmod.d file, a kernel) is either the one or the other: the run is refused. So is a run that
 * would remove or replace a file which somebody changed after its package brought it.
 *
 * Paths are compared by the directory they lead to, not by their text: below a root where /lib is a
 * link, /lib/modules and /usr/lib/modules are one. The rpm database is read as a whole only if
 * something is in the way that none of the packages that go has brought.
 *
 * Between the look and the transaction somebody else may still put a file there: rpm, dpkg and we
 * have no lock in common.
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

/* Something that lies where a package that comes has a file. */
struct standing {
	size_t package;			/* which of them */
	const struct mf_rpm_file *file; /* borrowed */
	const char *name;		/* last component, in FILE's path */
	dev_t dev;			/* of its directory */
	ino_t ino;
	bool same;  /* as the package has it */
	bool owned; /* an installed package brought it, as it is */
};

struct mf_owners {
	struct mf_context *ctx;
	struct mf_strings nevras; /* of the packages that come */
	struct standing *standing;
	size_t n, room;
	bool sorted;		 /* by name */
	struct mf_strings *kept; /* one list a package, after settling */
};

/* Of these the machine's own is as good as the package's. */
static const char *const harmless[] = {
	"/lib/firmware/",
	"/usr/lib/firmware/",
	"/usr/share/doc/",
	"/usr/share/licenses/",
};

/* ---- one file ---- */

static int link_is(int fd, const char *target)
{
	char is[PATH_MAX];
	ssize_t n = readlinkat(fd, "", is, sizeof(is));

	if (n < 0)
		return -errno;
	return (size_t)n == strlen(target) && !memcmp(is, target, (size_t)n) ? MF_LIES_SAME
									     : MF_LIES_OTHER;
}

static int bytes_are(const struct mf_context *ctx, const struct mf_rpm_file *file)
{
	/* it was a regular file a moment ago; should it be a FIFO now, nobody waits for its other
	 * end */
	_cleanup_close_ int fd =
		mf_context_open(ctx, file->path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
	uint8_t digest[MF_SHA256_LEN];
	int r = fd < 0 ? fd : mf_sha256_fd(fd, digest);

	if (r < 0)
		return r;
	return memcmp(digest, file->sha256, sizeof(digest)) ? MF_LIES_OTHER : MF_LIES_SAME;
}

static int owner_compare(const struct mf_context *ctx, const struct mf_rpm_file *file, int fd,
			 const struct stat *st)
{
	if (file->ghost || (st->st_mode & S_IFMT) != (file->mode & S_IFMT))
		return MF_LIES_OTHER;
	if (S_ISLNK(st->st_mode))
		return link_is(fd, file->link);
	if (!S_ISREG(st->st_mode))
		return S_ISDIR(st->st_mode) ? MF_LIES_SAME : MF_LIES_OTHER;
	if ((uint64_t)st->st_size != file->size)
		return MF_LIES_OTHER;
	if (file->has_sha256)
		return bytes_are(ctx, file);
	/* a package of another digest: rpm gives its files their times */
	return st->st_mtime == (time_t)file->mtime ? MF_LIES_SAME : MF_LIES_OTHER;
}

/* Opens what lies at PATH without following it. A descriptor, -ENOENT where nothing can, -errno. */
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
		return fd == -ENOENT ? MF_LIES_NOTHING : fd;
	return owner_compare(ctx, file, fd, &st);
}

/* The directory of PATH. 0, or -errno. */
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

/* ---- packages that come ---- */

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
	free(owners->standing);
	mf_strings_done(&owners->nevras);
	free(owners);
}

static int add_standing(struct mf_owners *o, const struct mf_rpm_file *file, bool same)
{
	struct standing *s;
	struct stat st;
	int r = owner_place_of(o->ctx, file->path, &st);

	if (r < 0)
		return r;
	if (o->n == o->room) {
		size_t room = o->room ? o->room * 2 : 16;
		struct standing *more = reallocarray(o->standing, room, sizeof(*more));

		if (!more)
			return -ENOMEM;
		o->standing = more;
		o->room = room;
	}
	s = &o->standing[o->n++];
	*s = (struct standing){ .package = o->nevras.n - 1,
				.file = file,
				.name = strrchr(file->path, '/') + 1,
				.dev = st.st_dev,
				.ino = st.st_ino,
				.same = same };
	return 0;
}

static int in_the_way(struct mf_owners *o, const char *what)
{
	return mf_fail(o->ctx, "install", -MFE_FILE_EXISTS, o->nevras.v[o->nevras.n - 1],
		       "%s is no directory, and the package needs one there; move it away first",
		       what);
}

/*
 * Of what leads to a path the nearest that is there must be a directory, or a link to one: rpm
 * would take away what else it finds where a directory must be.
 */
static int owner_check_way(struct mf_owners *o, const char *path)
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
		return directory < 0 ? in_the_way(o, copy) : 0;
	}
	return 0;
}

static int file_arrives(struct mf_owners *o, const struct mf_rpm_file *file)
{
	struct stat st;
	_cleanup_close_ int fd = owner_find(o->ctx, file->path, &st);
	int r;

	if (fd == -ENOENT)
		return owner_check_way(o, file->path);
	if (fd < 0)
		return fd;
	if (S_ISDIR(file->mode)) {
		_cleanup_close_ int directory =
			mf_context_open(o->ctx, file->path, O_PATH | O_DIRECTORY);

		return directory < 0 ? in_the_way(o, file->path) : 0;
	}
	r = owner_compare(o->ctx, file, fd, &st);
	return r < 0 ? r : add_standing(o, file, r == MF_LIES_SAME);
}

int mf_owners_arrives(struct mf_owners *o, const char *nevra, const struct mf_rpm_header *header)
{
	int r = mf_strings_add(&o->nevras, nevra);

	for (size_t i = 0; !r && i < header->n_files; i++) {
		r = file_arrives(o, &header->files[i]);
		if (r < 0 && r != -MFE_FILE_EXISTS)
			return mf_fail(o->ctx, "install", r, nevra,
				       "%s cannot be looked for on the machine: %s",
				       header->files[i].path, mf_error_sentence(r));
	}
	return r;
}

/* ---- packages that are there ---- */

static int owner_by_name(const void *a, const void *b)
{
	return strcmp(((const struct standing *)a)->name, ((const struct standing *)b)->name);
}

/* The first of those that stand that is called as the last component of PATH, or N. */
static size_t first_named(struct mf_owners *o, const char *path)
{
	const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
	size_t from = 0, to = o->n;

	if (!o->sorted && o->n)
		qsort(o->standing, o->n, sizeof(*o->standing), owner_by_name);
	o->sorted = true;
	while (from < to) {
		size_t middle = from + (to - from) / 2;

		if (strcmp(o->standing[middle].name, name) < 0)
			from = middle + 1;
		else
			to = middle;
	}
	return from < o->n && !strcmp(o->standing[from].name, name) ? from : o->n;
}

/*
 * Notes that what stands at the place of FILE, an installed package's, is that package's own.
 * ONLY_SAME: if it is as the package that comes has it. 1: something does; 0 or -errno.
 */
static int mark_owned(struct mf_owners *o, const struct mf_rpm_file *file, bool only_same)
{
	size_t i = first_named(o, file->path);
	const char *name = i < o->n ? o->standing[i].name : NULL;
	struct stat st = { 0 };
	int r = name ? owner_place_of(o->ctx, file->path, &st) : 0, found = 0;

	for (; r >= 0 && name && i < o->n && !strcmp(o->standing[i].name, name); i++) {
		struct standing *s = &o->standing[i];

		if (s->dev != st.st_dev || s->ino != st.st_ino || (only_same && !s->same))
			continue;
		s->owned = true;
		found = 1;
	}
	return r < 0 ? r : found;
}

/* A module without a byte in it is what a power cut leaves, and nobody's loss. */
static bool is_empty_module(const struct mf_context *ctx, const char *path)
{
	struct stat st;
	_cleanup_close_ int fd = owner_find(ctx, path, &st);

	return fd >= 0 && S_ISREG(st.st_mode) && !st.st_size && strstr(path, "/lib/modules/");
}

static int file_leaves(struct mf_owners *o, const struct mf_rpm_header *header,
		       const struct mf_rpm_file *file)
{
	int lies = mf_owners_check_file(o->ctx, file), r;

	if (lies == MF_LIES_NOTHING)
		return 0;
	/* an update that was cut off has put the new bytes there: they may be written again */
	r = lies < 0 ? lies : mark_owned(o, file, lies == MF_LIES_OTHER);
	if (r < 0)
		return mf_fail(o->ctx, "install", r, header->name, "%s cannot be looked at: %s",
			       file->path, mf_error_sentence(r));
	if (lies == MF_LIES_SAME || r == 1)
		return 0;
	if (is_empty_module(o->ctx, file->path))
		return mark_owned(o, file, false) < 0 ? -ENOMEM : 0;
	return mf_fail(o->ctx, "install", -MFE_ALTERED, header->name,
		       "%s is not as the package brought it and would be lost; move it away or put "
		       "it back first",
		       file->path);
}

int mf_owners_leaves(struct mf_owners *o, const struct mf_rpm_header *header)
{
	int r = 0;

	for (size_t i = 0; !r && i < header->n_files; i++)
		if (!S_ISDIR(header->files[i].mode) && !header->files[i].left_out)
			r = file_leaves(o, header, &header->files[i]);
	return r;
}

/* Whether an installed package brought what is in the way. */
static int note_owner(void *arg, void *header)
{
	struct mf_owners *o = arg;
	_cleanup_(mf_rpm_header_done) struct mf_rpm_header h = { 0 };
	int r = mf_rpm_header(header, &h);

	for (size_t i = 0; !r && i < h.n_files; i++) {
		const struct mf_rpm_file *file = &h.files[i];

		if (S_ISDIR(file->mode) || file->left_out || first_named(o, file->path) == o->n)
			continue;
		r = mf_owners_check_file(o->ctx, file);
		if (r == MF_LIES_SAME)
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

static int owner_decide(struct mf_owners *o, const struct standing *s)
{
	if (s->owned)
		return 0;
	if (s->same || is_harmless(s->file))
		return mf_strings_add(&o->kept[s->package], s->file->path);
	return mf_fail(o->ctx, "install", -MFE_FILE_EXISTS, o->nevras.v[s->package],
		       "%s is there already and none of the installed packages brought it; move it "
		       "away, or do without this package",
		       s->file->path);
}

static bool all_owned(const struct mf_owners *o)
{
	for (size_t i = 0; i < o->n; i++)
		if (!o->standing[i].owned)
			return false;
	return true;
}

int mf_owners_decide(struct mf_owners *o)
{
	int r = all_owned(o) ? 0 : mf_rpm_each_installed(o->ctx, NULL, note_owner, o);

	o->kept = calloc(o->nevras.n + 1, sizeof(*o->kept));
	if (!o->kept)
		return mf_fail(o->ctx, "install", -ENOMEM, "owners", NULL);
	for (size_t i = 0; !r && i < o->n; i++)
		r = owner_decide(o, &o->standing[i]);
	for (size_t i = 0; !r && i < o->nevras.n; i++)
		if (o->kept[i].n)
			mf_log(o->ctx, MF_LOG_INFO,
			       "install: %s: %s is there already and stays as it is (%zu of its "
			       "files)",
			       o->nevras.v[i], o->kept[i].v[0], o->kept[i].n);
	return r < 0 && o->ctx->failure.code != r ? mf_fail(o->ctx, "install", r, "owners", NULL)
						  : r;
}

const struct mf_strings *mf_owners_kept(const struct mf_owners *owners, size_t package)
{
	return &owners->kept[package];
}

/* ---- removals alone ---- */

static int try_to_leave(void *arg, void *header)
{
	_cleanup_(mf_rpm_header_done) struct mf_rpm_header h = { 0 };
	int r = mf_rpm_header(header, &h);

	return r < 0 ? r : mf_owners_leaves(arg, &h);
}

int mf_owners_removable(struct mf_context *ctx, const struct mf_strings *names,
			struct mf_strings *go)
{
	struct mf_owners owners = { .ctx = ctx };
	struct mf_failure before = ctx->failure;

	for (size_t i = 0; i < names->n; i++) {
		struct mf_strings one = { &names->v[i], 1, 0 };
		int r = mf_rpm_each_installed(ctx, &one, try_to_leave, &owners);

		if (r == -MFE_ALTERED) {
			mf_log(ctx, MF_LOG_WARNING, "install: %s stays: %s", names->v[i],
			       ctx->failure.why);
			ctx->failure = before;
			continue;
		}
		if (!r)
			r = mf_strings_add(go, names->v[i]);
		if (r < 0)
			return ctx->failure.code == r
				       ? r
				       : mf_fail(ctx, "install", r, names->v[i], NULL);
	}
	return 0;
}
