/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef MODFETCH_ERROR_H
#define MODFETCH_ERROR_H
/*
 * The error codes of modfetch and the one failure record of a run.
 *
 * Functions return 0 when done, a positive documented outcome, or a negative fatal code: -errno
 * (1..1023) or -MFE_* (from 1024). The failure record in the context is filled once, where the
 * failure happened, by mf_fail(); everyone above only returns the code, and the command prints one
 * line:  modfetch: <stage>: <what>: <why> [CODE]
 *
 * A code's name is stable: scripts, the journal and man/modfetch-errors(7) rely on it.
 */

struct mf_context;

/* X(symbol, printed name, exit status of the command, sentence) */
#define MF_ERRORS(X)                                                                               \
	X(USAGE, "USAGE", 64, "the command line is not valid")                                     \
	X(NOT_ROOT, "NOT-ROOT", 4, "only root may change the drivers of this machine")             \
	X(CONFIG, "CONFIG", 1, "a configuration file cannot be used as it is")                     \
	X(NO_REPOSITORY, "NO-REPOSITORY", 1, "no enabled repository is configured")                \
	X(BAD_LIST, "BAD-LIST", 1, "the list of another machine's devices cannot be used")         \
	X(NO_METADATA, "NO-METADATA", 1, "no metadata of this repository has been accepted yet")   \
	X(NOT_FOUND, "NOT-FOUND", 3, "no configured repository has it")                            \
	X(UNSOLVABLE, "UNSOLVABLE", 4, "the requested packages cannot be installed together")      \
	X(NO_SYMBOL, "NO-SYMBOL", 1, "a driver needs a symbol that this kernel does not export")   \
	X(DENIED, "DENIED", 4, "policy, a blacklist or an install line refuses it")                \
	X(BAD_MODALIAS, "BAD-MODALIAS", 4, "the name is too long or has bytes no alias has")       \
	X(UNREACHABLE, "UNREACHABLE", 1, "no mirror of the repository could be reached")           \
	X(HTTP_STATUS, "HTTP-STATUS", 1, "the server answered, but not with the file")             \
	X(PORTAL, "PORTAL", 1, "another server answered instead of the repository's")              \
	X(TOO_LARGE, "TOO-LARGE", 1, "the file is larger than its limit")                          \
	X(TRUNCATED, "TRUNCATED", 1, "the file ends before it should")                             \
	X(TIMEOUT, "TIMEOUT", 1, "it took longer than its deadline allows")                        \
	X(FETCH_HELPER, "FETCH-HELPER", 1, "the download process failed")                          \
	X(BAD_HREF, "BAD-HREF", 4, "a file name in the metadata leaves the repository")            \
	X(BAD_METADATA, "BAD-METADATA", 1, "signed metadata cannot be understood")                 \
	X(BAD_SIZE, "BAD-SIZE", 4, "the file does not have the signed size")                       \
	X(BAD_DIGEST, "BAD-DIGEST", 4, "the file does not have the signed digest")                 \
	X(NO_SIGNATURE, "NO-SIGNATURE", 4, "it has no signature, but one is required")             \
	X(BAD_SIGNATURE, "BAD-SIGNATURE", 4, "its signature is not valid")                         \
	X(UNTRUSTED_KEY, "UNTRUSTED-KEY", 4, "it is signed, but by no key configured for it")      \
	X(WEAK_SIGNATURE, "WEAK-SIGNATURE", 4, "its signature uses an algorithm or key too weak")  \
	X(NO_KEYS, "NO-KEYS", 4, "no key is configured that could have signed it")                 \
	X(NO_SQV, "NO-SQV", 4, "an OpenPGP signature needs the program sqv, which is missing")     \
	X(REVOKED, "REVOKED", 4, "the local deny list names its key or digest")                    \
	X(ROLLBACK, "ROLLBACK", 4, "the metadata is older than the last accepted one")             \
	X(FUTURE, "FUTURE", 4, "the metadata says that it is from the future")                     \
	X(IDENTITY, "IDENTITY", 4, "the metadata is of another repository than before")            \
	X(STALE, "STALE", 4, "the metadata is older than unattended use allows")                   \
	X(BAD_PACKAGE, "BAD-PACKAGE", 4, "the package is not what the metadata describes")         \
	X(FORBIDDEN_FILE, "FORBIDDEN-FILE", 4,                                                     \
	  "the package has a file that a driver package must not have")                            \
	X(SCRIPTLET, "SCRIPTLET", 4, "the package wants to run a program while it is installed")   \
	X(SCRIPTLET_FAILED, "SCRIPTLET-FAILED", 1, "a program of a package ended with an error")   \
	X(FILE_EXISTS, "FILE-EXISTS", 4, "a file that modfetch did not install is in the way")     \
	X(ALTERED, "ALTERED", 4, "an installed file differs from its package")                     \
	X(BAD_MODULE, "BAD-MODULE", 1, "the file is not a kernel module that can be read")         \
	X(MISPLACED, "MISPLACED", 1,                                                               \
	  "the package has its modules where this kernel does not look for them")                  \
	X(WRONG_KERNEL, "WRONG-KERNEL", 4, "the module was built for another kernel")              \
	X(NO_DEPENDENCY, "NO-DEPENDENCY", 1, "a module needs another one that is not on disk")     \
	X(COMPRESSION, "COMPRESSION", 1, "the kernel or kmod cannot decompress the module")        \
	X(NO_FIRMWARE, "NO-FIRMWARE", 1, "the driver of a device lacks its firmware")              \
	X(DEAD_LINK, "DEAD-LINK", 1, "the file that a link leads to does not exist")               \
	X(KERNEL_GONE, "KERNEL-GONE", 1, "it is left over from a kernel that is not installed")    \
	X(MODULE_UNSIGNED, "MODULE-UNSIGNED", 4,                                                   \
	  "the module has no valid signature of a known key")                                      \
	X(BAD_INITRD, "BAD-INITRD", 1, "the initrd cannot be read")                                \
	X(OLD_INITRD, "OLD-INITRD", 1, "the initrd has another copy of the module")                \
	X(INITRD, "INITRD", 1, "the initrd could not be made again")                               \
	X(LOCKED, "LOCKED", 1, "another program holds the lock longer than we wait")               \
	X(INSTALL, "INSTALL", 1, "the package transaction failed and was undone")                  \
	X(DEPMOD, "DEPMOD", 1, "the module indexes could not be brought up to date")               \
	X(BAD_INDEX, "BAD-INDEX", 1, "an index file is damaged")                                   \
	X(KERNEL_CHANGED, "KERNEL-CHANGED", 1, "the kernel's module directory changed meanwhile")  \
	X(LOAD, "LOAD", 1, "the kernel refused the module")                                        \
	X(NOT_CONFIRMED, "NOT-CONFIRMED", 1, "the user did not agree, so nothing was changed")     \
	X(NOT_READY, "NOT-READY", 1, "a kernel lacks a driver that this machine needs")            \
	X(CRASHED, "CRASHED", 4, "the machine went down when this driver was loaded")              \
	X(SET_ASIDE, "SET-ASIDE", 1, "the runs for this device crashed, so it is left alone")      \
	X(NOT_BOUND, "NOT-BOUND", 1, "the driver was loaded, but the device has none yet")         \
	X(MEDIUM, "MEDIUM", 1, "the medium cannot be read")                                        \
	X(SOURCE, "SOURCE", 1, "the source of a driver does not say how it is built")              \
	X(PACK, "PACK", 1, "part of the module tree could not be packed")                          \
	X(TOOL, "TOOL", 1, "a program that modfetch calls is missing or failed")

enum mf_error {
	MFE_FIRST = 1023,
#define MF_ERROR_ENUM(symbol, name, status, sentence) MFE_##symbol,
	MF_ERRORS(MF_ERROR_ENUM)
#undef MF_ERROR_ENUM
		MFE_END,
};

/* The part of the program that a failure comes from; its name is printed. */
#define MF_STAGES(X)                                                                               \
	X(COMMAND, "command")                                                                      \
	X(BUILD, "build")                                                                          \
	X(CHECK, "check")                                                                          \
	X(COLDPLUG, "coldplug")                                                                    \
	X(CONFIG, "config")                                                                        \
	X(DEPMOD, "depmod")                                                                        \
	X(EVENT, "event")                                                                          \
	X(FETCH, "fetch")                                                                          \
	X(HISTORY, "history")                                                                      \
	X(INITRD, "initrd")                                                                        \
	X(INSTALL, "install")                                                                      \
	X(KERNEL, "kernel")                                                                        \
	X(LIST, "list")                                                                            \
	X(LOAD, "load")                                                                            \
	X(LOCK, "lock")                                                                            \
	X(MATCH, "match")                                                                          \
	X(MEDIA, "media")                                                                          \
	X(OUTPUT, "output")                                                                        \
	X(PACK, "pack")                                                                            \
	X(POLICY, "policy")                                                                        \
	X(QUEUE, "queue")                                                                          \
	X(REFRESH, "refresh")                                                                      \
	X(RESOLVE, "resolve")                                                                      \
	X(ROOT, "root")                                                                            \
	X(RPM, "rpm")                                                                              \
	X(SIGN, "sign")                                                                            \
	X(SOURCE, "source")                                                                        \
	X(STUBS, "stubs")                                                                          \
	X(VERIFY, "verify")

enum mf_stage {
#define MF_STAGE_ENUM(symbol, name) MF_STAGE_##symbol,
	MF_STAGES(MF_STAGE_ENUM)
#undef MF_STAGE_ENUM
};

/* "verify". Static. */
const char *mf_stage_name(enum mf_stage stage);

struct mf_failure {
	int code; /* negative, as returned; 0: nothing has failed */
	enum mf_stage stage;
	char what[192]; /* the subject: a file, a package, a URL; control characters replaced */
	char why[384];	/* one clause, no final full stop */
};

/*
 * Records a failure at its origin and returns CODE, so that "return mf_fail(…)" reads well. CODE is
 * -errno or -MFE_*; FMT may be NULL, then the code's own sentence (or strerror) is the why. The
 * latest origin wins. Never fails.
 */
int mf_fail(struct mf_context *ctx, enum mf_stage stage, int code, const char *what,
	    const char *fmt, ...) __attribute__((format(printf, 5, 6)));

/* The printed name of a negative code ("BAD-DIGEST", "ENOSPC"); "UNKNOWN" for none. Static. */
const char *mf_error_name(int code);
/* The sentence of a negative code. Static; for errno values it is strerror's text. */
const char *mf_error_sentence(int code);
/* The exit status a command ends with for a negative code; 1 for errno values. */
int mf_error_status(int code);

#endif
