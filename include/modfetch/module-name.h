/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef MODFETCH_MODULE_NAME_H
#define MODFETCH_MODULE_NAME_H
/*
 * Which files are kernel modules, and the names of modules: kmod's rules, for all stages.
 */
#include <stdbool.h>
#include <stddef.h>

/* Size of a buffer for any module's name with its NUL: no file system has longer names. */
#define MF_MODULE_NAME_SIZE 256

/* The endings of module files. Each build of kmod supports all or some of the compressions. */
enum mf_module_ending {
	MF_NO_MODULE,
	MF_MODULE_KO,
	MF_MODULE_KO_GZ,
	MF_MODULE_KO_XZ,
	MF_MODULE_KO_ZST,
};

/*
 * The ending of a path or file name of LEN bytes. MF_NO_MODULE: kmod does not regard the file as a
 * module. That includes ".ko", which has no byte before its ending.
 */
enum mf_module_ending mf_module_ending(const char *path, size_t len);
/* Has PATH any of these endings? */
bool mf_is_module(const char *path);

/*
 * The name of a module as the kernel and kmod spell it: the file name without directory, up to its
 * first dot, with '-' replaced by '_'. PATH may also be a name without ending from one of kmod's
 * lists. Writes at most SIZE bytes with the NUL. False: the name is empty, does not fit, or has a
 * blank or a byte that is not printable ASCII.
 */
bool mf_module_name(const char *path, char *ret_name, size_t size);

/*
 * The same for a file name of LEN bytes without a directory; all bytes are accepted. RET_NAME has
 * room for LEN bytes and the NUL. Returns the length of the name.
 */
size_t mf_module_spell(const char *file, size_t len, char *ret_name);

/*
 * Is there a dot in the file name before its ending, as in "e1000e.evil.ko"? kmod then uses only a
 * part of the file name as the module's name. False for a file that is no module.
 */
bool mf_module_name_is_cut(const char *path);

/*
 * Promise P2: the bounds of modaliases and device paths. Every name that a stage passes to libkmod,
 * libsolv or its own matcher was checked here. Pure.
 */

#define MF_MODALIAS_MAX 2048 /* bytes */
#define MF_DEVPATH_MAX	1024

/*
 * The reason why a name is out of bounds, as a clause ("it is empty"); NULL: it is valid. A valid
 * name has 1..MF_MODALIAS_MAX printable ASCII bytes, blanks included, in which each '[' has a ']'
 * after it and each ']' a '[' before it, as libkmod pairs them.
 */
const char *mf_modalias_fault(const char *modalias, size_t len);
bool mf_modalias_valid(const char *modalias, size_t len);

/* Is it a device's path below /sys as in uevents: /devices/…, printable, no ".." component? */
bool mf_devpath_valid(const char *devpath, size_t len);

/*
 * Aliases as kmod's indexes spell them: '-' becomes '_', except between brackets. A pattern is
 * normalized before it is added to an index, a name before it is looked up. Pure.
 */

/*
 * Writes the normalized ALIAS into RET_ALIAS (SIZE bytes with the NUL). Returns the length; -EINVAL
 * for an unpaired bracket, as kmod does; -E2BIG if it does not fit.
 */
int mf_alias_normalize(const char *alias, char *ret_alias, size_t size);

/*
 * The symbol in a dependency: foo in "ksym(amd64:foo)", "ksym(foo)" and RHEL's "kernel(foo)", with
 * any text after it. NULL: none (SUSE's "kernel(flavor:symset)" names a file's digest). Borrowed
 * from DEP; RET_LEN may be NULL.
 */
const char *mf_dep_symbol(const char *dep, size_t *ret_len);
/* The module in "kmod(foo-bar.ko)", spelled as by mf_module_name(). False: another dependency. */
bool mf_dep_module(const char *dep, char *ret_name, size_t size);
/* Is it "kernel-uname-r", or of a part of a kernel, as "kernel-modules-core-uname-r"? */
bool mf_dep_is_uname_r(const char *dep);
/* Does a package that provides it stay beside its other versions, as kernels do? */
bool mf_dep_is_side_by_side(const char *dep);
/* Does a dependency require a driver or firmware, by its name? */
bool mf_dep_is_driver(const char *dep);

#endif
