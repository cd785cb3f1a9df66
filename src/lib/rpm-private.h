/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef LIB_RPM_PRIVATE_H
#define LIB_RPM_PRIVATE_H
/* librpm's headers, for its adapter only: rpm.c runs transactions, rpm-header.c reads headers. */
#include <rpm/header.h>
#include <rpm/rpmdb.h>
#include <rpm/rpmfiles.h>
#include <rpm/rpmio.h>
#include <rpm/rpmlib.h>
#include <rpm/rpmlog.h>
#include <rpm/rpmmacro.h>
#include <rpm/rpmps.h>
#include <rpm/rpmte.h>
#include <rpm/rpmts.h>

#endif
