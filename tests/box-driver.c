/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * box-driver ROOT KEY=VALUE…: runs one build in a box and prints its outcome, status, results and
 * first error as lines. Keys are the members of struct mf_box; read_only and results may be
 * repeated. A result is written to the file that OUT=DIRECTORY and its number name.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "modfetch/array.h"
#include "modfetch/box.h"
#include "modfetch/error.h"
#include "modfetch/file.h"

static const char *const outcomes[] = { "done", "failed", "deadline", "memory", "space" };

struct options {
	struct mf_box box;
	struct mf_strings read_only, results;
	const char *out;
};

static int set(struct options *o, const char *key, const char *value)
{
	unsigned long long number = strtoull(value, NULL, 10);
	const struct {
		const char *key;
		const char **text;
		uint64_t *bytes;
		unsigned int *count;
	} keys[] = {
		{ "source", &o->box.source, NULL, NULL },
		{ "place", &o->box.place, NULL, NULL },
		{ "script", &o->box.script, NULL, NULL },
		{ "log", &o->box.log, NULL, NULL },
		{ "out", &o->out, NULL, NULL },
		{ "memory", NULL, &o->box.memory, NULL },
		{ "space", NULL, &o->box.space, NULL },
		{ "result_max", NULL, &o->box.result_max, NULL },
		{ "seconds", NULL, NULL, &o->box.seconds },
		{ "processes", NULL, NULL, &o->box.processes },
	};

	if (!strcmp(key, "read_only"))
		return mf_strings_add(&o->read_only, value);
	if (!strcmp(key, "results"))
		return mf_strings_add(&o->results, value);
	for (size_t i = 0; i < MF_ARRAY_SIZE(keys); i++) {
		if (strcmp(key, keys[i].key))
			continue;
		if (keys[i].text)
			*keys[i].text = value;
		else if (keys[i].bytes)
			*keys[i].bytes = number;
		else
			*keys[i].count = (unsigned int)number;
		return 0;
	}
	return -1;
}

static void print_result(const struct options *o, const struct mf_box_result *result, size_t i)
{
	char path[4096];
	char *bytes = NULL;
	size_t len = 0;
	int fd;

	if (result->fds[i] < 0) {
		printf("result %zu none\n", i);
		return;
	}
	if (mf_file_read(result->fds[i], SIZE_MAX / 2, &bytes, &len) < 0)
		exit(1);
	printf("result %zu %zu %s\n", i, len,
	       mf_memfile_is_sealed(result->fds[i]) ? "sealed" : "open");
	if (o->out) {
		snprintf(path, sizeof(path), "%s/%zu", o->out, i);
		fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
		if (fd < 0 || mf_file_write(fd, bytes, len) < 0)
			exit(1);
		close(fd);
	}
	free(bytes);
}

int main(int argc, char **argv)
{
	struct options o = {
		.box = {
			.place = "/var/lib/dkms/x/1/build",
			.seconds = 60,
			.processes = 100,
			.memory = 1ULL << 30,
			.space = 64ULL << 20,
			.result_max = 1ULL << 20,
		},
	};
	struct mf_box_result result = { 0 };
	struct mf_context ctx;
	int r;

	if (argc < 2)
		return 64;
	r = mf_context_init(&ctx, argv[1], NULL);
	/* a root without a kernel is enough */
	if (r < 0 && ctx.root_fd < 0)
		return 1;
	for (int i = 2; i < argc; i++) {
		char *equals = strchr(argv[i], '=');

		if (!equals)
			return 64;
		*equals = '\0';
		if (set(&o, argv[i], equals + 1) < 0)
			return 64;
	}
	o.box.read_only = &o.read_only;
	o.box.results = &o.results;
	r = mf_box_run(&ctx, &o.box, &result);
	if (r < 0) {
		printf("failure %s\nwhat %s\nwhy %s\n", mf_error_name(r), ctx.failure.what,
		       ctx.failure.why);
	} else {
		printf("outcome %s\nstatus %d\n", outcomes[result.outcome], result.status);
		for (size_t i = 0; i < result.n; i++)
			print_result(&o, &result, i);
		if (result.first_error)
			printf("error %s\n", result.first_error);
	}
	mf_box_result_done(&result);
	mf_strings_done(&o.read_only);
	mf_strings_done(&o.results);
	mf_context_done(&ctx);
	return 0;
}
