/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef MODFETCH_REPO_H
#define MODFETCH_REPO_H
/*
 * The configured repositories: /etc/modfetch/repos.d/ID.repo, in the form and with the keys zypper
 * and dnf know. One file may describe several, a section each; the section is the repository's id.
 *   name, baseurl (several: on further lines, tried in order), mirrorlist, enabled, priority
 * (1..99, lower wins), gpgcheck, type=rpm-md; and our own: trust=signed (default) or none (file:
 * only); keys= names of files below /etc/modfetch/keys/repo.d/, each a certificate (.pem, .der:
 * CMS) or an OpenPGP keyring (.asc, .gpg) $basearch, $kernel (release), and $flavor are replaced in
 * URLs. modfetch-repo(5) describes it.
 */
#include <stdbool.h>
#include <stddef.h>
#include "modfetch/context.h"
#include "modfetch/strings.h"

enum mf_trust { MF_TRUST_SIGNED, MF_TRUST_NONE };

struct mf_repo {
	char *id; /* letters, digits, "-_.:+", not beginning with '.': it becomes a folder's name */
	char *name;
	struct mf_strings baseurls; /* without a final slash */
	char *mirrorlist;	    /* URL of a list of base URLs, or NULL */
	bool enabled;
	bool gpgcheck;
	bool scriptlets; /* its packages may run programs while they are installed; false */
	int priority;
	enum mf_trust trust;
	struct mf_strings keys;
};

struct mf_repos {
	struct mf_repo *v; /* ordered by priority, then id */
	size_t n;
};

/*
 * Reads all of repos.d. 0 (also with none configured), or -MFE_CONFIG, -ENOMEM or another -errno,
 * recorded with the file and, where it can be told, the line.
 */
int mf_repos_read(struct mf_context *ctx, struct mf_repos *ret_repos);
void mf_repos_done(struct mf_repos *repos);
/* The repository of that id, or NULL. */
const struct mf_repo *mf_repos_find(const struct mf_repos *repos, const char *id);

#endif
