/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef MODFETCH_INSTALL_LINE_H
#define MODFETCH_INSTALL_LINE_H
/* What the command of an "install MODULE COMMAND" line in modprobe.d means for the module. */
#include <stdbool.h>

/*
 * Can the command load MODULE (spelled as kmod spells it)? That is so if modprobe or insmod is
 * called for it at a place that can be reached. False for all other commands.
 */
bool mf_install_line_loads(const char *command, const char *module);

#endif
