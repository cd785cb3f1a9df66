/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef MODFETCH_MODULE_NAME_H
#define MODFETCH_MODULE_NAME_H
/*
 * Which files are kernel modules, and what a module is called: kmod's answers, for everybody here.
 */
#include <stdbool.h>
#include <stddef.h>

/* Bytes for any module's name with its NUL: no file system has longer names. */
#define MF_MODULE_NAME_SIZE 256

/* By which ending a file counts as a module. Which compressions kmod knows is chosen at its build. */
enum mf_module_ending {
	MF_NO_MODULE,
	MF_MODULE_KO,
	MF_MODULE_KO_GZ,
	MF_MODULE_KO_XZ,
	MF_MODULE_KO_ZST,
};

/*
 * The ending of a path or file name of LEN bytes. MF_NO_MODULE: kmod does not take the file for a
 * module, as with ".ko", which is an ending and nothing before it.
 */
enum mf_module_ending mf_module_ending(const char *path, size_t len);
/* Has PATH any of these endings? */
bool mf_is_module(const char *path);

/*
 * The name of a module as the kernel and kmod spell it: the file name without directory, up to its
 * first dot, '-' turned into '_'. The names in kmod's lists, which have no ending, are spelled
 * likewise. Writes at most SIZE bytes with the NUL. False: the name is empty, has a byte that is no
 * printing ASCII or is a blank, or does not fit.
 */
bool mf_module_name(const char *path, char *ret_name, size_t size);

/*
 * The same of a file name of LEN bytes without a directory, whatever its bytes are. RET_NAME has
 * room for LEN bytes and the NUL. The length of the name.
 */
size_t mf_module_spell(const char *file, size_t len, char *ret_name);

/*
 * Is there a dot in the file name before its ending, as in "e1000e.evil.ko"? kmod then knows the
 * module by less than its file name says. False for what is no module.
 */
bool mf_module_name_is_cut(const char *path);

/*
 * Promise P2: the bounds of what a device may call itself and of where it may be. Everything a
 * stage hands to libkmod, libsolv or a matcher of its own has passed here. Pure.
 */

#define MF_MODALIAS_MAX 2048 /* bytes */
#define MF_DEVPATH_MAX	1024

/*
 * Why a name is out of bounds, as a clause ("it is empty"); NULL: it is not. Within bounds are
 * 1..MF_MODALIAS_MAX printable ASCII bytes, blanks included, where each '[' has a ']' after it and
 * each ']' a '[' before it, as libkmod pairs them.
 */
const char *mf_modalias_fault(const char *modalias, size_t len);
bool mf_modalias_valid(const char *modalias, size_t len);

/* A device's path below /sys as uevents give it: /devices/…, printable, no ".." component. */
bool mf_devpath_valid(const char *devpath, size_t len);

/*
 * Aliases as kmod's indexes spell them: '-' is '_', except between brackets. A pattern is
 * normalised before it goes into an index, a name before it is looked up. Pure.
 */

/*
 * Writes the normalised ALIAS into RET_ALIAS (SIZE bytes with the NUL). Returns the length; -EINVAL
 * for a bracket without its pair, as kmod; -E2BIG where it does not fit.
 */
int mf_alias_normalize(const char *alias, char *ret_alias, size_t size);

/*
 * The symbol that a dependency is about: in "ksym(amd64:foo)", "ksym(foo)" and RHEL's "kernel(foo)"
 * it is foo, whatever follows. NULL: none (SUSE's "kernel(flavor:symset)" names a file's digest).
 * Borrowed from DEP; RET_LEN may be NULL.
 */
const char *mf_dep_symbol(const char *dep, size_t *ret_len);
/* The module in "kmod(foo-bar.ko)", spelled as mf_module_name() does. False: it is another thing. */
bool mf_dep_module(const char *dep, char *ret_name, size_t size);
/* Is it a driver or firmware that the name of a dependency asks for? */
bool mf_dep_is_driver(const char *dep);

#endif
