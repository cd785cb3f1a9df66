/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The adapter of libsolv, first half: a pool filled from caches, from the rpm database and with one
 * solvable for what no package owns; what its packages say, and who provides what.
 *
 * Drivers never come in by their supplements here: modfetch asks for packages by name, found
 * through its own alias index, so the namespace callback stays unset and a cache is written without
 * supplements, which are most of its bytes. Nothing installed is ever removed to make room for a
 * driver: uninstalling is allowed only where the admin asked for a removal.
 */
#include "modfetch/solv.h"
#include <errno.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include "modfetch/cleanup.h"
#include "modfetch/strings.h"
#include "modfetch/table.h"
#include "solv-private.h"

#define SYSTEM_NAME "system:kernel"

/*
 * libsolv makes and frees tables of some hundred kilobytes, one after the other. malloc() would give
 * each back to the kernel, which has to clear its pages again for the next one: a tenth of a lookup.
 */
static void keep_freed_memory(void)
{
	(void)mallopt(M_MMAP_THRESHOLD, 32 << 20);
	(void)mallopt(M_TRIM_THRESHOLD, 64 << 20);
}

int mf_pool_new(const char *machine, struct mf_pool **ret_pool)
{
	struct mf_pool *p = calloc(1, sizeof(*p));

	if (!p)
		return -ENOMEM;
	keep_freed_memory();
	p->pool = pool_create();
	/* Debian's libsolv would compare versions as dpkg does */
	pool_setdisttype(p->pool, DISTTYPE_RPM);
	if (machine)
		pool_setarch(p->pool, machine);
	p->installed = repo_create(p->pool, "installed");
	pool_set_installed(p->pool, p->installed);
	*ret_pool = p;
	return 0;
}

void mf_pool_free(struct mf_pool *pool)
{
	if (!pool)
		return;
	if (pool->rpm_state)
		rpm_state_free(pool->rpm_state);
	if (pool->pool->considered)
		map_free(pool->pool->considered);
	pool->pool->considered = solv_free(pool->pool->considered);
	pool_free(pool->pool);
	mf_exports_free(pool->exports);
	mf_pool_kernel_free(pool->kernel);
	queue_free(&pool->system_exports);
	for (size_t i = 0; i < pool->n_lists; i++)
		mf_solv_list_done(&pool->lists[i]);
	free(pool->lists);
	free(pool);
}

/* ---- filling the pool ---- */

void mf_pool_set_priority(struct mf_pool *pool, int origin, int priority)
{
	for (int i = 1; i < pool->pool->nrepos; i++) {
		Repo *repo = pool->pool->repos[i];

		if (repo && repo != pool->installed && (int)(intptr_t)repo->appdata == origin)
			repo->priority = -priority;
	}
}

void mf_pool_drop(struct mf_pool *pool, int origin, mf_pool_test *test, void *arg)
{
	for (int i = 1; i < pool->pool->nrepos; i++) {
		Repo *repo = pool->pool->repos[i];
		Solvable *s;
		Id id;

		if (!repo || repo == pool->installed || (int)(intptr_t)repo->appdata != origin)
			continue;
		FOR_REPO_SOLVABLES(repo, id, s)
		if (test(arg, id))
			repo_free_solvable(repo, id, 0);
	}
}

int mf_pool_add_primary(struct mf_pool *pool, int fd, int origin)
{
	_cleanup_fclose_ FILE *f = mf_solv_stream(fd, "r");

	if (!f)
		return -errno;
	if (repo_add_rpmmd(mf_solv_new_repo(pool, origin, 0), f, NULL, 0))
		return -EBADMSG;
	/* a file that another package of the list needs becomes a provide of its owner */
	pool_addfileprovides(pool->pool);
	return 0;
}

/* libsolv reads much of a file only when it is asked for, says nothing of an end that is missing,
 * and follows what a damaged one says out of its memory. */
static bool is_whole(int fd)
{
	size_t len = 0;
	char *map = mf_solv_map_sealed(fd, &len);

	if (map)
		mf_solv_unmap(map, len);
	return map;
}

static int add_cache(Repo *repo, int fd)
{
	return is_whole(fd) ? mf_solv_read(repo, fd) : -EBADMSG;
}

int mf_pool_add_cache(struct mf_pool *pool, int fd, int origin, int priority)
{
	return add_cache(mf_solv_new_repo(pool, origin, priority), fd);
}

int mf_pool_add_installed_cache(struct mf_pool *pool, int fd)
{
	int r = add_cache(pool->installed, fd);

	if (r < 0)
		repo_empty(pool->installed, 1);
	return r;
}

/* libsolv's own form of a header; the state owns it, and uses it again for the next one. */
static void *form_of_header(struct mf_pool *pool, void *header)
{
	if (!pool->rpm_state)
		pool->rpm_state = rpm_state_create(pool->pool, NULL);
	return rpm_byrpmh(pool->rpm_state, header);
}

int mf_pool_add_installed(struct mf_pool *pool, void *header, int *ret_id)
{
	void *handle;
	Id id;

	/* beside that of a cache, if there is one */
	if (!pool->adds_installed)
		repo_add_repodata(pool->installed, 0);
	pool->adds_installed = true;
	handle = form_of_header(pool, header);
	if (!handle)
		return -EBADMSG;
	id = repo_add_rpm_handle(pool->installed, handle,
				 RPM_ADD_NO_FILELIST | RPM_ADD_NO_RPMLIBREQS | REPO_REUSE_REPODATA |
					 REPO_NO_INTERNALIZE);
	if (!id)
		return -EBADMSG;
	*ret_id = id;
	return 0;
}

/* The repository that was added last with ORIGIN, or a new one. */
static Repo *repo_of_origin(struct mf_pool *pool, int origin)
{
	for (int i = pool->pool->nrepos - 1; i > 0; i--) {
		Repo *repo = pool->pool->repos[i];

		if (repo && repo != pool->installed && (int)(intptr_t)repo->appdata == origin)
			return repo;
	}
	return mf_solv_new_repo(pool, origin, 0);
}

static int add_header(struct mf_pool *pool, void *header, int origin,
		      const struct mf_pool_file *file, int flags)
{
	void *handle = form_of_header(pool, header);
	Repo *repo = repo_of_origin(pool, origin);
	char hex[MF_SHA256_HEX];
	Repodata *data;
	Id id;

	if (!handle)
		return -EBADMSG;
	id = repo_add_rpm_handle(repo, handle, flags | RPM_ADD_NO_RPMLIBREQS | REPO_NO_INTERNALIZE);
	if (!id)
		return -EBADMSG;
	data = repo_last_repodata(repo);
	mf_sha256_hex(file->sha256, hex);
	repodata_set_location(data, id, 0, NULL, file->name);
	repodata_set_checksum(data, id, SOLVABLE_CHECKSUM, REPOKEY_TYPE_SHA256, hex);
	repodata_set_num(data, id, SOLVABLE_DOWNLOADSIZE, file->size);
	repo_internalize(repo);
	return 0;
}

int mf_pool_add_header(struct mf_pool *pool, void *header, int origin,
		       const struct mf_pool_file *file)
{
	return add_header(pool, header, origin, file, RPM_ADD_NO_FILELIST);
}

int mf_pool_add_header_with_files(struct mf_pool *pool, void *header, int origin,
				  const struct mf_pool_file *file)
{
	return add_header(pool, header, origin, file, 0);
}

void mf_pool_set_header_digest(struct mf_pool *pool, int id, const char *digest)
{
	Repo *repo = pool_id2solvable(pool->pool, id)->repo;

	repodata_set_checksum(repo_last_repodata(repo), id,
			      pool_str2id(pool->pool, HEADER_DIGEST, 1), REPOKEY_TYPE_SHA1, digest);
}

const char *mf_pool_header_digest(struct mf_pool *pool, int id)
{
	Id key = pool_str2id(pool->pool, HEADER_DIGEST, 0), type;

	return key ? solvable_lookup_checksum(pool_id2solvable(pool->pool, id), key, &type) : NULL;
}

void mf_pool_forget_installed(struct mf_pool *pool, int id)
{
	repo_free_solvable(pool->installed, id, 0);
}

/* But for names that begin with SKIP, and for bundles. */
static void copy_provides(Pool *pool, Id id, const char *skip, Queue *to)
{
	const Solvable *s = pool_id2solvable(pool, id);

	for (const Id *p = s->repo->idarraydata + s->provides; s->provides && *p; p++)
		if ((!skip || !mf_starts_with(pool_id2str(pool, *p), skip)) &&
		    !mf_starts_with(pool_id2str(pool, *p), BUNDLE))
			queue_push(to, *p);
}

int mf_pool_add_system(struct mf_pool *pool, const struct mf_dep *deps, size_t n_deps,
		       const int *copy_ids, size_t n_copy, const char *skip)
{
	Pool *p = pool->pool;
	Repo *repo = pool->installed;
	Queue provides;
	Solvable *s;

	queue_init(&provides);
	for (size_t i = 0; i < n_deps; i++) {
		Id id = pool_str2id(p, deps[i].name, 1);

		if (deps[i].evr)
			id = pool_rel2id(p, id, pool_str2id(p, deps[i].evr, 1), REL_EQ, 1);
		queue_push(&provides, id);
	}
	for (size_t i = 0; i < n_copy; i++) {
		copy_provides(p, copy_ids[i], skip, &provides);
		if (!skip)
			mf_exports_copy(pool, copy_ids[i], &provides);
	}
	mf_exports_end_system(pool, &provides);
	pool->system = repo_add_solvable(repo);
	s = pool_id2solvable(p, pool->system);
	s->name = pool_str2id(p, SYSTEM_NAME, 1);
	s->evr = ID_EMPTY;
	s->arch = ARCH_NOARCH;
	queue_push(&provides, s->name);
	/* not repo_addid_dep: that looks for duplicates, which is quadratic */
	for (int i = 0; i < provides.count; i++)
		s->provides = repo_addid(repo, s->provides, provides.elements[i]);
	queue_free(&provides);
	return 0;
}

bool mf_pool_knows_form(const struct mf_pool *mp, const char *open)
{
	size_t len = strlen(open);

	for (Id id = 1; id < mp->pool->ss.nstrings; id++) {
		const char *name = pool_id2str(mp->pool, id);

		if (!strncmp(name, open, len) && !strchr(name + len, ':'))
			return true;
	}
	return false;
}

/*
 * libsolv drops its table of strings while it looks for providers, to save memory, and would make
 * it again at the next question: it is kept from that, since no string is added meanwhile.
 */
void mf_pool_ready(struct mf_pool *pool)
{
	Stringpool *strings = &pool->pool->ss;
	Hashtable table;
	Hashval mask;
	int n;

	repo_internalize(pool->installed);
	if (pool->n_lists)
		mf_pool_hide_copies(pool);
	table = strings->stringhashtbl;
	mask = strings->stringhashmask;
	n = strings->nstrings;
	strings->stringhashtbl = NULL;
	strings->stringhashmask = 0;
	pool_createwhatprovides(pool->pool);
	if (strings->stringhashtbl || strings->nstrings != n) {
		solv_free(table);
		return;
	}
	strings->stringhashtbl = table;
	strings->stringhashmask = mask;
}

/* ---- asking ---- */

int mf_solv_origin(const struct mf_pool *pool, Id id)
{
	const Solvable *s = pool_id2solvable(pool->pool, id);

	if (s->repo == pool->installed)
		return id == pool->system ? MF_POOL_SYSTEM : MF_POOL_INSTALLED;
	return (int)(intptr_t)s->repo->appdata;
}

const char *mf_pool_name(const struct mf_pool *pool, int id)
{
	return pool_id2str(pool->pool, pool_id2solvable(pool->pool, id)->name);
}

void mf_pool_package(struct mf_pool *pool, int id, struct mf_package *ret_package)
{
	Solvable *s = pool_id2solvable(pool->pool, id);
	const unsigned char *sum;
	unsigned int medianr;
	Id type = 0;

	*ret_package = (struct mf_package){
		.name = pool_id2str(pool->pool, s->name),
		.evr = pool_id2str(pool->pool, s->evr),
		.arch = pool_id2str(pool->pool, s->arch),
		.summary = solvable_lookup_str(s, SOLVABLE_SUMMARY),
		.origin = mf_solv_origin(pool, id),
		.size = solvable_lookup_num(s, SOLVABLE_DOWNLOADSIZE, 0),
		.install_size = solvable_lookup_num(s, SOLVABLE_INSTALLSIZE, 0),
	};
	if (ret_package->origin < 0)
		return;
	ret_package->location = solvable_lookup_location(s, &medianr);
	ret_package->base = solvable_lookup_str(s, SOLVABLE_MEDIABASE);
	if (ret_package->base && !*ret_package->base)
		ret_package->base = NULL;
	sum = solvable_lookup_bin_checksum(s, SOLVABLE_CHECKSUM, &type);
	ret_package->has_sha256 = sum && type == REPOKEY_TYPE_SHA256;
	if (ret_package->has_sha256)
		memcpy(ret_package->sha256, sum, MF_SHA256_LEN);
}

char *mf_package_label(const struct mf_package *package)
{
	return mf_format("%s-%s.%s", package->name, package->evr, package->arch);
}

static int queue_to_array(Queue *q, int **ret_ids, size_t *ret_n)
{
	int *ids = calloc((size_t)q->count + 1, sizeof(*ids));

	if (!ids)
		return -ENOMEM;
	for (int i = 0; i < q->count; i++)
		ids[i] = q->elements[i];
	*ret_ids = ids;
	*ret_n = (size_t)q->count;
	return 0;
}

int mf_pool_compare(struct mf_pool *mp, int a, int b)
{
	Pool *pool = mp->pool;

	return pool_evrcmp(pool, pool_id2solvable(pool, a)->evr, pool_id2solvable(pool, b)->evr,
			   EVRCMP_COMPARE);
}

int mf_pool_compare_evr(const struct mf_pool *pool, const char *a, const char *b)
{
	return pool_evrcmp_str(pool->pool, a, b, EVRCMP_COMPARE);
}

int mf_pool_list(struct mf_pool *pool, int origin, int **ret_ids, size_t *ret_n)
{
	Solvable *s;
	Queue q;
	Id id;
	int r;

	queue_init(&q);
	for (id = 2; id < pool->pool->nsolvables; id++) {
		s = pool_id2solvable(pool->pool, id);
		if (s->repo && mf_solv_origin(pool, id) == origin)
			queue_push(&q, id);
	}
	r = queue_to_array(&q, ret_ids, ret_n);
	queue_free(&q);
	return r;
}

int mf_pool_providers(struct mf_pool *mp, const char *dep, const char *evr, int **ret_ids,
		      size_t *ret_n)
{
	Pool *pool = mp->pool;
	Id id = pool_str2id(pool, dep, 0), who, offset;
	Queue q;
	int r;

	if (id && evr) {
		Id version = pool_str2id(pool, evr, 0);

		id = version ? pool_rel2id(pool, id, version, REL_EQ, 1) : 0;
	}
	queue_init(&q);
	if (id)
		FOR_PROVIDES(who, offset, id)
	queue_push(&q, who);
	r = queue_to_array(&q, ret_ids, ret_n);
	queue_free(&q);
	return r;
}

/* The parts of a supplement as libsolv split them, put together again: "P:bus:…". */
static char *supplement_text(Pool *pool, Id id)
{
	Reldep *rd;
	const char *text;

	if (!ISRELDEP(id)) {
		text = pool_id2str(pool, id);
		if (!mf_starts_with(text, "modalias(") || !mf_ends_with(text, ")"))
			return NULL;
		text += strlen("modalias(");
		return strndup(text, strlen(text) - 1);
	}
	rd = GETRELDEP(pool, id);
	if (rd->flags == REL_NAMESPACE && rd->name == NAMESPACE_MODALIAS)
		return strdup(pool_id2str(pool, rd->evr));
	if (rd->flags == REL_AND && ISRELDEP(rd->evr)) {
		_cleanup_free_ char *rest = supplement_text(pool, rd->evr);

		return rest ? mf_format("%s:%s", pool_id2str(pool, rd->name), rest) : NULL;
	}
	return NULL;
}

int mf_pool_deps(struct mf_pool *pool, int id, enum mf_dep_kind kind, mf_dep_visit *visit,
		 void *arg)
{
	Pool *p = pool->pool;
	int r = 0;
	Queue q;

	queue_init(&q);
	mf_solv_deps(p, id, kind, &q);
	for (int i = 0; !r && i < q.count; i++) {
		Id dep = q.elements[i];

		if (kind == MF_SUPPLEMENTS) {
			_cleanup_free_ char *text = supplement_text(p, dep);

			if (text)
				r = visit(arg, text, NULL);
		} else if (ISRELDEP(dep)) {
			r = visit(arg, pool_id2str(p, dep), pool_id2evr(p, dep));
		} else {
			r = visit(arg, pool_id2str(p, dep), NULL);
		}
	}
	queue_free(&q);
	return r;
}
