/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef MODFETCH_CONTEXT_H
#define MODFETCH_CONTEXT_H
/*
 * What a whole run shares: the root every path hangs off, the kernel it works for, the settings of
 * modfetch.conf, how much to say, and the failure record. Made once by the command, passed down,
 * never kept by a stage. Not thread-safe: one thread writes it, workers only read.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "modfetch/error.h"

enum mf_log_level { MF_LOG_ERROR, MF_LOG_WARNING, MF_LOG_INFO, MF_LOG_DEBUG };

/* The keys of section [modfetch] in /etc/modfetch/modfetch.conf; see modfetch.conf(5). */
struct mf_settings {
	char *rpmdb;		/* directory of the rpm database below the root; NULL: found out */
	char *fetch_user;	/* who downloads; default "modfetch" */
	char *kernel_requests;	/* names the kernel may have fetched, globs; NULL: none */
	char *module_signature; /* "require", "if-keys" (default) or "kernel" */
	bool thorough;		/* plans take what packages suggest; no */
	uint64_t max_metadata;	/* bytes of one metadata file, as sent and inflated; 512 MiB */
	uint64_t max_package;	/* bytes of one package; 1 GiB */
	unsigned int max_age_days;     /* metadata older than this is refused unattended; 14 */
	unsigned int fetch_timeout;    /* seconds for all downloads of one run; 600 */
	unsigned int mirror_timeout;   /* seconds a mirror may be silent or very slow; 20 */
	unsigned int lock_timeout;     /* seconds to wait for a lock; 60 */
	unsigned int bind_timeout;     /* milliseconds to wait for a device to be bound; 5000 */
	unsigned int max_transactions; /* transactions an hour started by events; 20 */
};

struct mf_context {
	char *root;   /* "" for the running system, else an absolute path without a final slash */
	int root_fd;  /* the same directory, O_PATH */
	char *kernel; /* release, as uname -r says; names a directory of /lib/modules */
	bool kernel_running; /* the kernel is the one this machine runs and root is "/" */
	bool unattended;     /* started by an event, a timer or the boot: the strict limits hold */
	bool from_modprobe; /* the helper of modprobe asks: where drivers are loaded, do not wait */
	/* scriptlets of packages that come and go may run: some repository was allowed to have them */
	bool scriptlets;
	enum mf_log_level log_level;
	struct mf_settings settings;
	struct mf_failure failure;
	bool faults_said;      /* the .repo entries that cannot be used were reported */
	char helper_said[128]; /* the fetch helper's last log line */
	int helper;	       /* socket of a helper, see mf_fetch_start_helper(), or -1 */
};

/*
 * Opens ROOT (NULL or "/" for the running system), settles on KERNEL (NULL: uname -r if that has a
 * directory below the root's lib/modules or the root is "/", else the only directory there is). The
 * settings are the built-in ones until mf_settings_read(). Returns 0, -MFE_USAGE (no kernel to
 * settle on, or a root that is "" or cannot be opened) or -errno, each recorded in the context,
 * which is to be given to mf_context_done() in any case.
 */
int mf_context_init(struct mf_context *ret_ctx, const char *root, const char *kernel);
void mf_context_done(struct mf_context *ctx);

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

/* Reads /etc/modfetch/modfetch.conf over the built-in settings. 0 or -MFE_CONFIG, recorded. */
int mf_settings_read(struct mf_context *ctx);

/* "<root><formatted path>", newly allocated: for libraries that insist on paths. NULL: no memory.
 */
char *mf_context_path(const struct mf_context *ctx, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/*
 * Opens a path below the root; links are followed inside the root and cannot leave it (openat2,
 * RESOLVE_IN_ROOT). FLAGS as open(2), O_CLOEXEC added; where they only read also O_NONBLOCK and
 * O_NOCTTY, which a regular file ignores. Returns the descriptor or -errno; records nothing.
 */
int mf_context_open(const struct mf_context *ctx, const char *path, int flags);

/* Makes a directory and its parents (mode 0755) below the root and opens it. A descriptor or -errno.
 */
int mf_context_mkdir(const struct mf_context *ctx, const char *path);

/* One line to stderr, "modfetch: …", if LEVEL is to be heard. Never fails. */
void mf_log(const struct mf_context *ctx, enum mf_log_level level, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

#endif
