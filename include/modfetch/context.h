/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef MODFETCH_CONTEXT_H
#define MODFETCH_CONTEXT_H
/*
 * The state that all stages of a run share: the root of all paths, the target kernel, the settings
 * of modfetch.conf, the log level and the failure record. The command creates it once and passes it
 * down; a stage never stores a pointer to it. Not thread-safe: one thread writes it, workers only
 * read.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "modfetch/error.h"
#include "modfetch/strings.h"

enum mf_log_level { MF_LOG_ERROR, MF_LOG_WARNING, MF_LOG_INFO, MF_LOG_DEBUG };

/* keep_versions without a setting: 2 on a machine, 0 in an image, which shall not carry packages. */
#define MF_KEEP_DEFAULT 0xffffffffU

/* The file systems of media without a setting. */
#define MF_MEDIA_FILESYSTEMS "vfat exfat iso9660 udf"

/* The keys of section [modfetch] in /etc/modfetch/modfetch.conf; see modfetch.conf(5). */
struct mf_settings {
	char *rpmdb;	  /* directory of the rpm database below the root; NULL: detect it */
	char *fetch_user; /* user that runs the fetch helper; default "modfetch" */
	char *proxy;	  /* URL, in place of the proxy variables of the environment; NULL: none */
	char *kernel_requests;	   /* globs of names fetched for the kernel; NULL: none */
	char *module_signature;	   /* "require", "if-keys" (default) or "kernel" */
	char *regenerate_initrd;   /* "auto" (default), "never", or the path of a program */
	char *auto_update;	   /* "no" (default), "security" or "all" */
	char *prefetch;		   /* words, see modfetch/prefetch.h; NULL: none */
	char *peers;		   /* URLs that other machines serve packages at; NULL: none */
	bool share_packages;	   /* files of packages are readable for a web server; default no */
	char *media_filesystems;   /* of media that may be mounted; NULL: MF_MEDIA_FILESYSTEMS */
	bool require_ready;	   /* kernel-added fails if a driver is missing; default no */
	bool rescue;		   /* new initrds get modfetch media; default no */
	bool trust_dkms_conf;	   /* a dkms.conf may be run in the builder's box; default no */
	bool thorough;		   /* plans include suggested packages; default no */
	uint64_t max_metadata;	   /* bytes of one metadata file, as sent and inflated; 512 MiB */
	uint64_t max_package;	   /* bytes of one package; 1 GiB */
	uint64_t prefetch_size;	   /* bytes of all prefetched packages; 200 MiB */
	unsigned int max_age_days; /* metadata older than this is refused unattended; 14 */
	unsigned int media_max_age_days; /* the same for metadata that comes on a medium; 365 */
	unsigned int fetch_timeout;	 /* seconds for all downloads of one run; 600 */
	unsigned int mirror_timeout;	 /* seconds a mirror may stall or be very slow; 20 */
	unsigned int lock_timeout;	 /* seconds to wait for a lock; 60 */
	unsigned int bind_timeout;	 /* milliseconds to wait for a device to be bound; 5000 */
	unsigned int keep_versions;	 /* replaced packages of a name that stay on disk */
	unsigned int max_transactions;	 /* limit of transactions per hour started by events; 20 */
};

/* A moment of a work that may take long; the strings live until the call returns. */
struct mf_progress {
	const char *step;      /* one word: "fetching", "building" */
	const char *label;     /* the repository or package that it is about, or NULL */
	const char *file;      /* of it, or NULL */
	const char *unit;      /* what DONE and N count, "packages", or NULL */
	uint64_t bytes, total; /* received bytes, of so many; 0: not known */
	size_t done, n;	       /* finished items, of so many; n is 0 or 1: they are not shown */
};

/*
 * The line of progress on a terminal, see src/cmd/terminal.h. Whatever writes a line to stderr calls
 * HIDE before and SHOW after; in between other threads wait.
 */
struct mf_display {
	/* draws the line; NULL: the work has ended, and the line goes */
	void (*progress)(struct mf_display *display, const struct mf_progress *progress);
	void (*hide)(struct mf_display *display);
	void (*show)(struct mf_display *display);
};

/*
 * Takes over the verified files of each refresh, byte for byte as they were published: for a copy of
 * the repository (src/travel/). The caller's; it outlives the context.
 */
struct mf_context;
struct mf_keeper {
	/* The file PATH of a repository; FD is borrowed. 0, or a failure that is recorded. */
	int (*keep)(struct mf_keeper *keeper, struct mf_context *ctx, const char *repo_id,
		    const char *path, int fd);
	/* A file: URL below which files of the repository may be already, borrowed; NULL: none. */
	const char *(*have)(struct mf_keeper *keeper, const char *repo_id);
};

/* Where a root has the module directories of its kernels. */
enum mf_modules_place {
	MF_MODULES_MERGED,	   /* /lib/modules and /usr/lib/modules are one directory */
	MF_MODULES_ONLY_IN_LIB,	   /* the root's kmod looks into /lib/modules */
	MF_MODULES_ONLY_IN_USR,	   /* … into /usr/lib/modules */
	MF_MODULES_WHERE_THEY_ARE, /* there is no kmod: each kernel has one of them */
};

/* What is looked up at the first use, also through a const context, and then holds for the run. */
struct mf_looked_up {
	bool rpmdb_known;
	char *rpmdb; /* the database's directory by rpm's configuration; NULL: it names none */
	/* devices and images that this process has mounted, in the order of their places: src/mount */
	struct mf_strings mounted;
};

struct mf_context {
	char *root;   /* "" for the running system, else an absolute path without a final slash */
	int root_fd;  /* the same directory, O_PATH */
	char *kernel; /* release, as uname -r says; names a directory of /lib/modules */
	const char *machine; /* its architecture, borrowed; NULL: that of the running system */
	bool is_replica;     /* the root stands for another machine: its modules have no content */
	bool kernel_running; /* the kernel is the one this machine runs and root is "/" */
	enum mf_modules_place modules_place; /* where "lib/modules" is */
	bool unattended;    /* started by an event, a timer or the boot: the strict limits apply */
	bool from_modprobe; /* started by the modprobe helper: do not wait while drivers load */
	/* scriptlets of installed and erased packages may run: some repository permits them */
	bool scriptlets;
	/* installed packages are being repaired: their files that were altered may be replaced */
	bool repairs;
	enum mf_log_level log_level;
	/* the program of kmod whose name and form the messages have; NULL: they are modfetch's */
	const char *stands_in_for;
	struct mf_display *display; /* borrowed; NULL: stderr is no terminal, nothing is drawn */
	struct mf_settings settings;
	struct mf_failure failure;
	bool faults_reported;	  /* the unusable .repo entries were reported */
	bool lists_repositories;  /* the verb prints their problems itself: they are not logged */
	char helper_message[128]; /* the fetch helper's last log line */
	int helper; /* socket of a running fetch helper, see mf_fetch_start_helper(), or -1 */
	struct mf_looked_up *looked_up; /* NULL: each use looks it up again */
	struct mf_keeper *keeper;	/* borrowed; NULL: nothing is kept but the cache */
};

/*
 * Opens ROOT (NULL or "/" for the running system) and selects KERNEL (NULL: uname -r if that has a
 * directory below the root's lib/modules or the root is "/", else the only directory in
 * lib/modules). The settings have their defaults until mf_settings_read(). Returns 0, -MFE_USAGE
 * (no kernel could be selected, or the root is "" or cannot be opened) or -errno, each recorded in
 * the context. The caller passes the context to mf_context_done() in any case.
 */
int mf_context_init(struct mf_context *ret_ctx, const char *root, const char *kernel);
void mf_context_done(struct mf_context *ctx);

/*
 * The same machine for another kernel of it, KERNEL, which is borrowed as all else is: such a context is
 * not passed to mf_context_done(). Its failure record is empty; the caller takes over what it wants
 * of it, and of HELPER if a run may have used the fetch helper.
 */
struct mf_context mf_context_for_kernel(const struct mf_context *ctx, const char *kernel);

/*
 * A copy of the failure record, for work that may record failures of its own and must not replace
 * the one of the run. Restored by a call, or at the end of a scope:
 *	_cleanup_(mf_failure_restore) const struct mf_saved_failure saved = mf_failure_save(ctx);
 */
struct mf_saved_failure {
	struct mf_context *ctx;
	struct mf_failure failure;
};

static inline struct mf_saved_failure mf_failure_save(struct mf_context *ctx)
{
	return (struct mf_saved_failure){ ctx, ctx->failure };
}

static inline void mf_failure_restore(const struct mf_saved_failure *saved)
{
	saved->ctx->failure = saved->failure;
}

/*
 * The path of the module directory of KERNEL, a release, below the root: "lib/modules/KERNEL"; with
 * NAME (not NULL) of a file in it. The caller's to free. NULL: no memory.
 */
char *mf_kernel_path(const char *kernel, const char *name);

/*
 * Is a kernel of this release installed? Its directory below /lib/modules or /usr/lib/modules has a
 * kernel's modules (kernel, modules.order, modules.builtin), or its image is there or in /boot.
 */
bool mf_kernel_is_installed(const struct mf_context *ctx, const char *kernel);
/* Has an installed kernel more than modules: an image, or the lists of its own package? */
bool mf_kernel_can_boot(const struct mf_context *ctx, const char *kernel);
/*
 * The releases of all installed kernels, sorted as strings; the caller passes the list to
 * mf_strings_done(). 0 (also where there is none) or -errno; records nothing.
 */
int mf_kernels_list(const struct mf_context *ctx, struct mf_strings *ret_kernels);

/*
 * Is PATH, of the module directory TREE, a link into the module directory of another kernel, as
 * weak-modules makes it? RET_RELEASE, of SIZE bytes: the release of that kernel. Nothing is said of
 * whether it leads to a file.
 */
bool mf_kernel_of_link(int tree, const char *path, char *ret_release, size_t size);

/* Reads /etc/modfetch/modfetch.conf over the defaults. 0 or -MFE_CONFIG, recorded. */
int mf_settings_read(struct mf_context *ctx);
/*
 * Which file modfetch.conf is now: another inode number or change time means that it may have
 * changed. All zero where there is none.
 */
struct stat mf_settings_stat(const struct mf_context *ctx);

/* "<root><formatted path>", the caller's to free, for libraries that need paths. NULL: no memory */
char *mf_context_path(const struct mf_context *ctx, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/*
 * Opens a path below the root; links are followed inside the root and cannot leave it (openat2,
 * RESOLVE_IN_ROOT). FLAGS as open(2); O_CLOEXEC is added, and for reading also O_NONBLOCK and
 * O_NOCTTY, which have no effect on a regular file. A path below "lib/modules" or "usr/lib/modules" means
 * the directory in which the root's kmod looks, whichever of the two it says. Returns the descriptor
 * or -errno; records nothing.
 */
int mf_context_open(const struct mf_context *ctx, const char *path, int flags);

/*
 * Has this root the directory of KERNEL (a release; it may still be missing) in /usr/lib/modules, and not in
 * /lib/modules? False if these are one directory.
 */
bool mf_modules_below_usr(const struct mf_context *ctx, const char *kernel);

/* Makes a directory and its parents (mode 0755) below the root, as mf_context_open() finds it. A descriptor of it, or -errno. */
int mf_context_mkdir(const struct mf_context *ctx, const char *path);

/* The architecture of the machine, as uname -m says it; ROOM is the caller's. "": it is not known. */
struct utsname;
const char *mf_context_machine(const struct mf_context *ctx, struct utsname *room);

/* Passes PROGRESS (NULL: the work has ended) to the display, if there is one. */
void mf_progress(const struct mf_context *ctx, const struct mf_progress *progress);

/*
 * Prints one line to stderr, "modfetch: …", if LEVEL is within the log level; a line of progress goes
 * for that moment. Never fails.
 */
void mf_log(const struct mf_context *ctx, enum mf_log_level level, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

#endif
