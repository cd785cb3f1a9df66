#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Every Python file compiles without a warning, uses no undefined name, and has no unused import.

Only the standard library may be imported: the tests must run with nothing but Debian's python3.
"""

import ast
import builtins
import symtable
import sys
import warnings

from tree import Findings, files, interpreter, read

findings = Findings()
KNOWN = set(dir(builtins)) | {"__file__", "__name__", "__doc__"}


def imports(tree):
    """(bound name, module, line) of each import."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for a in node.names:
                yield a.asname or a.name.partition(".")[0], a.name.partition(".")[0], node.lineno
        elif isinstance(node, ast.ImportFrom) and not node.level:
            for a in node.names:
                yield a.asname or a.name, node.module.partition(".")[0], node.lineno


def globals_read(table):
    """Names that a scope takes from the module or the builtins."""
    for symbol in table.get_symbols():
        if symbol.is_referenced() and (symbol.is_global() or table.get_type() == "module"):
            yield symbol.get_name()
    for child in table.get_children():
        yield from globals_read(child)


def check(path, local_modules):
    text = read(path)
    try:
        tree = ast.parse(text, str(path))
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            compile(text, str(path), "exec")
    except (SyntaxError, Warning) as e:
        findings.add(f"{path}:{getattr(e, 'lineno', 1)}", e)
        return
    table = symtable.symtable(text, str(path), "exec")
    assigned = {s.get_name() for s in table.get_symbols() if s.is_assigned() or s.is_imported() or s.is_namespace()}
    assigned |= {n for node in ast.walk(tree) if isinstance(node, ast.Global) for n in node.names}
    read_names = set(globals_read(table))
    for name in sorted(read_names - assigned - KNOWN):
        findings.add(path, f"{name} is defined nowhere")
    used = {n.id for n in ast.walk(tree) if isinstance(n, ast.Name)}
    for name, module, line in imports(tree):
        if name not in used and "noqa" not in text.splitlines()[line - 1]:
            findings.add(f"{path}:{line}", f"{name} is imported, but not used")
        if module not in sys.stdlib_module_names and module not in local_modules:
            findings.add(f"{path}:{line}", f"{module} is neither the standard library's nor ours")


def main():
    found = [f for f in files() if f.suffix == ".py" or interpreter(f) == "python3"]
    local_modules = {f.stem for f in found}
    for path in found:
        check(path, local_modules)
    if len(found) < 5:
        findings.add("python", f"only {len(found)} files: this is not the tree")
    findings.end(f"python: {len(found)} files")


if __name__ == "__main__":
    main()
