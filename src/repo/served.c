/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Which kernels a repository has drivers for.
 *
 * A package names its kernel by its tag ("igb-kmp-amd64-6.1.0_56"), by the kernel-uname-r that it
 * provides or needs, or by the build in its version ("1.2_k6.4.0_150600.21", SUSE), which is the
 * kernel it was built for and not the only one it may fit. A driver that names none may fit any
 * kernel. The list is made when the cache is built, since later only the packages of one kernel are
 * read.
 *
 * On disk: "kernels", a release on each line; "~RELEASE": a build; "*": there are drivers that name no
 * kernel. From a tag the release is guessed: the first '_' of an ABI was a '-'.
 */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "modfetch/array.h"
#include "modfetch/cache.h"
#include "modfetch/cleanup.h"
#include "modfetch/file.h"
#include "modfetch/module-name.h"
#include "modfetch/release.h"

#define LIST_MAX (1U << 20)
#define SHOWN	 4 /* kernels in a sentence */

void mf_served_done(struct mf_served *served)
{
	mf_strings_done(&served->kernels);
	mf_strings_done(&served->builds);
	*served = (struct mf_served){ 0 };
}

/* ---- writing ---- */

struct serving {
	struct mf_served served;
	const char *package;
	bool driver, named; /* the package at hand has modules; it names a kernel */
};

/* The release of a build "6.1.0_56" of LEN bytes and a flavor; new memory. */
static char *release_of_build(const char *build, size_t len, const char *flavor)
{
	char *release = mf_format("%.*s%s%s", (int)len, build,
				  strpbrk(flavor, "_") && strchr(build, '.') ? "." : "-", flavor);
	char *mark = release ? strchr(release, '_') : NULL;

	if (mark && mark < release + len)
		*mark = '-';
	return release;
}

/* Lines of a file and of output: what cannot be a release is left out. */
static int add_valid(struct mf_strings *list, const char *release)
{
	return isdigit((unsigned char)*release) && mf_release_tag_valid(release, strlen(release))
		       ? mf_strings_add_unique(list, release)
		       : 0;
}

static int add_build(struct serving *s, struct mf_strings *list, const char *build, size_t len,
		     const char *flavor)
{
	_cleanup_free_ char *release = release_of_build(build, len, flavor);

	s->named = true;
	return release ? add_valid(list, release) : -ENOMEM;
}

/* After the last "-kmp-" of a name: "amd64-6.1.0_56", or "default"; NULL: no driver of that kind. */
static const char *flavor_in_name(const char *name)
{
	const char *kmp = NULL;

	for (const char *p = name; (p = strstr(p, "-kmp-")); p++)
		kmp = p + strlen("-kmp-");
	return kmp;
}

static int add_name(struct serving *s, const struct mf_package *package)
{
	const char *flavor = flavor_in_name(package->name);
	const char *dash = flavor ? strrchr(flavor, '-') : NULL, *build;
	_cleanup_free_ char *before = NULL;

	if (!flavor)
		return 0;
	if (dash && isdigit((unsigned char)dash[1])) {
		before = strndup(flavor, (size_t)(dash - flavor));
		return before ? add_build(s, &s->served.kernels, dash + 1, strlen(dash + 1), before)
			      : -ENOMEM;
	}
	build = strstr(package->evr, "_k");
	if (!build || !isdigit((unsigned char)build[2]))
		return 0;
	build += strlen("_k");
	return add_build(s, &s->served.builds, build, strcspn(build, "-"), flavor);
}

/* "6.1.0-56.amd64" is how rpm lets "6.1.0-56-amd64" be written: with the flavor at its end. */
static int add_release(struct serving *s, const char *release)
{
	_cleanup_free_ char *copy = strdup(release);
	const char *machine = strrchr(release, '.');
	struct mf_release parsed;

	if (!copy)
		return -ENOMEM;
	/* a flavor, where no machine and no number stands */
	if (strchr(release, '-') && machine && isalpha((unsigned char)machine[1]) &&
	    !mf_release_parse(release, NULL, &parsed) && !strcmp(parsed.flavor, "default"))
		copy[machine - release] = '-';
	return add_valid(&s->served.kernels, copy);
}

static int served_on_dep(void *arg, const char *name, const char *evr)
{
	struct serving *s = arg;
	char module[MF_MODULE_NAME_SIZE];
	size_t len = strlen(s->package);

	s->driver |= mf_dep_module(name, module, sizeof(module));
	if (evr && mf_dep_is_uname_r(name)) {
		s->named = true;
		return add_release(s, evr);
	}
	if (!strncmp(name, s->package, len) && mf_starts_with(name + len, "-k") &&
	    isdigit((unsigned char)name[len + 2]) && flavor_in_name(s->package))
		return add_build(s, &s->served.builds, name + len + 2, strlen(name + len + 2),
				 flavor_in_name(s->package));
	return 0;
}

static int served_add_package(struct serving *s, struct mf_pool *pool, int id)
{
	struct mf_package package;
	int r;

	mf_pool_package(pool, id, &package);
	s->package = package.name;
	s->driver = flavor_in_name(package.name);
	s->named = false;
	r = add_name(s, &package);
	/* a tag says it all, and most packages of a repository have one */
	if (!r && !s->named)
		r = mf_pool_deps(pool, id, MF_PROVIDES, served_on_dep, s);
	if (!r && !s->named)
		r = mf_pool_deps(pool, id, MF_REQUIRES, served_on_dep, s);
	s->served.loose |= s->driver && !s->named;
	return r;
}

int mf_served_write(struct mf_pool *pool, const int *ids, size_t n, int dirfd)
{
	struct serving s = { 0 };
	_cleanup_free_ char *text = NULL;
	size_t len = 0;
	FILE *f = open_memstream(&text, &len);
	int r = f ? 0 : -ENOMEM;

	for (size_t i = 0; !r && i < n; i++)
		r = served_add_package(&s, pool, ids[i]);
	mf_strings_sort(&s.served.kernels);
	mf_strings_sort(&s.served.builds);
	for (size_t i = 0; f && i < s.served.kernels.n; i++)
		fprintf(f, "%s\n", s.served.kernels.v[i]);
	for (size_t i = 0; f && i < s.served.builds.n; i++)
		fprintf(f, "~%s\n", s.served.builds.v[i]);
	if (f && s.served.loose)
		fputs("*\n", f);
	if (f && fclose(f))
		r = -ENOMEM;
	mf_served_done(&s.served);
	return r < 0 ? r : mf_file_publish(dirfd, MF_CACHE_KERNELS, 0644, text, len);
}

/* ---- reading ---- */

int mf_served_read(int dirfd, struct mf_served *ret_served)
{
	struct mf_served served = { 0 };
	_cleanup_free_ char *text = NULL;
	char *save = NULL;
	size_t len;
	int r = mf_file_read_at(dirfd, MF_CACHE_KERNELS, LIST_MAX, &text, &len);

	for (char *line = r < 0 ? NULL : strtok_r(text, "\n", &save); !r && line;
	     line = strtok_r(NULL, "\n", &save)) {
		if (!strcmp(line, "*"))
			served.loose = true;
		else if (*line == '~')
			r = mf_strings_add(&served.builds, line + 1);
		else
			r = mf_strings_add(&served.kernels, line);
	}
	if (r < 0)
		mf_served_done(&served);
	*ret_served = served;
	return r;
}

/* The tag of a kernel stands for it: a release that was guessed from one may differ. */
static bool is_same_kernel(const char *a, const char *b)
{
	struct mf_release x, y;

	return !strcmp(a, b) || (!mf_release_parse(a, NULL, &x) && !mf_release_parse(b, NULL, &y) &&
				 !strcmp(x.flavor, y.flavor) && !strcmp(x.abi, y.abi));
}

bool mf_served_has(const struct mf_served *served, const char *kernel)
{
	for (size_t i = 0; i < served->kernels.n; i++)
		if (is_same_kernel(served->kernels.v[i], kernel))
			return true;
	for (size_t i = 0; i < served->builds.n; i++)
		if (is_same_kernel(served->builds.v[i], kernel))
			return true;
	return false;
}

bool mf_served_may_fit(const struct mf_served *served, const char *kernel)
{
	struct mf_release mine, theirs;

	if (served->loose || mf_served_has(served, kernel))
		return true;
	for (size_t i = 0; i < served->builds.n; i++)
		if (!mf_release_parse(served->builds.v[i], NULL, &theirs) &&
		    !mf_release_parse(kernel, NULL, &mine) && !strcmp(mine.flavor, theirs.flavor))
			return true;
	return false;
}

char *mf_served_describe(const struct mf_served *served)
{
	size_t n = served->kernels.n + served->builds.n, shown = n > SHOWN ? SHOWN : n;
	char *text = NULL;
	size_t len;
	FILE *f;

	if (!n)
		return strdup(served->loose ? "any that fits" : "none");
	f = open_memstream(&text, &len);
	/* the newest are the last */
	for (size_t i = 0; f && i < shown; i++) {
		size_t at = n - shown + i;

		fprintf(f, "%s%s", i ? ", " : "",
			at < served->kernels.n ? served->kernels.v[at]
					       : served->builds.v[at - served->kernels.n]);
	}
	if (f && n > shown)
		fprintf(f, " and %zu more", n - shown);
	if (f && fclose(f)) {
		free(text);
		return NULL;
	}
	return text;
}
