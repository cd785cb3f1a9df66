/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef MODFETCH_INSTALL_LINE_H
#define MODFETCH_INSTALL_LINE_H
/*
 * Decides whether the command of an "install MODULE COMMAND" line in modprobe.d loads the module.
 */
#include <stdbool.h>

/*
 * Can COMMAND load MODULE (spelled as kmod spells it)? True if it calls modprobe or insmod for the
 * module at a place that can be reached. False for all other commands.
 */
bool mf_install_line_loads(const char *command, const char *module);

#endif
