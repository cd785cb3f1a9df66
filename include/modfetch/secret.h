/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef MODFETCH_SECRET_H
#define MODFETCH_SECRET_H
/*
 * User names and passwords in URLs: they are for the server alone. Whatever is printed, logged or
 * written to a file was given to one of these first.
 */

/*
 * Takes "user:password@" out of every URL in TEXT, in place. Of a URL that was written wrongly, so
 * that its password has bytes that end a host ("http://user:a/b@host"), all before the '@' goes.
 */
void mf_secret_hide(char *text);
/* The same of a copy; the caller's to free. NULL: no memory. */
char *mf_secret_hidden(const char *text);

#endif
