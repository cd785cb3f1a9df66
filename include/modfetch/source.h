/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef MODFETCH_SOURCE_H
#define MODFETCH_SOURCE_H
/*
 * Sources of drivers on this machine: the trees of dkms in /usr/src, and source rpms of akmods.
 * Each becomes a recipe: what is to be run to build its modules for one kernel, and which files
 * result. Nothing is run here.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "modfetch/context.h"
#include "modfetch/strings.h"

enum mf_source_kind {
	MF_SOURCE_DKMS, /* a directory with a dkms.conf */
	MF_SOURCE_RPM,	/* a source rpm made for kmodtool, as akmods takes it */
};

struct mf_source {
	enum mf_source_kind kind;
	char *name, *version;
	char *path; /* below the root: "usr/src/NAME-VERSION", "usr/src/akmods/X.src.rpm" */
};

struct mf_sources {
	struct mf_source *v;
	size_t n, room;
};

void mf_sources_done(struct mf_sources *sources);

/*
 * The sources with this NAME ("NAME" or "NAME/VERSION"; NULL: all), by name, the newest version
 * first. An entry whose name or version cannot be one is passed over with a warning. The caller
 * passes the list to mf_sources_done(). 0 (also for none) or -errno, recorded.
 */
int mf_sources_find(struct mf_context *ctx, const char *name, struct mf_sources *ret_sources);

/*
 * A digest of all that a build reads from a source: the names, permissions and contents of its
 * files and the targets of its links. 0; -MFE_TOO_LARGE: it has more than 100,000 entries or 4 GiB,
 * or is deeper than 32 directories; or -errno, recorded.
 */
int mf_source_digest(struct mf_context *ctx, const struct mf_source *source,
		     uint8_t ret_digest[MF_SHA256_LEN]);

/* The kernel to build for; all borrowed. */
struct mf_recipe_kernel {
	const char *release;
	const char *arch;    /* as uname -m says */
	const char *headers; /* absolute path of its build directory */
	const char *config;  /* text of its configuration; NULL: not known */
	unsigned int jobs;   /* of make; 0: one */
};

struct mf_recipe_module {
	char *built; /* path of the built file below the source, without .ko: "src/v4l2loopback" */
	char *name;  /* of the installed file, without .ko */
	bool strip;  /* of its debug information */
};

/*
 * How a source is built for one kernel. The texts are for bash, in a copy of the source at PLACE;
 * no name in PATCHES and MODULES leaves the source.
 */
struct mf_recipe {
	char *place; /* absolute: where dkms would build it, so that __FILE__ is the same */
	char *make;
	char *clean, *pre_build, *post_build; /* NULL: none */
	struct mf_strings patches;	      /* for patch -p1, below the source, in this order */
	struct mf_recipe_module *modules;
	size_t n, room;
	/*
	 * the rpm that MAKE leaves below the source, with all modules; NULL: they are listed in
	 * MODULES
	 */
	char *package;
	bool autoinstall, no_weak_modules;
	char *excluded;		   /* why it is not for this kernel, a clause; NULL: it is */
	struct mf_strings depends; /* names of sources to be built before */
	struct mf_strings notes;   /* directives without effect, one clause each */
};

void mf_recipe_done(struct mf_recipe *recipe);

/*
 * Reads the recipe of a source. 0; -MFE_SOURCE: the file has something that only a shell can tell,
 * or is not valid; or -errno. Recorded with file and line.
 */
int mf_recipe_read(struct mf_context *ctx, const struct mf_source *source,
		   const struct mf_recipe_kernel *kernel, struct mf_recipe *ret_recipe);

/*
 * The text for bash that runs the dkms.conf in the working directory and writes its values to FILE
 * (a plain name). The caller's to free; NULL: no memory.
 */
char *mf_recipe_shell(const struct mf_source *source, const struct mf_recipe_kernel *kernel,
		      const char *file);
/* The recipe that these values make. Returns as mf_recipe_read(). BUF is not trusted. */
int mf_recipe_from_values(struct mf_context *ctx, const struct mf_source *source,
			  const struct mf_recipe_kernel *kernel, const void *buf, size_t len,
			  struct mf_recipe *ret_recipe);

#endif
