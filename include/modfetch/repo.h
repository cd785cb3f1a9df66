/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef MODFETCH_REPO_H
#define MODFETCH_REPO_H
/*
 * The configured repositories: /etc/modfetch/repos.d/ID.repo, in the form and with the keys zypper
 * and dnf know. One file may describe several, a section each; the section is the repository's id.
 *   name, baseurl (several: on further lines, tried in order), mirrorlist, metalink, enabled, priority, cost
 * (1..200, lower wins), gpgcheck, type=rpm-md; and our own: trust=signed (default) or none (file:
 * only); keys= names of files below /etc/modfetch/keys/repo.d/, each a certificate (.pem, .der:
 * CMS) or an OpenPGP keyring (.asc, .gpg); identity=, prefer=,
 * allow-files= and scriptlets=. $basearch, $kernel
 * (release), and $flavor are replaced in URLs. modfetch-repo(5) describes it.
 */
#include <stdbool.h>
#include <stddef.h>
#include "modfetch/access.h"
#include "modfetch/context.h"
#include "modfetch/strings.h"

enum mf_trust { MF_TRUST_SIGNED, MF_TRUST_NONE };

/* Kinds of files that driver packages of some vendors have, and others may not; flags. */
enum mf_allow {
	MF_ALLOW_MODPROBE = 1,
	MF_ALLOW_MODULES_LOAD = 2,
	MF_ALLOW_DRACUT = 4,
	MF_ALLOW_UDEV = 8,
	MF_ALLOW_UEFI = 16,
	MF_ALLOW_BUILD_ID = 32,
};
/* The kind with that name in allow-files= ("modprobe.d"); 0: there is none. */
unsigned int mf_allow_parse(const char *word);
/* The name of a kind. */
const char *mf_allow_name(enum mf_allow kind);

#define MF_REPO_PRIORITY 99   /* unless its .repo file says another */
#define MF_REPO_COST	 1000 /* likewise */
#define MF_REPO_ID_MAX	 128  /* bytes; COPR's reach 60 and more */

struct mf_repo {
	/* letters, digits, "-_.:+", not beginning with '.': it becomes a directory's name */
	char *id;
	char *name;
	/* both as configured, with a password perhaps: see modfetch/strings.h */
	struct mf_strings baseurls; /* without a final slash */
	char *mirrorlist;	    /* URL of a list of base URLs, without its query; or NULL */
	char *metalink;		    /* while the entry is read */
	char *identity; /* what its metadata must say of itself, see modfetch/trust.h, or NULL */
	bool enabled;
	bool gpgcheck;
	bool scriptlets; /* its packages may run programs while they are installed; false */
	unsigned int
		allow_files; /* of enum mf_allow: further files that its packages may have; 0 */
	bool prefer;	     /* its drivers come before the kernel's own at equal priority; false */
	int priority;
	bool never_expires; /* the timer does not ask for newer metadata */
	int cost; /* of two repositories of one priority with the same version the cheaper is used */
	enum mf_trust trust;
	struct mf_strings keys;
	struct mf_strings
		gpgkeys;    /* gpgkey= of zypper and dnf: URLs, which are never fetched unasked */
	bool pkg_gpgcheck;  /* the same as gpgcheck, which it turns on */
	bool repo_gpgcheck; /* contradicts trust=none; otherwise metadata is always checked */
	char *path;	    /* below each base URL, which has it already; or NULL */
	/* patterns of packages that count as not there, and of the only ones that count, if any */
	struct mf_strings exclude, include;
	struct mf_access access;
	bool skip_if_unavailable; /* refresh reports it, and does not fail, if no mirror answers */
	struct mf_strings unused; /* keys that have no effect, printable, some with a reason */
	char *file;		  /* in repos.d */
	/*
	 * For a run from a medium: only packages of these names, at these places below the repository,
	 * count as there. Sorted; borrowed, or NULL.
	 */
	const struct mf_strings *only_names, *only_files;
};

/* An entry, or a file, that cannot be used as it stands. It costs itself alone. */
struct mf_repo_fault {
	char *id;    /* of the entry; NULL: the fault is a file's */
	char *where; /* "vendor.repo line 7 [vendor]" */
	char *why;   /* one clause, fit to be printed */
	bool enabled;
};

struct mf_repos {
	struct mf_repo *v; /* ordered by priority, then id */
	size_t n;
	struct mf_repo_fault *faults; /* in the order of files and lines */
	size_t n_faults;
};

/*
 * Reads all of repos.d. An entry with a value that cannot be meant, a line that is none, or an id
 * that another entry has as well, is no repository but a fault; each is reported by one warning a
 * run. 0 (also with none configured), or -ENOMEM or another -errno, recorded.
 */
int mf_repos_read(struct mf_context *ctx, struct mf_repos *ret_repos);
void mf_repos_done(struct mf_repos *repos);
void mf_repo_done(struct mf_repo *repo);
/* The repository of that id, or NULL. */
const struct mf_repo *mf_repos_find(const struct mf_repos *repos, const char *id);
/* Records a fault, as -MFE_CONFIG, which it returns. */
int mf_repo_fault_fail(struct mf_context *ctx, const struct mf_repo_fault *fault);
/*
 * May packages run scriptlets? One comes with some only from a repository that may have them; one
 * that goes does not tell where it is from: its own run where any repository may have them.
 */
bool mf_repos_have_scriptlets(const struct mf_repos *repos);
/* May ID be the id of a repository? See struct mf_repo. */
bool mf_repo_id_valid(const char *id);
/* URL with its variables replaced and without final slashes; new memory, or NULL: no memory. */
char *mf_repo_url_expand(const struct mf_context *ctx, const char *url);
/*
 * Records -MFE_NOT_FOUND for an id that no entry has, with similar ids, or the fault of the entry that
 * has it; returns that.
 */
int mf_repos_not_found(struct mf_context *ctx, const struct mf_repos *repos, const char *id);
/*
 * Is any repository enabled? 0; -MFE_CONFIG, with its fault recorded, where one is and cannot be
 * used; -MFE_NO_REPOSITORY, recorded.
 */
int mf_repos_check_any(struct mf_context *ctx, const struct mf_repos *repos);

/*
 * The mirrors of a repository's mirrorlist=: a text file with a base URL a line, '#' begins a
 * comment. The list is kept as var/cache/modfetch/ID.mirrors, so that packages are fetched from the
 * mirrors the last refresh saw. It has no signature and needs none: a mirror can only withhold files.
 */

#define MF_MIRRORS_MAX 64 /* more of a list are not used */

/*
 * Adds the http: and https: URLs of a list, without final slashes, after those in URLS; URLs with
 * a user or password are ignored. 0 or -ENOMEM.
 */
int mf_mirrors_parse(const char *text, struct mf_strings *urls);
/* Adds those kept for a repository; none kept is no error. 0 or -ENOMEM. */
int mf_mirrors_read(const struct mf_context *ctx, const char *repo_id, struct mf_strings *urls);
/* Keeps the URLs of a list. 0 or -errno. */
int mf_mirrors_keep(const struct mf_context *ctx, const char *repo_id, const char *text);

#endif
