# SPDX-License-Identifier: LGPL-2.1-or-later
"""The ways to pass changed paths to --changed: exactly, or with more than necessary, but always all of them."""
import os


def spell(chance, tree, name):
    """Another way to write the same path."""
    if os.path.isabs(name):
        return name
    directory, base = os.path.split(name)
    return chance.choice((
        f"./{directory}/{base}", f"{directory}//{base}", f"{directory}/./{base}",
        f"{directory}/../{os.path.basename(directory)}/{base}" if directory else name,
        tree.path(name), tree.dir + "//" + name, f"../{os.path.basename(tree.dir)}/{name}"))


def add_others(chance, tree, names):
    """Unchanged paths, and paths that are not modules."""
    rest = tree.modules()
    more = chance.sample(rest, min(len(rest), chance.randrange(1, 12)))
    more += chance.sample(["modules.order", "modules.builtin", "modules.dep", "/etc/passwd", "build",
                           "kernel/none/such.ko", "nowhere.ko", "", ".", "..", "kernel/none",
                           "../x.ko", "vmlinuz", "build/x.ko", "extra/way/deep.ko.zst"],
                          chance.randrange(4))
    return names + more


def as_directories(chance, names):
    """The directories of the changed files instead of the files."""
    return [os.path.dirname(name) + chance.choice(("", "/")) for name in names]


def tell(chance, tree, names):
    """NAMES, in the form of one of many possible callers."""
    names = list(names)
    for _ in range(chance.randrange(3)):
        how = chance.randrange(6)
        if how == 0:
            names = add_others(chance, tree, names)
        elif how == 1:
            names = as_directories(chance, names)
        elif how == 2:
            names = [spell(chance, tree, name) if chance.random() < 0.5 else name for name in names]
        elif how == 3:
            names = names * 2
        elif how == 4:
            chance.shuffle(names)
        elif how == 5 and chance.random() < 0.2:
            names = [os.path.join(tree.dir, name) for name in names]
    return names
