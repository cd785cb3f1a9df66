/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef TESTS_PACKS_H
#define TESTS_PACKS_H
/* What the tests of src/pack share: a pack that works in a scratch directory, and modules made by
 * hand. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "modfetch/file.h"
#include "modfetch/module-name.h"
#include "src/pack/model.h"

struct packs {
	struct mf_pack_options options;
	struct mf_context ctx;
	struct pack pack;
	char dir[64];
};

static inline struct packs *packs_new(void)
{
	struct packs *p = calloc(1, sizeof(*p));

	assert_non_null(p);
	strcpy(p->dir, "/tmp/modfetch-test-XXXXXX");
	assert_non_null(mkdtemp(p->dir));
	assert_true(mf_context_init(&p->ctx, "/", "6.1.0-56-amd64") >= 0);
	p->ctx.log_level = MF_LOG_ERROR;
	p->options.jobs = 2;
	p->pack = (struct pack){
		.ctx = &p->ctx,
		.options = &p->options,
		.repo_fd = -1,
		.private_fd = -1,
		.work_fd = -1,
		.lock_fd = -1,
	};
	return p;
}

/* As mf_pack() opens REPO, which is the scratch directory. */
static inline void packs_open(struct packs *p)
{
	p->pack.output = strdup(p->dir);
	p->pack.repo_fd = open(p->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_true(p->pack.repo_fd >= 0);
	assert_int_equal(mkdirat(p->pack.repo_fd, ".pack", 0755), 0);
	p->pack.private_fd = openat(p->pack.repo_fd, ".pack", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_int_equal(mkdirat(p->pack.private_fd, "work", 0755), 0);
	assert_int_equal(mkdirat(p->pack.private_fd, "work/rpms", 0755), 0);
	p->pack.work_fd = openat(p->pack.private_fd, "work", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	p->pack.work = mf_format("%s/.pack/work", p->dir);
}

static inline void packs_free_names(struct pack_symbol *symbols, size_t n)
{
	for (size_t i = 0; i < n; i++)
		free((char *)(uintptr_t)symbols[i].name);
}

static inline void packs_free(struct packs *p)
{
	const int fds[] = { p->pack.repo_fd, p->pack.private_fd, p->pack.work_fd };

	/* a module that was read has an arena for its strings; a hand-made one has copies */
	for (size_t k = 0; k < p->pack.n_kernels; k++)
		for (size_t m = 0; m < p->pack.kernels[k].n_modules; m++) {
			struct pack_module *module = &p->pack.kernels[k].modules[m];

			if (module->arena)
				continue;
			packs_free_names(module->exports, module->n_exports);
			packs_free_names(module->imports, module->n_imports);
		}
	for (size_t i = 0; i < p->pack.n_packages; i++)
		pack_package_done(&p->pack.packages[i]);
	for (size_t i = 0; i < p->pack.n_kernels; i++)
		pack_kernel_done(&p->pack.kernels[i]);
	pack_firmware_free(p->pack.firmware);
	mf_pack_result_done(&p->pack.result);
	free(p->pack.packages);
	free(p->pack.kernels);
	free(p->pack.output);
	free(p->pack.work);
	for (size_t i = 0; i < sizeof(fds) / sizeof(*fds); i++)
		if (fds[i] >= 0)
			close(fds[i]);
	mf_context_done(&p->ctx);
	assert_int_equal(mf_tree_remove(AT_FDCWD, p->dir), 0);
	free(p);
}

/* Writes TEXT to a file below the scratch directory; directories on the way are made. */
static inline void packs_write(const struct packs *p, const char *name, const char *text)
{
	char path[512];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", p->dir, name);
	for (char *slash = path + strlen(p->dir) + 1; (slash = strchr(slash, '/')); slash++) {
		*slash = '\0';
		(void)mkdir(path, 0755);
		*slash = '/';
	}
	f = fopen(path, "we");
	assert_non_null(f);
	fputs(text, f);
	assert_int_equal(fclose(f), 0);
}

static inline bool packs_has(const struct packs *p, const char *name)
{
	char path[512];

	snprintf(path, sizeof(path), "%s/%s", p->dir, name);
	return !access(path, F_OK);
}

/* What the hand-made module says; NULL ends each list. "weak:" before an import, CRC behind '='. */
struct made {
	const char *path;
	const char *exports[4], *imports[4];
	const char *fields[PACK_N_FIELDS][4];
};

static inline struct pack_symbol *made_symbols(const char *const *from, size_t *ret_n)
{
	struct pack_symbol *symbols = calloc(4, sizeof(*symbols));

	for (*ret_n = 0; *ret_n < 4 && from[*ret_n]; (*ret_n)++) {
		const char *s = from[*ret_n], *equals;
		struct pack_symbol *to = &symbols[*ret_n];

		to->weak = mf_starts_with(s, "weak:");
		s += to->weak ? 5 : 0;
		equals = strchr(s, '=');
		to->has_crc = equals != NULL;
		to->crc = equals ? (uint32_t)strtoul(equals + 1, NULL, 16) : 0;
		to->name = equals ? strndup(s, (size_t)(equals - s)) : strdup(s);
	}
	return symbols;
}

/* A kernel of 6.1.0-56-amd64 with these modules. */
static inline struct pack_kernel *packs_kernel(struct packs *p, const struct made *made, size_t n)
{
	struct pack_kernel *k = calloc(1, sizeof(*k));

	p->pack.kernels = k;
	p->pack.n_kernels = 1;
	*k = (struct pack_kernel){ .tree_fd = -1, .n_modules = n, .arch = "x86_64" };
	assert_int_equal(mf_release_parse("6.1.0-56-amd64", NULL, &k->release), 0);
	k->tree = strdup(p->dir);
	k->install_dir = strdup("/lib/modules/6.1.0-56-amd64");
	k->version = strdup("6.1.0");
	k->revision = strdup("56");
	k->modules = calloc(n ? n : 1, sizeof(*k->modules));
	for (size_t m = 0; m < n; m++) {
		struct pack_module *module = &k->modules[m];

		module->path = strdup(made[m].path);
		module->arch = "x86_64";
		module->size = 1000;
		module->intree = module->picked = true;
		assert_true(mf_module_name(module->path, module->name, sizeof(module->name)));
		assert_int_equal(pack_map_set(&k->names, module->name, m), 0);
		module->exports = made_symbols(made[m].exports, &module->n_exports);
		module->imports = made_symbols(made[m].imports, &module->n_imports);
		for (size_t f = 0; f < PACK_N_FIELDS; f++) {
			module->fields[f] = calloc(4, sizeof(*module->fields[f]));
			while (module->n_fields[f] < 4 && made[m].fields[f][module->n_fields[f]]) {
				module->fields[f][module->n_fields[f]] =
					made[m].fields[f][module->n_fields[f]];
				module->n_fields[f]++;
			}
		}
	}
	return k;
}

/* A package of the pack with a name, ready to be sealed. */
static inline struct pack_package *packs_package(struct packs *p, const char *name,
						 const char *arch)
{
	struct pack_package *package = pack_package_new(&p->pack);

	assert_non_null(package);
	package->name = strdup(name);
	package->arch = arch;
	package->version = strdup("1");
	package->revision = strdup("2");
	package->summary = strdup("A package");
	package->license = strdup("GPL");
	package->description = strdup("It is a package.");
	package->relations = strdup("Provides: something\n");
	package->kernel = p->pack.kernels;
	return package;
}

#endif
