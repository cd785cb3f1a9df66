/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Runs sqv.
 *
 * Verifying OpenPGP correctly takes a program of its own, and a well-maintained one exists. If it
 * is missing, verification fails; it is never skipped. sqv gets descriptors, not paths, so it reads
 * exactly the bytes that we hold. It gets an environment with only PATH and LC_ALL, no input, and
 * half a minute.
 *
 * sqv does not print when a signature was made, but it can refuse signatures made before a given
 * time. The latest time for which it still accepts is the signing time. A binary search finds it in
 * about thirty runs of two milliseconds, without a parser of ours.
 *
 * sqv compares with the clock. By default a signature that is seconds ahead is bad, although two clocks are
 * never the same; asked with the end of OpenPGP's time, it tolerates half an hour. A clock that is later than
 * that gets -MFE_FUTURE, which is tried again when the clock may be right. A machine with a clock at 1970 can
 * use CMS signatures, which need no clock.
 */
#include "openpgp.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include "modfetch/cleanup.h"
#include "modfetch/error.h"
#include "modfetch/file.h"

#define MAX_KEYRINGS 16
#define TIMEOUT_US   30000000
#define OUTPUT_MAX   2048
/* The child's first descriptor; ours are duplicated to higher numbers first. */
#define FIRST_FD 10
#define OUR_FDS	 100

struct job {
	int fds[MAX_KEYRINGS + 2]; /* keyrings, signature, data */
	size_t n;
	bool quiet; /* only the fingerprints of good signatures are of interest */
};

/* "/proc/self/fd/N" words for the child, and its command line. */
struct command {
	char words[MAX_KEYRINGS + 2][48];
	char not_before[64];
	char *argv[2 * MAX_KEYRINGS + 10];
};

static void make_command(const struct job *job, int64_t not_before, struct command *c)
{
	time_t at = not_before;
	size_t n = 0, keyrings = job->n - 2;
	struct tm tm;

	c->argv[n++] = (char *)"sqv";
	for (size_t i = 0; i < job->n; i++)
		snprintf(c->words[i], sizeof(c->words[i]), "/proc/self/fd/%zu", FIRST_FD + i);
	for (size_t i = 0; i < keyrings; i++) {
		c->argv[n++] = (char *)"--keyring";
		c->argv[n++] = c->words[i];
	}
	c->argv[n++] = (char *)"--not-after";
	c->argv[n++] = (char *)"2106-01-01";
	if (not_before && gmtime_r(&at, &tm)) {
		strftime(c->not_before, sizeof(c->not_before), "%Y-%m-%dT%H:%M:%SZ", &tm);
		c->argv[n++] = (char *)"--not-before";
		c->argv[n++] = c->not_before;
	}
	/* signature and data come last, in this order */
	c->argv[n++] = (char *)"--";
	c->argv[n++] = c->words[keyrings];
	c->argv[n++] = c->words[keyrings + 1];
	c->argv[n] = NULL;
}

static int openpgp_add_files(posix_spawn_file_actions_t *actions, const struct job *job, int out)
{
	int r = posix_spawn_file_actions_addopen(actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);

	if (!r)
		r = posix_spawn_file_actions_adddup2(actions, out, STDOUT_FILENO);
	if (!r && job->quiet)
		r = posix_spawn_file_actions_addopen(actions, STDERR_FILENO, "/dev/null", O_WRONLY,
						     0);
	else if (!r)
		r = posix_spawn_file_actions_adddup2(actions, out, STDERR_FILENO);
	for (size_t i = 0; !r && i < job->n; i++)
		r = posix_spawn_file_actions_adddup2(actions, job->fds[i], FIRST_FD + (int)i);
	return -r;
}

static int openpgp_start(const struct job *job, int64_t not_before, int out, pid_t *ret_pid)
{
	char *const environment[] = { (char *)"PATH=/usr/bin:/bin", (char *)"LC_ALL=C", NULL };
	posix_spawn_file_actions_t actions;
	struct command command = { 0 };
	int r;

	make_command(job, not_before, &command);
	if (posix_spawn_file_actions_init(&actions))
		return -ENOMEM;
	r = openpgp_add_files(&actions, job, out);
	if (r == 0)
		r = -posix_spawnp(ret_pid, "sqv", &actions, NULL, command.argv, environment);
	posix_spawn_file_actions_destroy(&actions);
	return r == -ENOENT ? -MFE_NO_SQV : r;
}

/* Reads the child's output until it closes it; drops what does not fit. 0 or -MFE_TIMEOUT. */
static int openpgp_read_output(int fd, char output[OUTPUT_MAX])
{
	uint64_t deadline = mf_now_us() + TIMEOUT_US, now;
	size_t len = 0;
	char rest[256];

	*output = '\0';
	while ((now = mf_now_us()) < deadline) {
		struct pollfd p = { .fd = fd, .events = POLLIN };
		bool full = len + 1 >= OUTPUT_MAX;
		ssize_t got;

		if (poll(&p, 1, (int)((deadline - now) / 1000) + 1) <= 0)
			continue;
		got = full ? read(fd, rest, sizeof(rest))
			   : read(fd, output + len, OUTPUT_MAX - 1 - len);
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return 0;
		if (!full)
			output[len += (size_t)got] = '\0';
	}
	return -MFE_TIMEOUT;
}

/* Runs sqv. 1: it accepts; 0: it refuses; or an error. OUTPUT gets its output. */
static int openpgp_ask(const struct job *job, int64_t not_before, char output[OUTPUT_MAX])
{
	_cleanup_close_ int in = -1, out = -1;
	int pair[2], status, r;
	pid_t pid;

	if (pipe2(pair, O_CLOEXEC) < 0)
		return -errno;
	in = pair[0];
	out = pair[1];
	r = openpgp_start(job, not_before, out, &pid);
	if (r)
		return r;
	close(mf_steal_fd(&out));
	r = openpgp_read_output(in, output);
	if (r < 0)
		kill(pid, SIGKILL);
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return -errno;
	if (r < 0)
		return r;
	return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

/* The latest --not-before time with which sqv still accepts the signature. */
static int find_signing_time(const struct job *job, int64_t *ret_time)
{
	int64_t accepted = 1, refused = (int64_t)UINT32_MAX + 1;
	char output[OUTPUT_MAX];

	while (refused - accepted > 1) {
		int64_t middle = accepted + (refused - accepted) / 2;
		int r = openpgp_ask(job, middle, output);

		if (r < 0)
			return r;
		*(r ? &accepted : &refused) = middle;
	}
	*ret_time = accepted;
	return 0;
}

/* On success the first line of sqv's output is the fingerprint. */
static bool parse_fingerprint(const char *output, struct mf_openpgp_signer *signer)
{
	size_t len = strspn(output, "0123456789ABCDEFabcdef");

	if (len < 40 || len >= sizeof(signer->fingerprint) || output[len] != '\n')
		return false;
	memcpy(signer->fingerprint, output, len);
	signer->fingerprint[len] = '\0';
	return true;
}

static void job_done(struct job *job)
{
	for (size_t i = 0; i < job->n; i++)
		close(job->fds[i]);
}

static int openpgp_add_file(struct job *job, int fd)
{
	int copy = fcntl(fd, F_DUPFD_CLOEXEC, OUR_FDS);

	if (copy < 0)
		return -errno;
	job->fds[job->n++] = copy;
	return 0;
}

int mf_openpgp_verify(const int *keyrings, size_t n, int data, int sig, bool timed,
		      struct mf_openpgp_signer *ret_signer, char *why, size_t why_size)
{
	struct mf_openpgp_signer signer = { 0 };
	_cleanup_(job_done) struct job job = { 0 };
	char output[OUTPUT_MAX];
	int r = n && n <= MAX_KEYRINGS ? 0 : -EINVAL;

	for (size_t i = 0; r == 0 && i < n; i++)
		r = openpgp_add_file(&job, keyrings[i]);
	if (r == 0)
		r = openpgp_add_file(&job, sig);
	if (r == 0)
		r = openpgp_add_file(&job, data);
	if (r < 0)
		return r;
	r = openpgp_ask(&job, 0, output);
	if (r < 0)
		return r;
	if (r == 0) {
		snprintf(why, why_size, "%.*s", (int)strcspn(output, "\n"), output);
		return strcasestr(output, "missing key") || strcasestr(output, "no key")
			       ? -MFE_UNTRUSTED_KEY
		       : strcasestr(output, "not live until") ? -MFE_FUTURE
							      : -MFE_BAD_SIGNATURE;
	}
	/* of two signatures, as while a key is replaced, sqv reports the unknown one before the good one */
	if (!parse_fingerprint(output, &signer)) {
		job.quiet = true;
		r = openpgp_ask(&job, 0, output);
		if (r < 0)
			return r;
		if (!r || !parse_fingerprint(output, &signer))
			return -MFE_BAD_SIGNATURE;
	}
	r = timed ? find_signing_time(&job, &signer.signing_time) : 0;
	if (r < 0)
		return r;
	*ret_signer = signer;
	return 0;
}
