/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The spec file that builds a batch of packages, in this run or inside OBS or Koji.
 *
 * It holds everything but the files themselves, which its %install copies from their directories;
 * each of these directories is a macro (source_1, source_2, …) that a build service defines to the
 * place of its copy, and source_package names the package that installs that copy. Modules are
 * packed unchanged: rpm must not strip, compress or scan them, so all of its post-processing and
 * its dependency generators are off. The payload is zstd, at its lowest level if the modules are
 * compressed already.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "modfetch/cleanup.h"
#include "model.h"

static const char preamble[] =
	"# Made by modfetch pack. To build it elsewhere define source_1, source_2, ... (the "
	"directories\n"
	"# of the files there) and source_package (the package that contains them).\n"
	"%global debug_package %{nil}\n"
	"%global __os_install_post %{nil}\n"
	"%global _build_id_links none\n"
	/* rpm 6 would write format 6, which no older rpm and no other tool here reads */
	"%global _rpmformat 4\n"
	"%global _source_filedigest_algorithm 8\n"
	"%global _binary_filedigest_algorithm 8\n"
	"%global use_source_date_epoch_as_buildtime 1\n"
	"%global clamp_mtime_to_source_date_epoch 0\n";

static const char install_head[] =
	"\n%install\n"
	"copy() { (mkdir -p \"%{buildroot}$2\" && cd \"$1\" &&\n"
	"\txargs -d '\\n' cp -a --parents -t \"%{buildroot}$2\" --); }\n"
	"one() { install -D -p -m 0644 \"$1\" \"%{buildroot}$2\"; }\n"
	"packed() { mkdir -p \"%{buildroot}${2%/*}\" && gzip -9nc \"$1\" >\"%{buildroot}$2\" &&\n"
	"\ttouch -r \"$1\" \"%{buildroot}$2\"; }\n";

char *pack_spec_rpm_name(const struct pack_package *package)
{
	return mf_format("%s-%s-%s.%s.rpm", package->name, package->version, package->revision,
			 package->arch);
}

/* Writes S for the shell and the spec: in single quotes, '%' doubled. */
static void put_quoted(const char *s, FILE *out)
{
	fputc('\'', out);
	for (; *s; s++) {
		if (*s == '\'')
			fputs("'\\'", out);
		if (*s == '%')
			fputc('%', out);
		fputc(*s, out);
	}
	fputc('\'', out);
}

void pack_spec_put_text(const char *text, FILE *out)
{
	for (; *text; text++) {
		if (*text == '%')
			fputc('%', out);
		fputc(*text, out);
	}
}

/*
 * Writes a name in %files. rpm's globbing has no escape that works for every byte, so a byte with a
 * meaning is written as '?', which matches it.
 */
static void put_file_name(const char *s, FILE *out)
{
	for (; *s; s++) {
		if (*s == '%')
			fputc('%', out);
		fputc(strchr("*?[]{}\\\"' \t#", *s) ? '?' : *s, out);
	}
	fputc('\n', out);
}

/* The number of a source directory of the batch; a new one is added. 0: no memory. */
static size_t source_number(struct mf_strings *sources, const char *base)
{
	for (size_t i = 0; i < sources->n; i++)
		if (!strcmp(sources->v[i], base))
			return i + 1;
	return mf_strings_add(sources, base) < 0 ? 0 : sources->n;
}

/* The length of the target without "/SOURCE" at its end; 0: it has no such end. */
static size_t directory_length(const struct pack_file *file)
{
	size_t target = strlen(file->target), source = strlen(file->source);

	return !file->gzip && target > source + 1 && mf_ends_with(file->target, file->source) &&
			       file->target[target - source - 1] == '/'
		       ? target - source - 1
		       : 0;
}

/*
 * Writes a file that keeps its path below a directory; starts a new list unless *OPEN belongs to
 * the same one.
 */
static void put_copy(const struct pack_file *file, size_t number, const struct pack_file **open,
		     FILE *out)
{
	size_t len = directory_length(file);

	if (!*open || strcmp((*open)->base, file->base) || directory_length(*open) != len ||
	    memcmp((*open)->target, file->target, len)) {
		_cleanup_free_ char *directory = strndup(file->target, len);

		if (*open)
			fputs("END\n", out);
		fprintf(out, "copy \"%%{source_%zu}\" ", number);
		put_quoted(directory ? directory : "", out);
		fputs(" <<'END'\n", out);
	}
	*open = file;
	/* no such line can end the list */
	fputs("./", out);
	pack_spec_put_text(file->source, out);
	fputc('\n', out);
}

static void put_install(const struct pack *pack, const struct pack_list *list,
			struct mf_strings *sources, FILE *out)
{
	const struct pack_file *open = NULL;

	fputs(install_head, out);
	for (size_t i = 0; i < list->n; i++) {
		const struct pack_package *package = &pack->packages[list->v[i]];

		for (size_t f = 0; f < package->n_files; f++) {
			const struct pack_file *file = &package->files[f];
			size_t number = source_number(sources, file->base);

			if (directory_length(file)) {
				put_copy(file, number, &open, out);
				continue;
			}
			if (open)
				fputs("END\n", out);
			open = NULL;
			fprintf(out, "%s \"%%{source_%zu}\"/", file->gzip ? "packed" : "one",
				number);
			put_quoted(file->source, out);
			fputc(' ', out);
			put_quoted(file->target, out);
			fputc('\n', out);
		}
	}
	if (open)
		fputs("END\n", out);
}

static void spec_put_package(const struct pack_package *p, FILE *out)
{
	fprintf(out, "\n%%package -n %s\nVersion: %s\nRelease: %s\nSummary: %s\nLicense: %s\n",
		p->name, p->version, p->revision, p->summary, p->license);
	if (!strcmp(p->arch, "noarch"))
		fputs("BuildArch: noarch\n", out);
	fprintf(out, "AutoReqProv: no\n%s%%description -n %s\n%s\n%%files -n %s\n", p->relations,
		p->name, p->description, p->name);
	fputs("%defattr(0644,root,root,0755)\n", out);
	for (size_t i = 0; i < p->n_files; i++)
		put_file_name(p->files[i].target, out);
}

static bool is_compressed(const struct pack *pack, const struct pack_list *list)
{
	for (size_t i = 0; i < list->n; i++) {
		const struct pack_package *p = &pack->packages[list->v[i]];

		if (p->kind == PACK_KIND_MODULE && p->n_files &&
		    !mf_ends_with(p->files[0].source, ".ko"))
			return true;
	}
	return false;
}

int pack_spec_write(const struct pack *pack, const struct pack_list *list, const char *label,
		    FILE *out)
{
	_cleanup_(mf_strings_done) struct mf_strings sources = { 0 };
	_cleanup_free_ char *install = NULL;
	size_t len;
	FILE *f = open_memstream(&install, &len);

	if (!f)
		return -ENOMEM;
	put_install(pack, list, &sources, f);
	if (fclose(f))
		return -ENOMEM;
	fputs(preamble, out);
	fprintf(out, "%%global _binary_payload %s\n",
		is_compressed(pack, list) ? "w1.zstdio" : "w9.zstdio");
	for (size_t i = 0; i < sources.n; i++) {
		fprintf(out, "%%{!?source_%zu:%%global source_%zu ", i + 1, i + 1);
		pack_spec_put_text(sources.v[i], out);
		fputs("}\n", out);
	}
	fprintf(out, "\nName: modfetch-pack-%s\nVersion: 1\nRelease: 1\nSummary: Driver packages\n",
		label);
	fputs("License: GPL-2.0-only\nAutoReqProv: no\n"
	      "%{?source_package:BuildRequires: %{source_package}}\n\n"
	      "%description\nThe packages of one batch.\n",
	      out);
	for (size_t i = 0; i < list->n; i++)
		spec_put_package(&pack->packages[list->v[i]], out);
	fputs(install, out);
	return ferror(out) ? -EIO : 0;
}
