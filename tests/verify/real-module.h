/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef TESTS_VERIFY_REAL_MODULE_H
#define TESTS_VERIFY_REAL_MODULE_H
/* A root with a real kernel, one of its modules, and keys: strong, weak, and of another owner. */
#include "tests/unit.h"
#include "tests/shell.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "modfetch/cleanup.h"
#include "modfetch/file.h"
#include "modfetch/modinfo.h"

struct machine {
	char dir[64], kver[128], path[256];
	char *module;	      /* loop.ko, as its distribution ships it */
	size_t len, full_len; /* without and with a signature appended by the distribution */
};

static inline char *slurp(const char *name, size_t *ret_len)
{
	char *buf;

	if (mf_file_read_at(AT_FDCWD, name, 256 << 20, &buf, ret_len) < 0)
		fail_msg("cannot read %s", name);
	return buf;
}

static inline void write_out(const char *name, const void *buf, size_t len)
{
	_cleanup_close_ int fd = open(name, O_WRONLY | O_CREAT | O_TRUNC, 0644);

	assert_int_equal(mf_file_write(fd, buf, len), 0);
}

static inline int build_machine(void **state)
{
	struct machine *m = calloc(1, sizeof(*m));
	_cleanup_free_ char *line = NULL;
	struct mf_modinfo info;
	char root[512];
	size_t len;

	strcpy(m->dir, "/tmp/test-verify.XXXXXX");
	assert_non_null(mkdtemp(m->dir));
	assert_return_code(chdir(m->dir), errno);
	run(TESTS_DIR "/lib/kernel default >kernel");
	line = slurp("kernel", &len);
	assert_int_equal(sscanf(line, "%511s %127s", root, m->kver), 2);
	run("mkdir -p root/lib/modules/%s/kernel root/usr/src/linux-headers-%s "
	    "root/etc/modfetch/keys/module.d root/etc/modfetch/keys/deny.d others",
	    m->kver, m->kver);
	run("cp %s/lib/modules/%s/kernel/drivers/block/loop.ko root/lib/modules/%s/kernel/ && "
	    "echo kernel/loop.ko: >root/lib/modules/%s/modules.dep",
	    root, m->kver, m->kver, m->kver);
	run("cp %s/usr/src/linux-headers-%s/Module.symvers root/usr/src/linux-headers-%s/", root,
	    m->kver, m->kver);
	run("cp %s/lib/modules/%s/kernel/fs/fat/fat.ko other.ko", root, m->kver);
	make_key("mine", "rsa:2048", "root/etc/modfetch/keys/module.d", "");
	make_key("small", "rsa:1024", "root/etc/modfetch/keys/module.d", "");
	make_key("repo", "rsa:2048", "others", "");
	run("openssl x509 -in root/etc/modfetch/keys/module.d/mine.pem -noout -serial | "
	    "sed s/serial=/0x/ >serial && openssl req -x509 -newkey rsa:2048 -nodes -keyout "
	    "twin.key "
	    "-out others/twin.pem -subj /CN=mine -days 3650 -set_serial $(cat serial) 2>err");
	snprintf(m->path, sizeof(m->path), "root/lib/modules/%s/kernel/loop.ko", m->kver);
	m->module = slurp(m->path, &m->len);
	assert_int_equal(mf_modinfo_parse(m->module, m->len, 256 << 20, &info), 0);
	m->full_len = m->len;
	m->len = info.elf_len;
	mf_modinfo_done(&info);
	snprintf(m->path, sizeof(m->path), "/lib/modules/%s/updates/loop.ko", m->kver);
	*state = m;
	return 0;
}

static inline int remove_machine(void **state)
{
	struct machine *m = *state;

	run("rm -rf %s", m->dir);
	free(m->module);
	free(m);
	return 0;
}

#endif
