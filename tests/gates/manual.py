#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The manual and the completions contain everything that the program accepts and prints, and nothing else.

Verbs, options, settings, keys, conditions and error codes are read from the tables in the source.
"""

import re
import shutil
import subprocess
import sys

from tree import ROOT, Findings, files, read

findings = Findings()
COMPLETIONS = ["completions/modfetch.bash", "completions/_modfetch", "completions/modfetch.fish"]
# The pages for options of a verb, if not modfetch(8).
PAGES = {"depmod": "man/modfetch-depmod.8.scd", "pack": "man/modfetch-pack.8.scd"}


def page(path):
    """The text of a page without its markup."""
    return re.sub(r"\*|(?<!\\)_|\\", "", read(path))


def has_word(text, word):
    return re.search(rf"(?<![\w-]){re.escape(word)}(?![\w-])", text)


def demand(word, paths, what):
    for path in paths:
        text = page(path) if path.endswith(".scd") else read(path)
        # fish and zsh name an option without its dashes: "-l json"
        bare = path.endswith(".fish") and word.startswith("-") and has_word(text, f"{'-l' if word[1] == '-' else '-s'} {word.lstrip('-')}")
        if not has_word(text, word) and not bare:
            findings.add(path, f"{what} {word} is missing")


def verbs():
    """name: file of each verb."""
    table = read("src/cmd/verbs.c")
    functions = {}
    for path in files("src/cmd"):
        for m in re.finditer(r"^int (cmd_\w+)\(struct cmd \*cmd, int argc, char \*\*argv\)$", read(path), re.M):
            functions[m[1]] = path
    return {m[1]: functions.get("cmd_" + m[2]) for m in re.finditer(r'\{\s*"([\w-]+)",\s*(?:IN_MODULE|HERE)\((\w+)\),', table)}


def global_options():
    text = read("src/cmd/main.c")
    return set(re.findall(r'take_value\("(--[\w-]+)"', text)) | set(re.findall(r'[{(,]\s*"(--?\w[\w-]*)"', text))


def options_of(path):
    """Long options of a verb's files (queue.c, queue-….c), and the letters of its own getopt string."""
    text = "".join(read(p) for p in files("src/cmd") if p == path or p.stem.startswith(f"{path.stem}-"))
    long = {f"--{name}" for name in re.findall(r'\{\s*"([a-z][\w-]*)",\s*(?:no|required|optional)_argument', text)}
    letters = "".join(re.findall(r'getopt_long\(argc, argv,\s*"([^"]*)"', text))
    return long | {f"-{c}" for c in letters if c.isalnum()}


def described(text):
    """The options in rows of a table: { "force", 'f', NULL, "…" }."""
    rows = re.findall(r'\{\s*"([a-z][\w-]*)",\s*(0|\'.\'),\s*(?:NULL|"[^"]*"),\s*"', text)
    return {f"--{name}" for name, _ in rows} | {f"-{letter[1]}" for _, letter in rows if letter != "0"}


def help_of_verbs():
    """verb: (its options in the table of verb-help.c, its examples)."""
    text = read("src/cmd/verb-help.c")
    arrays = {m[1]: described(m[2]) for m in re.finditer(r"struct verb_option (\w+)\[\] = \{\n(.*?)\n\};", text, re.S)}
    rows = re.findall(
        r'\{\s*"([\w-]+)",\s*GROUP_\w+,\s*[\w\s|]+,\s*(\w+),\s*\{ \{\s*"([^"]*)",\s*"[^"]*" \},\s*\{\s*"([^"]*)",', text
    )
    return {verb: (set() if options == "NULL" else arrays.get(options, {options}), (first, second)) for verb, options, first, second in rows}


def check_help():
    """Each verb has its options in the table of help, and examples that call it; the manual shows them."""
    table, accepted, manual = help_of_verbs(), verbs(), page("man/modfetch.8.scd").replace("_", "")
    for verb in sorted(set(accepted) ^ set(table)):
        findings.add("src/cmd/verb-help.c", f"verb {verb}: in one of the tables of verb-help.c and verbs.c only")
    for verb, (options, examples) in table.items():
        path = accepted.get(verb)
        for option in sorted(options ^ (options_of(path) if path else set())):
            findings.add("src/cmd/verb-help.c", f"option {option} of {verb}: either it is not accepted, or help does not list it")
        for example in examples:
            if not re.match(rf"modfetch (?:-\S+ (?:/\S+ )?)*{verb}(?: |$)", example):
                findings.add("src/cmd/verb-help.c", f"verb {verb}: {example!r} does not call it")
            if f"\n{re.sub(r'[*_]', '', example)}\n" not in manual:
                findings.add("man/modfetch.8.scd", f"the example {example!r} of {verb} is missing")
    for option in sorted(global_options() ^ described(read("src/cmd/help.c"))):
        findings.add("src/cmd/help.c", f"global option {option}: either it is not accepted, or help does not list it")


def check_verbs():
    known = global_options()
    for option in known:
        demand(option, ["man/modfetch.8.scd"], "global option")
        if option.startswith("--"):
            demand(option, COMPLETIONS, "global option")
    for verb, path in verbs().items():
        demand(verb, ["man/modfetch.8.scd", *COMPLETIONS], "verb")
        if not path:
            findings.add("src/cmd/verbs.c", f"the function of {verb} is in no file of src/cmd")
            continue
        options = options_of(path)
        known |= options
        for option in options:
            demand(option, [PAGES.get(verb, "man/modfetch.8.scd")], f"option of {verb}")
            if option.startswith("--"):
                demand(option, COMPLETIONS, f"option of {verb}")
    for path in ("man/modfetch.8.scd", *PAGES.values(), *COMPLETIONS[:2]):
        for option in sorted(set(re.findall(r"(?<![\w-])--[a-z][\w-]*", read(path))) - known):
            findings.add(path, f"there is no option {option}")
    return len(verbs()), len(known)


def check_errors():
    """Each code with its exit status."""
    table = re.findall(r'\bX\((\w+),\s*"([\w-]+)",\s*(\d+)', read("include/modfetch/error.h"))
    text = page("man/modfetch-errors.7.scd")
    for _, name, status in table:
        if not re.search(rf"^{re.escape(name)} \({status}\)$", text, re.M):
            findings.add("man/modfetch-errors.7.scd", f"{name} ({status}) is missing")
    described = re.findall(r"^([A-Z][A-Z0-9-]+) \((\d+)\)$", text, re.M)
    for name in sorted({n for n, _ in described} - {n for _, n, _ in table}):
        findings.add("man/modfetch-errors.7.scd", f"there is no code {name}")
    return len(table)


def check_tables():
    """Keys and values of configuration files."""
    tables = {
        "man/modfetch.conf.5.scd": re.findall(r'\b(?:WORD|YES_NO|COUNT|MEGABYTES)\("([\w-]+)"', read("src/repo/settings.c")),
        "man/modfetch-repo.5.scd": re.findall(r'\b(?:KEY|NEUTRAL|UNUSED|REFUSED)\("([\w-]+)"', read("src/repo/repo-entry.c")),
        "man/modfetch-policy.5.scd": re.findall(r'\bKIND\("(\w+)"\)', read("src/match/rules.c")),
    }
    for path, words in tables.items():
        if len(words) < 5:
            findings.add(path, "its table was not found in the source")
        for word in words:
            demand(word, [path], "key")
    for key in re.findall(r"^\*([\w-]+)\*=", read("man/modfetch.conf.5.scd"), re.M):
        if key not in tables["man/modfetch.conf.5.scd"]:
            findings.add("man/modfetch.conf.5.scd", f"there is no setting {key}")


def check_repo_keys():
    """The lists of keys that modfetch does not act on, each with the keys of its kind in the source."""
    path, source = "man/modfetch-repo.5.scd", read("src/repo/repo-entry.c")
    for macro, title in (("REFUSED", "Refused"), ("UNUSED", "Without effect"), ("NEUTRAL", "Not needed")):
        listed = re.search(rf"^{title}: (.*?)\.$", page(path), re.M)
        words = set(re.split(r",\s+", listed[1])) if listed else set()
        for word in sorted(words ^ set(re.findall(rf'\b{macro}\("([\w-]+)"', source))):
            findings.add(path, f"{word}: the list “{title}” and the table differ")


def check_pages():
    """Each page is built, and scdoc accepts it."""
    scdoc = shutil.which("scdoc")
    built = read("man/meson.build")
    for path in files("man"):
        if path.suffix != ".scd":
            continue
        if f"'{path.name.removesuffix('.scd')}'" not in built:
            findings.add(path, "man/meson.build does not build it")
        if scdoc:
            done = subprocess.run([scdoc], input=read(path), capture_output=True, text=True, check=False)
            if done.returncode:
                findings.add(path, done.stderr.strip())
        # a page of ours that another page refers to must exist
        for name, section in re.findall(r"\*(modfetch[\w.-]*)\*\((\d)\)", read(path)):
            if not (ROOT / f"man/{name}.{section}.scd").exists():
                findings.add(path, f"there is no {name}({section})")


def complete(*words):
    """The completions of bash for the last of WORDS."""
    script = f"""
        compopt() {{ :; }}
        source {ROOT}/completions/modfetch.bash
        COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
        _modfetch
        printf '%s\\n' "${{COMPREPLY[@]}}"
    """
    done = subprocess.run(["bash", "-uc", script, "bash", "modfetch", *words], capture_output=True, text=True, check=False)
    if done.stderr:
        findings.add("completions/modfetch.bash", done.stderr.strip())
    return done.stdout.split()


def check_completions():
    for verb, path in verbs().items():
        if verb not in complete(verb[:2]):
            findings.add("completions/modfetch.bash", f"it does not complete {verb}")
        for option in sorted(o for o in (options_of(path) if path else ()) if o.startswith("--")):
            if option not in complete("--root", "/", verb, option[:4]):
                findings.add("completions/modfetch.bash", f"it does not complete {verb} {option}")
    for shell, path in (("zsh", COMPLETIONS[1]), ("fish", COMPLETIONS[2])):
        program = shutil.which(shell)
        if not program:
            findings.note(path, f"there is no {shell} to read it")
            continue
        done = subprocess.run([program, "-n", ROOT / path], capture_output=True, text=True, check=False)
        if done.returncode or done.stderr:
            findings.add(path, done.stderr.strip())


def main():
    n_verbs, n_options = check_verbs()
    n_errors = check_errors()
    check_help()
    check_tables()
    check_repo_keys()
    check_pages()
    check_completions()
    if n_verbs < 10 or n_errors < 30:
        findings.add("manual", f"only {n_verbs} verbs and {n_errors} codes: the tables are not where they were")
    findings.end(f"manual: {n_verbs} verbs, {n_options} options, {n_errors} codes")


if __name__ == "__main__":
    sys.exit(main())
