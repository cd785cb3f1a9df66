/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The packages of the packer before they are files, and their fingerprint: SHA-256 over name,
 * texts, relations and the digests of the files. A package with the fingerprint of one that an
 * earlier run built would be the same, and is reused. Version and revision are left out on purpose:
 * a module that did not change keeps its package when its kernel gets a new release number.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "modfetch/array.h"
#include "modfetch/cleanup.h"
#include "modfetch/file.h"
#include "model.h"

/*
 * To be changed when packages of equal content are built differently: another payload, other tags.
 */
#define FORMAT "modfetch-pack 1"

struct pack_package *pack_package_new(struct pack *pack)
{
	if (mf_array_reserve(&pack->packages, &pack->room_packages, pack->n_packages + 1,
			     sizeof(*pack->packages)) < 0)
		return NULL;
	pack->packages[pack->n_packages] = (struct pack_package){ 0 };
	return &pack->packages[pack->n_packages++];
}

static int package_digest_file(const char *base, const char *source, char ret_hex[MF_SHA256_HEX],
			       uint64_t *ret_size)
{
	uint8_t digest[MF_SHA256_LEN];
	_cleanup_close_ int dirfd = open(base, O_PATH | O_DIRECTORY | O_CLOEXEC);
	_cleanup_close_ int fd = dirfd < 0 ? -1 : openat(dirfd, source, O_RDONLY | O_CLOEXEC);
	struct stat st;
	int r;

	if (fd < 0 || fstat(fd, &st) < 0)
		return -errno;
	r = mf_sha256_fd(fd, digest);
	if (r < 0)
		return r;
	mf_sha256_hex(digest, ret_hex);
	*ret_size = (uint64_t)st.st_size;
	return 0;
}

int pack_package_file(struct pack_package *package, const char *base, const char *source,
		      const char *target, const char *hex, uint64_t size)
{
	struct pack_file *files =
		reallocarray(package->files, package->n_files + 1, sizeof(*files));
	struct pack_file file = { 0 };
	int r;

	if (!files)
		return -ENOMEM;
	package->files = files;
	if (hex) {
		memcpy(file.hex, hex, sizeof(file.hex));
	} else {
		r = package_digest_file(base, source, file.hex, &size);
		if (r < 0)
			return r;
	}
	file.base = strdup(base);
	file.source = strdup(source);
	file.target = strdup(target);
	files[package->n_files++] = file; /* freed with the package, also if a copy failed */
	package->size += size;
	return file.base && file.source && file.target ? 0 : -ENOMEM;
}

void pack_package_set_fingerprint(struct pack_package *package)
{
	_cleanup_free_ char *text = NULL;
	uint8_t digest[MF_SHA256_LEN] = { 0 };
	size_t len;
	FILE *out = open_memstream(&text, &len);

	package->fingerprint[0] = '\0';
	if (!out)
		return;
	fprintf(out, FORMAT "\n%s\n%s\n%s\n%s\n%s\n%s", package->name, package->arch,
		package->summary, package->license, package->description, package->relations);
	for (size_t i = 0; i < package->n_files; i++)
		fprintf(out, "%s %s\n", package->files[i].hex, package->files[i].target);
	if (!fclose(out) && !mf_sha256(text, len, digest))
		mf_sha256_hex(digest, package->fingerprint);
}

void pack_package_done(struct pack_package *package)
{
	for (size_t i = 0; i < package->n_files; i++) {
		free(package->files[i].base);
		free(package->files[i].source);
		free(package->files[i].target);
	}
	free(package->files);
	free(package->name);
	free(package->version);
	free(package->revision);
	free(package->summary);
	free(package->license);
	free(package->description);
	free(package->relations);
	free(package->href);
	*package = (struct pack_package){ 0 };
}
