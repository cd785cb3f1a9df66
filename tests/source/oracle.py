#!/usr/bin/env python3
"""Recipes compared with bash: each dkms.conf of Debian's packages, and confs made for one rule each, is sourced by bash with the variables
that dkms sets; what the recipe says must follow from the values that bash then has.

Usage: oracle.py RECIPE-DRIVER
A file that the parser refuses is run by the text for the builder's box (here without a box: these packages are Debian's), and the recipe made
from its values is compared instead. Texts with expansions are compared by their effect: both are run by bash in copies of the source, where
every program is a script that writes down its arguments. Prints the table of the packages."""
import os
import shutil
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

HERE = Path(__file__).resolve().parent
DRIVER = Path(sys.argv[1]).resolve() if len(sys.argv) > 1 else None
RELEASE, ARCH, JOBS = "6.1.0-57-amd64", "x86_64", "2"
ARRAYS = ["BUILT_MODULE_NAME", "BUILT_MODULE_LOCATION", "DEST_MODULE_NAME", "DEST_MODULE_LOCATION"]
NAMES = ARRAYS + ["STRIP", "MAKE", "MAKE_MATCH", "CLEAN", "PRE_BUILD", "POST_BUILD", "PATCH", "PATCH_MATCH", "PACKAGE_NAME", "AUTOINSTALL",
                  "NO_WEAK_MODULES", "BUILD_EXCLUSIVE_KERNEL", "BUILD_EXCLUSIVE_ARCH", "BUILD_EXCLUSIVE_CONFIG"]
CONFIG = "CONFIG_I2C=y\nCONFIG_PCI=y\nCONFIG_USB=m\nCONFIG_ACPI=y\nCONFIG_VIDEO_DEV=m\nCONFIG_USB_HID=m\nCONFIG_PREEMPT_RT=y\n"
# one rule of the shell each
RULES = {
    "quotes": "x=y\nMAKE='make $x'\"b\"c\\ d\nCLEAN=\"make a\\$x\\\\c\\d \"\\'e\\\nf\\'\n",
    "joined": "MAKE=\"one \\\n  two\" CLEAN=three; PRE_BUILD=four # five\n",
    "hash": "MAKE=a#b\nCLEAN='#c' #d\n",
    "variables": "A=1\nB=${A}2$A\"3$B\"\nMAKE=\"make $B-${kernelver}-$arch\"$PACKAGE_NAME'$B'\n",
    "append": "MAKE=a\nMAKE+=\" b$MAKE\"\nX+=c\nCLEAN=$X\n",
    "arrays": "STRIP[1]=no\nBUILT_MODULE_NAME[0]=m0\nBUILT_MODULE_NAME[1]=m1\nDEST_MODULE_NAME[1]=n1\nBUILT_MODULE_LOCATION[1]=a/b\n",
    "strip": "STRIP=no\nBUILT_MODULE_NAME[0]=m0\nBUILT_MODULE_NAME[1]=m1\nSTRIP[1]=yes\n",
    "match": "MAKE[0]=zero\nMAKE[1]=one\nMAKE_MATCH[1]='^6\\.1\\.'\nMAKE[2]=two\nMAKE_MATCH[2]=^7\n",
    "matches": "MAKE[0]=zero\nMAKE_MATCH[0]=^7\nMAKE[1]=\n",
    "patches": "PATCH[0]=a\nPATCH[1]=b\nPATCH_MATCH[1]=^5\nPATCH[2]=c\nPATCH_MATCH[2]=amd64$\n",
    "dollar": "MAKE=\"make a$ b$\"\nCLEAN='make $'\n",
    "equals": "MAKE=a=b\nCLEAN=[x]*?\n",
    "empty": "MAKE=\nCLEAN=''\n",
    "command": "C=`printf %s \"$arch\"`\nMAKE=\"make CC=$(echo \"g$C\") \\\"$C\\\" '$C'\"\nCLEAN='make `echo x` $kernelver'\n",
    "unknown": "MAKE=\"make a$NOT_SET\"b${NOT_SET:-\"c d\"}\n",
    "exclusive": "BUILD_EXCLUSIVE_KERNEL='^(5|6)\\.[0-9]+'\nBUILD_EXCLUSIVE_ARCH=aarch64\n",
    "config": "BUILD_EXCLUSIVE_CONFIG='CONFIG_PCI !CONFIG_PREEMPT_RT'\n",
    "config-unset": "BUILD_EXCLUSIVE_CONFIG='CONFIG_USB !CONFIG_NONE'\n",
}


def place(name, version):
    return f"/var/lib/dkms/{name}/{version}/build"


def preset(name, version, headers):
    return {"kernelver": RELEASE, "arch": ARCH, "kernel_source_dir": headers, "dkms_tree": "/var/lib/dkms", "source_tree": "/usr/src",
            "module": name, "module_version": version, "parallel_jobs": JOBS}


class Machine:
    """A root with one source, and headers with a configuration."""

    def __init__(self, top, name, version, tree=None, conf=None):
        self.top, self.name, self.version = Path(top), name, version
        self.path = f"usr/src/{name}-{version}"
        self.source = self.top / self.path
        if tree:
            shutil.copytree(tree, self.source, symlinks=True)
        else:
            self.source.mkdir(parents=True)
            (self.source / "dkms.conf").write_text(conf)
        (self.top / "lib/modules" / RELEASE).mkdir(parents=True)
        self.headers = str(self.top / "headers")
        Path(self.headers).mkdir()
        (Path(self.headers) / ".config").write_text(CONFIG)

    def driver(self, *more):
        return subprocess.run([DRIVER, self.top, self.path, self.name, self.version, RELEASE, ARCH, self.headers, f"{self.headers}/.config", *more],
                              capture_output=True, text=True, cwd=self.source, check=False)

    def recipe(self):
        """The recipe, and why the parser refused the file if the box had to run it."""
        done, refused = self.driver(), None
        if done.returncode:
            refused = done.stderr.strip()
            text = self.driver("-shell").stdout
            subprocess.run(["bash", "-c", text], cwd=self.source, check=True, capture_output=True)
            done = self.driver(self.source / "values")
            if done.returncode:
                raise AssertionError(f"{self.name}: {done.stderr}")
        fields = {}
        for entry in done.stdout.split("\0")[:-1]:
            key, _, value = entry.partition("=")
            fields.setdefault(key, []).append(value)
        return fields, refused

    def values(self):
        """What bash has after it has sourced the file: {name: {index: value}}."""
        script = '. ./dkms.conf >/dev/null 2>&1\nfor n in ' + " ".join(NAMES) + '; do eval "k=(\\"\\${!$n[@]}\\")"; ' \
                 'for i in "${k[@]}"; do eval "v=\\${$n[$i]}"; printf "%s\\0%s\\0%s\\0" "$n" "$i" "$v"; done; done'
        environment = {"PATH": os.environ["PATH"], **preset(self.name, self.version, self.headers)}
        out = subprocess.run(["bash", "-c", script], cwd=self.source, env=environment, check=True, capture_output=True, text=True).stdout
        parts = out.split("\0")[:-1]
        values = {name: {} for name in NAMES}
        for name, index, value in zip(parts[::3], parts[1::3], parts[2::3]):
            values[name][int(index)] = value
        return values

    def effect(self, text):
        """What the programs of a text are called with."""
        stubs = Path(tempfile.mkdtemp(dir=self.top))
        log = stubs / "log"
        log.touch()
        for program in ("make", "ln", "configure", "a", "one", "two"):
            (stubs / program).write_text(f'#!/bin/bash\nprintf "<%s>" "${{0##*/}}" "$@" >>{log}\necho >>{log}\n')
            (stubs / program).chmod(0o755)
        subprocess.run(["bash", "-c", text], cwd=self.source, capture_output=True, check=False, env={"PATH": f"{stubs}:/usr/bin:/bin"})
        return log.read_text()


def bash_matches(text, pattern):
    return subprocess.run(["bash", "-c", "[[ $1 =~ $2 ]]", "-", text, pattern], check=False, stderr=subprocess.DEVNULL).returncode == 0


class Recipes(unittest.TestCase):
    def compare(self, machine):
        recipe, refused = machine.recipe()
        values = machine.values()
        get = lambda name, index=0: values[name].get(index, "")  # noqa: E731
        where = f"{machine.name} {machine.version}"

        count = max(len(values[name]) for name in ARRAYS)
        built, names, strip = [], [], []
        for i in range(count):
            name = get("BUILT_MODULE_NAME", i) or (get("PACKAGE_NAME") if count == 1 else "")
            location = get("BUILT_MODULE_LOCATION", i)
            built.append(os.path.normpath(f"{location}/{name}") if location else name)
            names.append(get("DEST_MODULE_NAME", i) or name)
            strip.append("no" if (get("STRIP", i) or get("STRIP")).lower().startswith("n") else "yes")
        self.assertEqual(recipe.get("built", []), built, where)
        self.assertEqual(recipe.get("name", []), names, where)
        self.assertEqual(recipe.get("strip", []), strip, where)

        make = get("MAKE") if not get("MAKE_MATCH") else ""
        for i in range(len(values["MAKE"])):
            if get("MAKE", i) and get("MAKE_MATCH", i) and bash_matches(RELEASE, get("MAKE_MATCH", i)):
                make = get("MAKE", i)
        usual = f"make -C {machine.headers} M={place(machine.name, machine.version)}"
        make = make or usual
        if make.startswith("make"):
            make = f"make -j{JOBS} KERNELRELEASE={RELEASE}{make[4:]}"
        self.text(machine, recipe["make"][0], make, where)
        self.text(machine, recipe["clean"][0], get("CLEAN") or f"{usual} clean", where)
        for name in ("PRE_BUILD", "POST_BUILD"):
            self.assertEqual(name.lower() in recipe, bool(get(name)), where)
            if get(name):
                self.assertIn(get(name).split()[0], recipe[name.lower()][0], where)

        patches = [f"patches/{get('PATCH', i)}" for i in range(len(values["PATCH"]))
                   if not get("PATCH_MATCH", i) or bash_matches(RELEASE, get("PATCH_MATCH", i))]
        self.assertEqual(recipe.get("patch", []), patches, where)
        excluded = any(get(name) and not bash_matches(text, get(name))
                       for name, text in (("BUILD_EXCLUSIVE_KERNEL", RELEASE), ("BUILD_EXCLUSIVE_ARCH", ARCH)))
        for word in get("BUILD_EXCLUSIVE_CONFIG").split():
            is_set = any(line.startswith(word.lstrip("!") + "=") for line in CONFIG.split())
            excluded = excluded or is_set == word.startswith("!")
        self.assertEqual("excluded" in recipe, excluded, where)
        self.assertEqual(recipe["autoinstall"] == ["yes"], bool(get("AUTOINSTALL")), where)
        return count, refused

    def text(self, machine, ours, theirs, where):
        """The same text; or, with assignments in front, the same effect."""
        if "$" not in ours and "`" not in ours:
            if "'" in ours and ours.replace("'", "") == theirs:
                return
            self.assertEqual(ours, theirs, where)
            return
        before = "".join(f"{key}='{value}'\n" for key, value in preset(machine.name, machine.version, machine.headers).items())
        effect = machine.effect(f"{before}. ./dkms.conf >/dev/null 2>&1\n{theirs}")
        self.assertNotEqual(effect, "", f"{where}: the text has no effect")
        self.assertEqual(machine.effect(ours), effect, where)

    def test_each_rule_of_the_shell(self):
        for rule, conf in RULES.items():
            conf = f"PACKAGE_NAME=name\nPACKAGE_VERSION=1\n{conf}"
            if "BUILT_MODULE_NAME" not in conf:
                conf += "BUILT_MODULE_NAME=module\n"
            conf += "".join(f"DEST_MODULE_LOCATION[{i}]=/extra\n" for i in range(1 + conf.count("BUILT_MODULE_NAME[1]")))
            with self.subTest(rule), tempfile.TemporaryDirectory() as top:
                _, refused = self.compare(Machine(top, "name", "1", conf=conf))
                self.assertEqual(refused, None if rule != "unknown" else refused)

    def test_the_packages_of_debian(self):
        root = Path(subprocess.run([HERE.parent / "lib/dkms-sources"], check=True, capture_output=True, text=True).stdout.strip())
        confs, parsed = sorted(root.glob("usr/src/*/dkms.conf")), 0
        for conf in confs:
            directory = conf.parent.name
            name = next(line.split("=")[1].strip().strip('"') for line in conf.read_text().splitlines() if line.startswith("PACKAGE_NAME="))
            with self.subTest(directory), tempfile.TemporaryDirectory() as top:
                count, refused = self.compare(Machine(top, name, directory[len(name) + 1:], tree=conf.parent))
                parsed += refused is None
                print(f"{directory:50} {count:3} modules  {'parsed' if refused is None else 'needs a shell: ' + refused[:110]}")
        print(f"{parsed} of {len(confs)} are parsed")
        self.assertGreaterEqual(parsed, len(confs) * 3 // 4)


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0], *sys.argv[2:]])
