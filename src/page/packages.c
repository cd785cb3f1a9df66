/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Reads primary.xml, the list of packages that was just published.
 *
 * Of each package are kept its name, version, place, sizes and summary, the modules "kmod(NAME.ko)", the
 * aliases, and the names of the packages and firmware that it needs or recommends. Symbols are left to the
 * package manager. An alias is in a supplement "modalias(kernel-FLAVOR-ABI:PATTERN)", or in a provide
 * "kalias(FLAVOR-ABI:ALIAS)"; both are decoded and spelled as kmod spells them. The tag in them is not
 * looked at, since the lists say for which kernels the package is (kernels.c). An alias that matches no valid
 * modalias is left out. Texts come from modules: characters that are not printable are replaced here, and
 * the page shows all others as text only.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include "modfetch/array.h"
#include "modfetch/cleanup.h"
#include "modfetch/module-name.h"
#include "modfetch/symvers.h"
#include "modfetch/xml.h"
#include "model.h"

#define TEXT_MAX  1024
#define ALIAS_MAX 8192
#define FIRMWARE  "kmp-firmware-"

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
	struct page_repo *repo;
	struct page_package package;
	char text[TEXT_MAX + 1];
	size_t len;
	enum list list;
};

static void package_done(struct page_package *package)
{
	free(package->version);
	mf_strings_done(&package->modules);
	mf_strings_done(&package->patterns);
	mf_strings_done(&package->requires);
	mf_strings_done(&package->recommends);
	mf_strings_done(&package->firmware);
	*package = (struct page_package){ 0 };
}

static void primary_done(struct primary *p)
{
	package_done(&p->package);
}

void page_repo_done(struct page_repo *repo)
{
	for (size_t i = 0; i < repo->n_packages; i++)
		package_done(&repo->packages[i]);
	for (size_t i = 0; i < repo->n_drivers; i++)
		free(repo->drivers[i].packages);
	free(repo->packages);
	free(repo->drivers);
	free(repo->aliases);
	free(repo->kernels_of);
	mf_strings_done(&repo->kernels);
	mf_table_done(&repo->by_href);
	mf_table_done(&repo->by_name);
	mf_arena_done(&repo->arena);
	*repo = (struct page_repo){ 0 };
}

/* Adds the alias after the first colon of "modalias(kernel-TAG:" or "kalias(TAG:". */
static int primary_add_alias(struct primary *p, const char *dep)
{
	const char *colon = strchr(dep, ':'), *end = strrchr(dep, ')');
	char plain[ALIAS_MAX], alias[ALIAS_MAX];

	if (!colon || !end || end[1] || end <= colon)
		return 0;
	colon++;
	if (mf_alias_unescape(colon, (size_t)(end - colon), plain, sizeof(plain)) < 0 ||
	    !mf_modalias_valid(plain, strlen(plain)) ||
	    mf_alias_normalize(plain, alias, sizeof(alias)) < 0)
		return 0;
	return mf_strings_add(&p->package.patterns, alias);
}

static int add_provided(struct primary *p, const char *dep)
{
	char module[MF_MODULE_NAME_SIZE];

	if (mf_dep_is_uname_r(dep))
		p->package.is_image = true;
	if (mf_starts_with(dep, "kalias("))
		return primary_add_alias(p, dep);
	return mf_dep_module(dep, module, sizeof(module))
		       ? mf_strings_add(&p->package.modules, module)
		       : 0;
}

/* "firmware(NAME)", in which odd bytes are escaped, or the name of a firmware package. */
static int add_recommended(struct primary *p, const char *dep)
{
	size_t open = strlen("firmware("), len = strlen(dep);
	char file[TEXT_MAX];

	if (mf_starts_with(dep, "firmware(") && mf_ends_with(dep, ")")) {
		if (mf_alias_unescape(dep + open, len - open - 1, file, sizeof(file)) < 0)
			return 0;
		mf_text_sanitize(file);
		return mf_strings_add(&p->package.firmware, file);
	}
	return mf_strings_add(
		mf_starts_with(dep, FIRMWARE) ? &p->package.firmware : &p->package.recommends, dep);
}

static int primary_add_dependency(struct primary *p, const char *dep)
{
	switch (p->list) {
	case LIST_PROVIDES:
		return add_provided(p, dep);
	case LIST_REQUIRES:
		/* those of symbols, of rpm and of the kernel itself have parentheses or are no packages */
		return strchr(dep, '(') || mf_dep_is_uname_r(dep)
			       ? 0
			       : mf_strings_add(&p->package.requires, dep);
	case LIST_RECOMMENDS:
		return add_recommended(p, dep);
	case LIST_SUPPLEMENTS:
		return mf_starts_with(dep, "modalias(") ? primary_add_alias(p, dep) : 0;
	case LIST_OTHER:
		return 0;
	}
	return 0;
}

/* Copies a text into the arena. 0 or -ENOMEM. */
static int primary_keep(struct primary *p, const char **to, const char *text)
{
	*to = text ? mf_arena_copy(&p->repo->arena, text, strlen(text)) : NULL;
	return *to || !text ? 0 : -ENOMEM;
}

static uint64_t number(const char *text)
{
	return text ? strtoumax(text, NULL, 10) : 0;
}

static int primary_start(void *arg, const char *name, const char *const *attributes)
{
	struct primary *p = arg;
	struct page_package *package = &p->package;
	const char *version = mf_xml_attribute(attributes, "ver");

	p->len = 0;
	if (!strcmp(name, "package")) {
		package_done(package);
		p->list = LIST_OTHER;
	}
	if (!strcmp(name, "location"))
		return primary_keep(p, &package->href, mf_xml_attribute(attributes, "href"));
	if (!strcmp(name, "size")) {
		package->size = number(mf_xml_attribute(attributes, "package"));
		package->installed = number(mf_xml_attribute(attributes, "installed"));
	}
	if (!strcmp(name, "version") && version && !package->version) {
		const char *release = mf_xml_attribute(attributes, "rel");

		package->version = mf_format("%s-%s", version, release ? release : "");
		return package->version ? 0 : -ENOMEM;
	}
	for (size_t i = 0; i < MF_ARRAY_SIZE(lists); i++)
		if (!strcmp(name, lists[i].element))
			p->list = lists[i].list;
	if (!strcmp(name, "entry") && mf_xml_attribute(attributes, "name"))
		return primary_add_dependency(p, mf_xml_attribute(attributes, "name"));
	return 0;
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

static int primary_keep_package(struct primary *p)
{
	struct page_package *package = &p->package;
	struct page_repo *repo = p->repo;

	if (!package->name || !package->href || !package->version)
		return -EBADMSG;
	if (mf_array_reserve(&repo->packages, &repo->room_packages, repo->n_packages + 1,
			     sizeof(*repo->packages)) < 0)
		return -ENOMEM;
	package->kernels = page_kernels_of(repo, package->href);
	repo->packages[repo->n_packages++] = *package;
	*package = (struct page_package){ 0 };
	return 0;
}

static int primary_end(void *arg, const char *name)
{
	struct primary *p = arg;

	p->text[p->len] = '\0';
	p->len = 0;
	mf_text_sanitize(p->text);
	for (size_t i = 0; i < MF_ARRAY_SIZE(lists); i++)
		if (!strcmp(name, lists[i].element))
			p->list = LIST_OTHER;
	if (!strcmp(name, "name"))
		return primary_keep(p, &p->package.name, p->text);
	if (!strcmp(name, "arch"))
		return primary_keep(p, &p->package.arch, p->text);
	if (!strcmp(name, "summary"))
		return primary_keep(p, &p->package.summary, p->text);
	return strcmp(name, "package") ? 0 : primary_keep_package(p);
}

int page_packages_parse(const void *buf, size_t len, struct page_repo *repo)
{
	static const struct mf_xml_reader reader = { primary_start, primary_text, primary_end };
	_cleanup_(primary_done) struct primary p = { .repo = repo };

	return mf_xml_read(buf, len, &reader, &p);
}
