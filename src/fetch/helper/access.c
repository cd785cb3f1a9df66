/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Reads the ways to reach servers from the packets of the other side.
 *
 * They come before the helper opens its first connection, so they are not influenced by any server.
 * Files come as descriptors and are read into memory, where libcurl takes them from: the helper cannot
 * open files of the system.
 */
#include "access.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "modfetch/cleanup.h"

static int set_variable(const char *text)
{
	for (size_t i = 0; mf_wire_variables[i]; i++) {
		size_t len = strlen(mf_wire_variables[i]);

		if (!strncmp(text, mf_wire_variables[i], len) && text[len] == '=')
			return setenv(mf_wire_variables[i], text + len + 1, 1) < 0 ? -errno : 0;
	}
	return -EBADMSG;
}

static int add_access(struct accesses *list)
{
	struct mf_curl_access **v = reallocarray(list->v, list->n + 1, sizeof(*v));

	if (!v)
		return -ENOMEM;
	list->v = v;
	v[list->n] = calloc(1, sizeof(**v));
	if (!v[list->n])
		return -ENOMEM;
	list->n++;
	return 0;
}

static int access_read_file(struct mf_curl_file *file, int fd)
{
	struct stat st;
	ssize_t got;

	if (file->data || fd < 0 || fstat(fd, &st) < 0 || st.st_size < 0 ||
	    (uint64_t)st.st_size > MF_WIRE_FILE_MAX)
		return -EBADMSG;
	file->data = malloc((size_t)st.st_size + 1);
	if (!file->data)
		return -ENOMEM;
	got = pread(fd, file->data, (size_t)st.st_size, 0);
	if (got != st.st_size)
		return got < 0 ? -errno : -EBADMSG;
	file->len = (size_t)got;
	return 0;
}

static int set_option(struct mf_curl_access *access, const struct mf_wire *packet, const char *text,
		      int fd)
{
	uint32_t i = packet->index;

	if (i < MF_WIRE_N_TEXTS) {
		free(access->texts[i]);
		access->texts[i] = strdup(text);
		return access->texts[i] ? 0 : -ENOMEM;
	}
	if (i < MF_WIRE_N_FILES)
		return access_read_file(&access->files[i - MF_WIRE_CA], fd);
	if (i >= MF_WIRE_N_OPTIONS)
		return -EBADMSG;
	access->numbers[i - MF_WIRE_TIMEOUT] = packet->size;
	return 0;
}

int fetch_access_on_packet(struct accesses *list, const struct mf_wire *packet, const char *text,
			   int fd)
{
	switch (packet->type) {
	case MF_WIRE_VARIABLE:
		return set_variable(text);
	case MF_WIRE_ACCESS:
		return add_access(list);
	case MF_WIRE_OPTION:
		return list->n ? set_option(list->v[list->n - 1], packet, text, fd) : -EBADMSG;
	}
	return -EBADMSG;
}

const struct mf_curl_access *fetch_access_find(const struct accesses *list, uint32_t number)
{
	return number && number <= list->n ? list->v[number - 1] : NULL;
}

uint64_t fetch_access_number(const struct mf_curl_access *access, enum mf_wire_option option,
			     uint64_t fallback)
{
	uint64_t number = access ? access->numbers[option - MF_WIRE_TIMEOUT] : 0;

	return number ? number : fallback;
}

void fetch_accesses_done(struct accesses *list)
{
	for (size_t i = 0; i < list->n; i++) {
		for (size_t k = 0; k < MF_WIRE_N_TEXTS; k++)
			free(list->v[i]->texts[k]);
		for (size_t k = 0; k < MF_WIRE_N_FILES - MF_WIRE_CA; k++)
			free(list->v[i]->files[k].data);
		free(list->v[i]);
	}
	free(list->v);
}
