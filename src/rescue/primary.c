/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Reads primary.xml, the list of packages, whose digest was verified.
 *
 * Of each package are kept its name, the description of its file, the modules "kmod(NAME.ko)", the
 * patterns of modaliases, and the names of the drivers and firmware that it needs or recommends; the
 * symbols are most of the text and are left to the kernel. A pattern is among the supplements
 * "modalias(kernel-FLAVOR-ABI:PATTERN)", "modalias(kernel-FLAVOR:PATTERN)" or "modalias(PATTERN)", or, for vendors, among the
 * provides. One that names another kernel is left out, and so is a package whose name does.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include "modfetch/array.h"
#include "modfetch/cleanup.h"
#include "modfetch/module-name.h"
#include "modfetch/release.h"
#include "modfetch/symvers.h"
#include "modfetch/xml.h"
#include "rescue.h"

#define TEXT_MAX 1024
#define KMP	 "-kmp-"
#define MODALIAS "modalias("

enum list { LIST_OTHER, LIST_PROVIDES, LIST_REQUIRES, LIST_RECOMMENDS, LIST_SUPPLEMENTS };

static const struct {
	const char *element;
	enum list list;
} lists[] = {
	{ "provides", LIST_PROVIDES },
	{ "requires", LIST_REQUIRES },
	{ "recommends", LIST_RECOMMENDS },
	{ "supplements", LIST_SUPPLEMENTS },
};

struct primary {
	const struct mf_release *release;
	struct rescue_repo *repo;
	struct rescue_package package;
	char text[TEXT_MAX + 1];
	size_t len;
	enum list list;
	bool in_package, sha256;
};

static void package_done(struct rescue_package *package)
{
	free(package->name);
	rescue_file_done(&package->file);
	mf_strings_done(&package->modules);
	mf_strings_done(&package->patterns);
	mf_strings_done(&package->drivers);
	*package = (struct rescue_package){ 0 };
}

static void primary_done(struct primary *p)
{
	package_done(&p->package);
}

void rescue_repo_done(struct rescue_repo *repo)
{
	for (size_t i = 0; i < repo->n; i++)
		package_done(&repo->v[i]);
	free(repo->v);
	free(repo->label);
	if (repo->tree.root) {
		free(repo->tree.root);
		close(repo->tree.root_fd);
	}
	*repo = (struct rescue_repo){ 0 };
}

/* Is TAG of LEN bytes, "FLAVOR-ABI" or "FLAVOR", of this kernel? */
static bool tag_is_own(const struct mf_release *release, const char *tag, size_t len)
{
	size_t flavor = strlen(release->flavor);

	if (len < flavor || memcmp(tag, release->flavor, flavor))
		return false;
	return len == flavor || (tag[flavor] == '-' && len - flavor - 1 == strlen(release->abi) &&
				 !memcmp(tag + flavor + 1, release->abi, len - flavor - 1));
}

/* Adds the pattern of "modalias(…)" unless it is of another kernel, or has no meaning for kmod. */
static int add_pattern(struct primary *p, const char *dep)
{
	const char *end = strrchr(dep, ')'), *at = dep + strlen(MODALIAS), *colon;
	char alias[MF_MODALIAS_MAX], pattern[MF_MODALIAS_MAX];

	if (!end || end[1] || end < at)
		return 0;
	colon = memchr(at, ':', (size_t)(end - at));
	if (mf_starts_with(at, "kernel-") && colon) {
		at += strlen("kernel-");
		if (at > colon || !tag_is_own(p->release, at, (size_t)(colon - at)))
			return 0;
		at = colon + 1;
	}
	if (mf_alias_unescape(at, (size_t)(end - at), alias, sizeof(alias)) < 0 ||
	    !mf_modalias_valid(alias, strlen(alias)) ||
	    mf_alias_normalize(alias, pattern, sizeof(pattern)) < 0)
		return 0;
	return mf_strings_add(&p->package.patterns, pattern);
}

static int add_dependency(struct primary *p, const char *dep)
{
	char module[MF_MODULE_NAME_SIZE];

	if ((p->list == LIST_SUPPLEMENTS || p->list == LIST_PROVIDES) &&
	    mf_starts_with(dep, MODALIAS))
		return add_pattern(p, dep);
	if (p->list == LIST_PROVIDES && mf_dep_module(dep, module, sizeof(module)))
		return mf_strings_add_unique(&p->package.modules, module);
	if ((p->list == LIST_REQUIRES || p->list == LIST_RECOMMENDS) && mf_dep_is_driver(dep))
		return mf_strings_add(&p->package.drivers, dep);
	return 0;
}

static int set_once(char **text, const char *value)
{
	if (*text || !value)
		return 0;
	*text = strdup(value);
	return *text ? 0 : -ENOMEM;
}

static int primary_start(void *arg, const char *name, const char *const *attributes)
{
	const char *type = mf_xml_attribute(attributes, "type"), *number, *dep;
	struct primary *p = arg;

	p->len = 0;
	if (!strcmp(name, "package")) {
		package_done(&p->package);
		p->in_package = true;
		p->list = LIST_OTHER;
	}
	p->sha256 = !strcmp(name, "checksum") && type && !strcmp(type, "sha256");
	if (!strcmp(name, "location"))
		return set_once(&p->package.file.location, mf_xml_attribute(attributes, "href"));
	if (!strcmp(name, "size")) {
		number = mf_xml_attribute(attributes, "package");
		p->package.file.size = number ? strtoumax(number, NULL, 10) : 0;
	}
	for (size_t i = 0; i < MF_ARRAY_SIZE(lists); i++)
		if (!strcmp(name, lists[i].element))
			p->list = lists[i].list;
	dep = strcmp(name, "entry") ? NULL : mf_xml_attribute(attributes, "name");
	return dep ? add_dependency(p, dep) : 0;
}

static int primary_text(void *arg, const char *text, size_t len)
{
	struct primary *p = arg;

	/* a description, which is not used, may be longer */
	if (len > TEXT_MAX - p->len)
		len = TEXT_MAX - p->len;
	memcpy(p->text + p->len, text, len);
	p->len += len;
	return 0;
}

/* Is a package of this name perhaps for the kernel? "igb-kmp-amd64-6.1.0_56" says which. */
static bool name_fits(const struct mf_release *release, const char *name)
{
	const char *tag = NULL;

	for (const char *p = name; (p = strstr(p, KMP)); p++)
		tag = p + strlen(KMP);
	return !tag || tag_is_own(release, tag, strlen(tag));
}

static int keep_package(struct primary *p)
{
	struct rescue_package *package = &p->package;
	struct rescue_repo *repo = p->repo;

	p->in_package = false;
	if (!package->name || !package->file.location || !package->file.has_sha256 ||
	    !name_fits(p->release, package->name))
		return 0;
	if (mf_array_reserve(&repo->v, &repo->room, repo->n + 1, sizeof(*repo->v)) < 0)
		return -ENOMEM;
	repo->v[repo->n++] = *package;
	*package = (struct rescue_package){ 0 };
	return 0;
}

static int primary_end(void *arg, const char *name)
{
	struct primary *p = arg;

	p->text[p->len] = '\0';
	p->len = 0;
	for (size_t i = 0; i < MF_ARRAY_SIZE(lists); i++)
		if (!strcmp(name, lists[i].element))
			p->list = LIST_OTHER;
	if (p->sha256 && !strcmp(name, "checksum"))
		p->package.file.has_sha256 = mf_sha256_parse(p->text, p->package.file.sha256);
	p->sha256 = false;
	if (p->in_package && !strcmp(name, "name"))
		return set_once(&p->package.name, p->text);
	return p->in_package && !strcmp(name, "package") ? keep_package(p) : 0;
}

int rescue_primary_parse(const void *buf, size_t len, const char *kernel, struct rescue_repo *repo)
{
	static const struct mf_xml_reader reader = { primary_start, primary_text, primary_end };
	struct mf_release release;
	_cleanup_(primary_done) struct primary p = { .release = &release, .repo = repo };

	/* a kernel with an odd release has no packages of its own */
	if (mf_release_parse(kernel, NULL, &release) < 0)
		release = (struct mf_release){ 0 };
	return mf_xml_read(buf, len, &reader, &p);
}
