#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Every program that scripts and tests start is listed in dependencies.tsv, belongs to every Debian, or is built here.

It reads shell scripts, the arguments of subprocess functions in Python and of functions that pass their arguments on to them,
the arguments of system() and similar functions in C tests, shutil.which() and meson's find_program(). Only literal names are
found; commands in a guest depend on tests/vm/base and are not read.
"""

import ast
import re

from tree import ROOT, Findings, files, interpreter, read

findings = Findings()

# Packages of every Debian: they are essential, or apt, which installs the others, needs them.
BASE = {
    "apt": "apt-get apt-cache apt-config",
    "base-files, bash, dash": "bash sh",
    "coreutils": "basename cat chgrp chmod chown chroot comm cp cut date dd df dirname echo env false head id install ln ls"
                 " mkdir mkfifo mknod mktemp mv nice nproc paste printf pwd readlink realpath rm rmdir seq sha256sum sleep sort stat"
                 " stty sync tail tee test timeout touch tr true truncate uname uniq wc base64 [",
    "debconf, debianutils, diffutils": "which cmp diff",
    "dpkg": "dpkg dpkg-divert dpkg-query dpkg-deb",
    "findutils, grep, sed, mawk": "find xargs grep sed awk",
    "gzip, tar": "gzip tar",
    # a test of its own, which says where it is skipped
    "lintian": "lintian",
    "init-system-helpers, libc-bin, passwd": "deb-systemd-invoke getent groupdel userdel",
    "util-linux, mount": "chrt flock losetup mount nsenter setpriv setsid swapoff umount unshare blkid fallocate lsblk taskset",
}

# Functions of the generators of initrds, which read our hooks into their own shell.
GENERATORS = {"manual_add_modules", "copy_exec", "instmods", "inst", "dfatal"}

# Programs of packages that a test installs into a root of its own, by the script that runs there.
CHROOT = {"tests/depmod/diverted.sh": "dkms dracut mkinitramfs unmkinitramfs update-initramfs"}

# Programs whose arguments are a command: the number of arguments before it, without options.
PREFIX = {"exec": 0, "command": 0, "env": 0, "nice": 0, "timeout": 1, "unshare": 0, "quietly": 0, "step": 1, "xargs": 0,
          "setpriv": 0, "taskset": 1, "strace": 0}
BUILTIN = set("""! . : compgen complete compopt wait [ [[ ]] { } alias break builtin case cd command continue coproc declare do done echo elif else esac
eval exec exit export false fi for function getopts hash if in let local mapfile printf pwd read readonly return select
set shift shopt source test then time times trap true type typeset ulimit umask unset until while""".split())
OPENS = {"if", "then", "else", "elif", "do", "while", "until", "!", "{", "time"}
NAME = re.compile(r"[A-Za-z0-9_.+-]+$")
SUBPROCESS = {"run", "Popen", "call", "check_call", "check_output"}


# tests/demo and the scripts that it starts: it installs only the rows of these uses.
DEMO = ["tests/demo", *(f"tests/lib/{name}" for name in ("keys", "kernel", "repository", "steps.bash")),
        *(f"tests/vm/{name}" for name in ("base", "demo.py", "guest.py", "image.py", "scene.py", "server.py"))]
DEMO_USES = {"build", "run", "vm"}


def listed(uses=None):
    """The programs of dependencies.tsv, its fifth column, of some uses or of all."""
    rows = [line.split("\t") for line in read("dependencies.tsv").splitlines() if not line.startswith("#")]
    return {program for row in rows if len(row) > 4 and (not uses or row[0] in uses) for program in row[4].split()}


def built():
    text = "".join(read(f) for f in files() if f.name == "meson.build")
    return set(re.findall(r"executable\(\s*'([\w-]+)'", text))


# ---- shell ----


class Shell:
    """Reads a script from left to right; FOUND are the first words of its simple commands, with their lines."""

    def __init__(self, text, line=1):
        self.text, self.at, self.first_line = text, 0, line
        self.found, self.functions = [], set(re.findall(r"^\s*(?:function\s+)?([\w-]+)\s*\(\)", text, re.M))
        self.documents = []
        self.commands("")

    def line(self):
        return self.first_line + self.text.count("\n", 0, self.at)

    def peek(self, n=1):
        return self.text[self.at:self.at + n]

    def until(self, mark):
        end = self.text.find(mark, self.at)
        self.at = len(self.text) if end < 0 else end + len(mark)

    def end_line(self):
        self.at += 1
        for mark in self.documents:
            m = re.compile(rf"^\t*{re.escape(mark)}$", re.M).search(self.text, self.at)
            self.at = m.end() if m else len(self.text)
        self.documents = []

    def commands(self, closing):
        """A list of commands, as far as an unquoted CLOSING."""
        words = []
        patterns = 0  # of the "case" that contains this list: if it is odd, a pattern comes next instead of a command
        while self.at < len(self.text):
            c = self.peek()
            if closing and c == closing and not (patterns and c == ")"):
                break
            if c in " \t" or self.peek(2) == "\\\n":
                self.at += 1 if c in " \t" else 2
            elif c == "#":
                end = self.text.find("\n", self.at)
                self.at = len(self.text) if end < 0 else end
            elif self.peek(2) == "((" and (not words or words[0][0] == "for"):
                self.balanced("(", ")")
            elif c in "\n;&|()":
                self.command(words)
                words = []
                if self.peek(2) == ";;" and patterns:
                    self.at += 2
                    self.skip_pattern()
                elif c == "\n":
                    self.end_line()
                else:
                    self.at += 1
            elif c in "<>":
                self.redirection()
            else:
                word, plain = self.word()
                words.append((word, plain, self.line()))
                words = self.keyword(words)
                if word == "in" and len(words) == 3 and words[0][0] == "case":
                    patterns, words = patterns + 1, []
                    self.skip_pattern()
                elif word == "esac" and len(words) == 1:
                    patterns, words = patterns - 1, []
        self.command(words)
        self.at += 1

    def keyword(self, words):
        if len(words) == 1 and words[0][0] in OPENS:
            return []
        if words[0][0] == "[[" and len(words) == 1:
            self.condition()
        return words

    def condition(self):
        while self.at < len(self.text):
            c = self.peek()
            if self.peek(2) == "]]":
                self.at += 2
                return
            if c in " \t\n;&|()<>!":
                self.at += 1
            else:
                self.word()

    def skip_pattern(self):
        """Skips to the ")" of the next pattern, or to esac."""
        while self.at < len(self.text):
            c = self.peek()
            if c in " \t\n;(|":
                self.at += 1
            elif c == "#":
                self.until("\n")
            elif re.match(r"esac\b", self.peek(5)):
                return
            elif c == ")":
                self.at += 1
                return
            else:
                self.word()

    def redirection(self):
        m = re.compile(r"<<<|<<-?|[<>]\(|[<>]+[&|]?").match(self.text, self.at)
        self.at = m.end()
        if m[0].endswith("("):
            self.commands(")")
            return
        while self.peek() in (" ", "\t"):
            self.at += 1
        word, _ = self.word()
        if m[0] in ("<<", "<<-"):
            self.documents.append(word)

    def word(self):
        """A word without its quotes, and whether it is free of expansions."""
        out, plain = "", True
        while self.at < len(self.text):
            c = self.peek()
            if c in " \t\n;&|<>()":
                if c == "(" and out.endswith("=") and re.match(r"\w+(\[.*\])?\+?=$", out):
                    self.array()
                    continue
                break
            if c == "\\":
                out += self.peek(2)[1:]
                self.at += 2
            elif c == "'":
                start = self.at + 1
                self.at = start
                self.until("'")
                out += self.text[start:self.at - 1]
            elif c == '"':
                plain &= not re.search(r"[$`]", self.double())
                out += self.quoted
            elif c == "$" or c == "`":
                plain = False
                self.expansion()
            else:
                out += c
                self.at += 1
        return out, plain

    def array(self):
        self.at += 1
        while self.at < len(self.text) and self.peek() != ")":
            if self.peek() == "#":
                self.until("\n")
            elif self.peek() in " \t\n<>&|;(":
                self.at += 1
            else:
                self.word()
        self.at += 1

    def double(self):
        start = self.at
        self.at += 1
        while self.at < len(self.text) and self.peek() != '"':
            if self.peek() == "\\":
                self.at += 2
            elif self.peek() in "$`":
                self.expansion()
            else:
                self.at += 1
        self.at += 1
        self.quoted = self.text[start + 1:self.at - 1]
        return self.quoted

    def expansion(self):
        if self.peek() == "`":
            self.at += 1
            self.until("`")
        elif self.peek(3) == "$((":
            self.at += 1
            self.balanced("(", ")")
        elif self.peek(2) == "$(":
            self.at += 2
            self.commands(")")
        elif self.peek(2) == "${":
            self.at += 1
            self.balanced("{", "}")
        else:
            self.at += 1

    def balanced(self, opening, closing):
        depth = 0
        while self.at < len(self.text):
            c = self.peek()
            if c == '"':
                self.double()
                continue
            if self.peek(2) in ("$(", "${") and depth:
                self.expansion()
                continue
            self.at += 2 if c == "\\" else 1
            depth += (c == opening) - (c == closing)
            if not depth:
                return

    def command(self, words):
        while words and re.match(r"\w+(\[.*\])?\+?=", words[0][0]):
            words = words[1:]
        if not words or words[0][0] in ("for", "case", "select", "function"):
            return
        word, plain, line = words[0]
        if plain:
            self.found.append((word, line))
            for i, (option, _, at) in enumerate(words[1:-1], 1):
                if option == "-c" and word in ("bash", "sh"):
                    self.found += Shell(words[i + 1][0], at).found
        if plain and word in PREFIX:
            self.command(inner_command(words[1:], PREFIX[word]))


def inner_command(words, skipped):
    """The command that is the arguments of another."""
    while words and (words[0][0].startswith("-") or "=" in words[0][0] or re.fullmatch(r"[A-Z]+|\d*", words[0][0])):
        skipped -= words[0][0].isdigit() and skipped > 0
        words = words[1:]
    return words[skipped:]


# ---- Python ----


def first_words(node, lists):
    """The literals that a command begins with: "unshare", "--mount", "sh" of ["unshare", "--mount", "sh", "-c", x]."""
    if isinstance(node, ast.BinOp):
        return first_words(node.left, lists)
    if isinstance(node, ast.ListComp) and isinstance(node.generators[0].iter, (ast.Name, ast.List, ast.Tuple)):
        return first_words(node.generators[0].iter, lists)
    if isinstance(node, ast.Name):
        return lists.get(node.id, [])
    if isinstance(node, (ast.List, ast.Tuple)):
        return literals(node.elts)
    return []


def literals(nodes):
    return [n.value if isinstance(n, ast.Constant) and isinstance(n.value, str) else "$" for n in nodes]


def passes_on(function):
    """Whether a function gives its *arguments to subprocess as the command."""
    rest = function.args.vararg
    if not rest:
        return False
    for node in ast.walk(function):
        if is_subprocess(node) and node.args:
            command = node.args[0]
            if isinstance(command, ast.ListComp):
                command = command.generators[0].iter
            if isinstance(command, ast.Name) and command.id == rest.arg:
                return True
    return False


def is_subprocess(node):
    return (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in SUBPROCESS
            and isinstance(node.func.value, ast.Name) and node.func.value.id == "subprocess")


class Python:
    """One file. WRAPPERS: module → its functions that start their arguments."""

    def __init__(self, tree, own, wrappers):
        self.wrappers = {(None, name) for name in wrappers.get(own, ())}
        for node in ast.walk(tree):
            if isinstance(node, ast.Import):
                self.wrappers |= {(a.asname or a.name, f) for a in node.names for f in wrappers.get(a.name, ())}
            elif isinstance(node, ast.ImportFrom):
                self.wrappers |= {(None, a.asname or a.name) for a in node.names
                                  if a.name in wrappers.get(node.module, ())}
        self.lists = {}
        for node in ast.walk(tree):
            if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
                self.lists.setdefault(node.targets[0].id, first_words(node.value, self.lists))
        self.found = [found for node in ast.walk(tree) if isinstance(node, ast.Call) for found in self.call(node)]

    def call(self, node):
        words = []
        func = node.func
        if is_subprocess(node) and node.args:
            words = first_words(node.args[0], self.lists)
        elif isinstance(func, ast.Attribute) and func.attr == "which" and node.args:
            words = literals(node.args[:1])
        elif isinstance(func, ast.Name) and (None, func.id) in self.wrappers:
            words = literals(node.args)
        elif isinstance(func, ast.Attribute) and isinstance(func.value, ast.Name) and \
                (func.value.id, func.attr) in self.wrappers:
            words = literals(node.args)
        return started([(word, word != "$", node.lineno) for word in words])


def started(words):
    """Programs of a command given as words, also those after a PREFIX."""
    out = []
    while words and words[0][1]:
        word, _, line = words[0]
        out.append((word, line))
        if word in ("sh", "bash") and len(words) > 2 and words[1][0] == "-c" and words[2][1]:
            out += Shell(words[2][0], line).found
        words = inner_command(words[1:], PREFIX[word]) if word in PREFIX else []
    return out


# ---- C ----

C_CALL = re.compile(r"\b(?:system|popen|run|execlp|execvp)\(\s*((?:\"(?:[^\"\\]|\\.)*\"\s*)+)")
C_STRING = re.compile(r"\"((?:[^\"\\]|\\.)*)\"")


def of_c(text):
    for m in C_CALL.finditer(text):
        script = "".join(C_STRING.findall(m[1])).replace('\\"', '"').replace("\\n", "\n").replace("\\\\", "\\")
        # a formatted part is not a literal
        for word, _ in Shell(re.sub(r"%[-\d.*]*[a-z]+", "$x", script)).found:
            yield word, text.count("\n", 0, m.start()) + 1


def main():
    given = built() | {program for programs in BASE.values() for program in programs.split()}
    known, known_to_demo = listed() | given, listed(DEMO_USES) | given
    python = {f: ast.parse(read(f), str(f)) for f in files() if f.suffix == ".py" or interpreter(f) == "python3"}
    wrappers = {f.stem: {n.name for n in tree.body if isinstance(n, ast.FunctionDef) and passes_on(n)}
                for f, tree in python.items()}
    shells = {f: Shell(read(f)) for f in files() if interpreter(f) in ("sh", "bash") or f.suffix in (".sh", ".bash")}
    functions = set().union(*(shell.functions for shell in shells.values()))
    found = [(f, word, line) for f, tree in python.items() for word, line in Python(tree, f.stem, wrappers).found]
    found += [(f, *at) for f, shell in shells.items() for at in shell.found]
    found += [(f, *at) for f in files("tests") if f.suffix == ".c" for at in of_c(read(f))]
    for f in files():
        if f.name == "meson.build":
            found += [(f, m[1], read(f).count("\n", 0, m.start()) + 1)
                      for m in re.finditer(r"find_program\('([\w.-]+)'\s*[,)]", read(f)) if not (ROOT / f.parent / m[1]).exists()]
    names = set()
    for path, word, line in found:
        name = word.rpartition("/")[2]
        # a path in the tree is our own program
        if not NAME.match(name) or "/" in word and not word.startswith(("/bin", "/sbin", "/usr")):
            continue
        if name in BUILTIN | GENERATORS | functions or name in CHROOT.get(str(path), "").split():
            continue
        names.add(name)
        if name not in known:
            findings.add(f"{path}:{line}", f"starts {name}, which dependencies.tsv does not name")
        elif str(path) in DEMO and name not in known_to_demo:
            findings.add(f"{path}:{line}", f"starts {name}, which no row for tests/demo of dependencies.tsv names")
    if len(names) < 30:
        findings.add("programs", f"only {len(names)} programs: this is not the tree")
    findings.end(f"programs: {len(names)}")


if __name__ == "__main__":
    main()
