/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A source rpm in the form that kmodtool's spec files have, made by rpmbuild and then built by its
 * recipe, without a box. There is no Fedora here: kmodtool itself and its compiler calls are not
 * tried.
 */
#include "tests/unit.h"
#include "tests/root.h"
#include "modfetch/rpm.h"
#include "src/source/rpm-recipe.h"

#define SPEC                                                                                       \
	"%global debug_package %{nil}\n"                                                           \
	"Name: test-kmod\nVersion: 1.5\nRelease: 2\nSummary: test\nLicense: none\n"                \
	"%description\ntest\n"                                                                     \
	"%package -n kmod-test-%{kernels}\nSummary: test\n%description -n kmod-test-%{kernels}\n"  \
	"test\n%post -n kmod-test-%{kernels}\ntrue\n"                                              \
	"%package -n kmod-test\nSummary: the newest\n%description -n kmod-test\ntest\n%install\n"  \
	"for k in %{kernels}; do\nmkdir -p %{buildroot}/usr/lib/modules/$k/extra/test\n"           \
	"echo $k >%{buildroot}/usr/lib/modules/$k/extra/test/test.ko\ndone\n"                      \
	"%files -n kmod-test-%{kernels}\n/usr/lib/modules/%{kernels}/extra/test\n"                 \
	"%files -n kmod-test\n"

static const struct mf_recipe_kernel kernel = { KERNEL, "x86_64", "/headers", NULL, 2 };

static void run(const char *directory, const char *text)
{
	char *command = mf_format("cd %s && bash -c \"$TEXT\" >log 2>&1 || { cat log >&2; false; }",
				  directory);

	assert_int_equal(setenv("TEXT", text, 1), 0);
	assert_int_equal(system(command), 0);
	free(command);
}

static void a_source_rpm_is_built_for_one_kernel(void **state)
{
	struct root *r = *state;
	struct mf_recipe recipe = { 0 };
	struct mf_sources sources = { 0 };
	struct mf_rpm_header header = { 0 };
	char *directory = mf_format("%s/usr/src/akmods", r->path);
	bool has_module = false;
	int fd;

	root_write(r, "usr/src/akmods/test.spec", SPEC);
	run(directory, "rpmbuild -bs --define \"_topdir $PWD\" --define '_srcrpmdir .' "
		       "--define 'kernels none' test.spec");
	assert_int_equal(mf_sources_find(&r->ctx, "test-kmod", &sources), 0);
	assert_int_equal(sources.n, 1);
	assert_int_equal(sources.v[0].kind, MF_SOURCE_RPM);
	assert_string_equal(sources.v[0].version, "1.5-2");
	assert_int_equal(mf_recipe_read(&r->ctx, &sources.v[0], &kernel, &recipe), 0);
	run(directory, recipe.make);

	fd = openat(r->fd, "usr/src/akmods/modfetch-result.rpm", O_RDONLY | O_CLOEXEC);
	assert_true(fd >= 0);
	assert_string_equal(recipe.package, "modfetch-result.rpm");
	assert_int_equal(mf_rpm_read(fd, &header), 0);
	assert_string_equal(header.name, "kmod-test-" KERNEL);
	for (size_t i = 0; i < header.n_files; i++)
		has_module |= !strcmp(header.files[i].path,
				      "/usr/lib/modules/" KERNEL "/extra/test/test.ko");
	assert_true(has_module);
	close(fd);
	mf_rpm_header_done(&header);
	mf_recipe_done(&recipe);
	mf_sources_done(&sources);
	free(directory);
}

static void names_that_a_shell_or_rpm_would_change_are_refused(void **state)
{
	static const char *const names[] = { "a b.src.rpm",
					     "$(a).src.rpm",
					     "%{a}.src.rpm",
					     "-a.src.rpm",
					     "a'.src.rpm",
					     "a\n.src.rpm",
					     "" };
	static char name[] = "a", version[] = "1";
	struct root *r = *state;
	struct mf_recipe_kernel odd = kernel;
	struct mf_recipe recipe = { 0 };
	struct mf_source source = { MF_SOURCE_RPM, name, version, NULL };

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		source.path = mf_format("usr/src/akmods/%s", names[i]);
		assert_int_equal(rpm_recipe(&r->ctx, &source, &kernel, &recipe), -MFE_SOURCE);
		free(source.path);
	}
	source.path = strdup("usr/src/akmods/a.src.rpm");
	odd.release = "6.1'%{x}";
	assert_int_equal(rpm_recipe(&r->ctx, &source, &odd, &recipe), -MFE_SOURCE);
	assert_int_equal(rpm_recipe(&r->ctx, &source, &kernel, &recipe), 0);
	mf_recipe_done(&recipe);
	free(source.path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ROOTED(a_source_rpm_is_built_for_one_kernel),
		ROOTED(names_that_a_shell_or_rpm_would_change_are_refused),
	};

	return UNIT_RUN(tests);
}
