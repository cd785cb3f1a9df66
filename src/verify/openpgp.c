/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Runs sqv.
 *
 * Verifying OpenPGP well is a program of its own, and a well-kept one exists; where it is missing
 * that is said, never skipped. It gets descriptors, not paths: what it looks at is what we hold.
 * It gets an empty environment but for where programs are, no input, and half a minute.
 *
 * sqv does not tell when a signature was made, but it can be told to accept none made before a
 * time. The latest time for which it still accepts is the signing time; found by halving, that
 * costs thirty runs of two milliseconds and no parser of ours.
 *
 * sqv itself looks at the clock: before the signing time nothing is valid. A machine whose clock
 * stands at 1970 can use CMS signatures, which need no clock, and not these.
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
#define PATIENCE_US  30000000
#define SAID_MAX     2048
/* Where the child finds its files; ours are moved out of the way of these numbers first. */
#define FIRST_FD 10
#define OUR_FDS	 100

struct job {
	int fds[MAX_KEYRINGS + 2]; /* keyrings, signature, data */
	size_t n;
};

/* "/proc/self/fd/N" words for the child, and its command line. */
struct command {
	char words[MAX_KEYRINGS + 2][48];
	char not_before[64];
	char *argv[2 * MAX_KEYRINGS + 8];
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
	if (!r)
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

/* What the child says until it closes its output. 0 or -MFE_TIMEOUT. */
static int hear(int fd, char said[SAID_MAX])
{
	uint64_t deadline = mf_now_us() + PATIENCE_US, now;
	size_t len = 0;
	char rest[256];

	*said = '\0';
	while ((now = mf_now_us()) < deadline) {
		struct pollfd p = { .fd = fd, .events = POLLIN };
		bool full = len + 1 >= SAID_MAX;
		ssize_t got;

		if (poll(&p, 1, (int)((deadline - now) / 1000) + 1) <= 0)
			continue;
		got = full ? read(fd, rest, sizeof(rest))
			   : read(fd, said + len, SAID_MAX - 1 - len);
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return 0;
		if (!full)
			said[len += (size_t)got] = '\0';
	}
	return -MFE_TIMEOUT;
}

/* 1: it accepts; 0: it refuses; what it said; or an error. */
static int openpgp_ask(const struct job *job, int64_t not_before, char said[SAID_MAX])
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
	r = hear(in, said);
	if (r < 0)
		kill(pid, SIGKILL);
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return -errno;
	if (r < 0)
		return r;
	return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

/* The latest time before which a signature sqv accepts was not made. */
static int find_signing_time(const struct job *job, int64_t *ret_time)
{
	int64_t accepted = 1, refused = (int64_t)UINT32_MAX + 1;
	char said[SAID_MAX];

	while (refused - accepted > 1) {
		int64_t middle = accepted + (refused - accepted) / 2;
		int r = openpgp_ask(job, middle, said);

		if (r < 0)
			return r;
		*(r ? &accepted : &refused) = middle;
	}
	*ret_time = accepted;
	return 0;
}

/* sqv's first word on success is the fingerprint. */
static bool take_fingerprint(const char *said, struct mf_openpgp_signer *signer)
{
	size_t len = strspn(said, "0123456789ABCDEFabcdef");

	if (len < 40 || len >= sizeof(signer->fingerprint) || said[len] != '\n')
		return false;
	memcpy(signer->fingerprint, said, len);
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
	char said[SAID_MAX];
	int r = n && n <= MAX_KEYRINGS ? 0 : -EINVAL;

	for (size_t i = 0; r == 0 && i < n; i++)
		r = openpgp_add_file(&job, keyrings[i]);
	if (r == 0)
		r = openpgp_add_file(&job, sig);
	if (r == 0)
		r = openpgp_add_file(&job, data);
	if (r < 0)
		return r;
	r = openpgp_ask(&job, 0, said);
	if (r < 0)
		return r;
	if (r == 0) {
		snprintf(why, why_size, "%.*s", (int)strcspn(said, "\n"), said);
		return strcasestr(said, "missing key") || strcasestr(said, "no key")
			       ? -MFE_UNTRUSTED_KEY
			       : -MFE_BAD_SIGNATURE;
	}
	if (!take_fingerprint(said, &signer))
		return -MFE_BAD_SIGNATURE;
	r = timed ? find_signing_time(&job, &signer.signing_time) : 0;
	if (r < 0)
		return r;
	*ret_signer = signer;
	return 0;
}
