#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Tests the gates: plants one violation after the other in a copy of the tree and runs the gate on it."""

import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest

from tree import ROOT, build_root

COPIED = ["src", "include", "tests", "man", "completions", ".clang-format", ".clang-tidy", "dependencies.tsv"]


class Gates(unittest.TestCase):
    """The copy is made once; each test reverts its changes."""

    @classmethod
    def setUpClass(cls):
        cls.tree = pathlib.Path(tempfile.mkdtemp(prefix="gates."))
        cls.addClassCleanup(shutil.rmtree, cls.tree)
        for name in COPIED:
            source = ROOT / name
            if source.is_dir():
                shutil.copytree(source, cls.tree / name, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copy(source, cls.tree / name)

    def run_gate(self, gate):
        return subprocess.run(
            [sys.executable, self.tree / "tests/gates" / f"{gate}.py"],
            capture_output=True,
            text=True,
            check=False,
            env=os.environ | {"MODFETCH_BUILD": str(build_root())},
        )

    def plant(self, path, text, old=None):
        """Appends TEXT to a file, or puts it in place of OLD; undone at the end of the test."""
        file = self.tree / path
        before = file.read_text(encoding="utf-8") if file.exists() else None
        if old:
            self.assertIn(old, before)
            file.write_text(before.replace(old, text, 1), encoding="utf-8")
        else:
            file.write_text((before or "") + text, encoding="utf-8")
        if before is None:
            self.addCleanup(file.unlink)
        else:
            self.addCleanup(file.write_text, before, encoding="utf-8")

    def expect(self, gate, finding):
        done = self.run_gate(gate)
        self.assertRegex(done.stdout, finding)
        self.assertEqual(done.returncode, 1, done.stdout)

    # ---- layers ----

    def test_an_include_from_above_is_seen(self):
        self.plant("src/base/file.c", '#include "modfetch/resolve.h"\n')
        self.expect("layers", r"src/base/file.c:\d+: base is below resolve")

    def test_a_stage_that_sees_a_later_one_is_seen(self):
        self.plant("src/match/match.c", '#include "modfetch/load.h"\n')
        self.expect("layers", r"src/match/match.c:\d+: match is below load")

    def test_a_second_adapter_of_a_library_is_seen(self):
        self.plant("src/fetch/fetch.c", "#include <openssl/evp.h>\n")
        self.expect("layers", r"<openssl/evp.h> is for .*src/lib/crypto-private.h")

    def test_an_unknown_library_is_seen(self):
        self.plant("src/repo/ini.c", "#include <glib.h>\n")
        self.expect("layers", r"<glib.h> is neither")

    def test_what_the_event_helper_must_not_know_is_seen(self):
        self.plant("src/event/helper/main.c", '#include "modfetch/json.h"\n')
        self.expect("layers", r"the program in src/event/helper is not to know modfetch/json.h")

    def test_a_foreign_private_header_is_seen(self):
        self.plant("src/cmd/pack.c", '#include "src/pack/model.h"\n')
        self.expect("layers", r"private to its own directory")

    def test_a_contract_without_a_source_is_seen(self):
        self.plant("include/modfetch/nobody.h", "/* SPDX-License-Identifier: LGPL-2.1-or-later */\n")
        self.expect("layers", r"include/modfetch/nobody.h: it belongs to 0 directories")

    def test_a_contract_that_no_other_directory_includes_is_seen(self):
        self.plant("src/pack/describe.h", "/* SPDX-License-Identifier: LGPL-2.1-or-later */\n")
        self.plant("include/modfetch/describe.h", "/* SPDX-License-Identifier: LGPL-2.1-or-later */\n")
        self.expect("layers", r"include/modfetch/describe.h: only src/pack includes it")

    # ---- style ----

    def test_a_long_function_is_seen(self):
        self.plant("src/base/file.c", "\nvoid endless(void)\n{\n" + "\t;\n" * 90 + "}\n")
        self.expect("style", r"endless\(\) has 92 lines")

    def test_a_long_file_is_seen(self):
        self.plant("src/base/lock.c", "\n" * 600)
        self.expect("style", r"src/base/lock.c: \d+ lines")

    def test_a_default_that_hides_an_enum_is_seen(self):
        self.plant("src/base/lock.c", "\nint f(int x)\n{\n\tswitch (x) {\n\tcase MF_DENIED:\n\t\treturn 1;\n\tdefault:\n\t\treturn 0;\n\t}\n}\n")
        self.expect("style", r"default: in a switch over an enum of ours")

    def test_a_missing_licence_and_prose_are_seen(self):
        self.plant("src/base/bare.c", "int x;\n")
        self.expect("style", r"(?s)bare.c:1: no SPDX line.*bare.c:2: 0 lines of opening prose")

    # ---- symbols, through the objects of this build ----

    def test_a_stage_that_calls_a_stage_is_seen(self):
        """There is such a call as soon as the functions for values are not allowed."""
        self.plant("tests/gates/symbols.py", 'mf_(nothing)_', old="mf_(want|wants|match|plan|fetched|proof|receipt)_")
        self.expect("symbols", r"calls mf_\w+\(\) of the stage")

    def test_a_library_too_many_is_seen(self):
        self.plant("tests/gates/symbols.py", '"src/fetch/helper/fetch": {"libcurl"}', old='"src/fetch/helper/fetch": {"libcurl", "libseccomp"}')
        self.expect("symbols", r"src/fetch/helper/fetch: needs libseccomp")

    # ---- scripts and texts ----

    def test_a_careless_script_is_seen(self):
        if not shutil.which("shellcheck"):
            self.skipTest("no shellcheck here")
        self.plant("tests/lib/careless", "#!/bin/bash\nrm -rf $1/x\n")
        self.expect("shell", r"careless:2:\d+: .*SC2086")

    def test_a_name_that_is_nowhere_is_seen(self):
        self.plant("tests/lib/lost.py", "import os\n\n\ndef f():\n    return nowhere\n")
        self.expect("python", r"(?s)nowhere is defined nowhere.*os is imported, but not used")

    def test_a_promise_is_seen(self):
        self.plant("src/base/lock.c", "/* TO" "DO: later */\n")
        self.expect("texts", r"a promise for later")

    # ---- sentences ----

    def test_a_message_leaves_its_reader_with_no_question(self):
        self.plant("src/cmd/autoremove.c", '"somebody must say --yes"', '"there is no terminal to ask on; --yes removes them without a question"')
        self.expect("sentences", r'src/cmd/autoremove.c:\d+: "somebody" in ')
        self.plant("src/install/room.c", "its file system is read-only", "its file system is read-only; mount it writable, or run modfetch \"\n\t\t\t       \"where the image of this system is made")
        self.expect("sentences", r"src/install/room.c:\d+: .*of -EROFS does not say what to do")
        self.plant("src/base/lock.c", "is loading drivers.", "is loading drivers")
        self.expect("sentences", r"src/base/lock.c:\d+: .*without a full stop")

    # ---- language ----

    def test_a_word_that_is_not_the_fields_is_seen(self):
        self.plant("src/base/lock.c", "/* The lock\n * lies in a folder. */\n")
        self.expect("language", r"src/base/lock.c:\d+: 'folder': write directory")
        self.plant("tests/lib/words.py", 'def f():\n    """Waits for whoever calls."""\n    return "a folder"\n')
        self.expect("language", r"tests/lib/words.py:2: 'whoever': write the caller")
        self.assertNotIn("words.py:3", self.run_gate("language").stdout)
        self.plant("man/modfetch.8.scd", "\nWhat it costs is told.\n")
        self.expect("language", r"man/modfetch.8.scd:\d+: 'told': write reported")

    # ---- programs ----

    def without_row(self, start):
        row = next(line for line in (self.tree / "dependencies.tsv").read_text(encoding="utf-8").splitlines(keepends=True)
                   if line.startswith(start))
        self.plant("dependencies.tsv", "", old=row)

    def test_a_program_that_no_row_names_is_seen(self):
        self.without_row("test\tdnf\t")
        self.expect("programs", r"tests/pack/test_full.py:\d+: starts dnf, which dependencies.tsv does not name")

    def test_a_program_that_the_demo_does_not_install_is_seen(self):
        self.without_row("vm\topenssl\t")
        self.expect("programs", r"tests/lib/keys:\d+: starts openssl, which no row for tests/demo")

    def test_a_program_started_by_python_is_seen(self):
        self.plant("tests/lib/starts.py", 'import subprocess\n\nsubprocess.run(["unshare", "--net", "rsync", "a", "b"])\n')
        self.expect("programs", r"tests/lib/starts.py:3: starts rsync,")

    def test_a_program_started_through_a_helper_is_seen(self):
        self.plant("tests/root.py", '\n\ndef speed():\n    return output("iperf3", "-v")\n')
        self.expect("programs", r"tests/root.py:\d+: starts iperf3,")

    def test_a_program_started_by_a_shell_is_seen(self):
        self.plant("tests/lib/starts", '#!/bin/bash\ncase $1 in\na) x="$(timeout 3 jq . "$1")" ;;\nesac\ntrue | pv\n')
        self.expect("programs", r"(?s)tests/lib/starts:3: starts jq,.*tests/lib/starts:5: starts pv,")

    def test_a_program_started_by_c_and_meson_is_seen(self):
        self.plant("tests/lib/test-crypto.c", '\nstatic void more(void)\n{\n\trun("certtool --help "\n\t    ">%s", "x");\n}\n')
        self.plant("tests/meson.build", "find_program('valgrind')\n")
        self.expect("programs", r"(?s)test-crypto.c:\d+: starts certtool,.*tests/meson.build:\d+: starts valgrind,")

    # ---- tests that report ----

    def test_a_failing_test_prints_what_it_ran(self):
        self.plant("tests/failing.py", """import subprocess
import unittest

import commands


class Failing(unittest.TestCase):
    def test(self):
        for word in ("first", "second"):
            with self.subTest(word):
                done = subprocess.run(["sh", "-c", f"echo {word} line; echo why >&2; exit 3"], capture_output=True, check=False)
                self.assertEqual(done.returncode, 0)

    def test_without_a_word(self):
        commands.record("in the guest: false", 1, "nothing here")
        raise KeyError("x")


unittest.main()
""")
        done = subprocess.run([sys.executable, self.tree / "tests/failing.py"], capture_output=True, text=True, check=False)
        self.assertRegex(done.stderr, r"(?s)3 != 0.*--- ran: sh -c 'echo first line.*exit status 3.*\| first line.*\| why")
        self.assertRegex(done.stderr, r"(?s)3 != 0.*\| second line")
        self.assertRegex(done.stderr, r"(?s)KeyError.*ran: in the guest: false\n    exit status 1\n    \| nothing here")

    def test_a_second_try_shows_both_outputs(self):
        logs, info = self.tree / "build-again/meson-logs", self.tree / "build-again/meson-info"
        for directory in (logs, info):
            directory.mkdir(parents=True)
        self.addCleanup(shutil.rmtree, logs.parent)
        result = '{"name": "modfetch:road / storm", "duration": 1, "result": "%s", "stdout": "%s"}\n'
        (info / "intro-tests.json").write_text('[{"name": "storm", "suite": ["modfetch:road"]}]', encoding="utf-8")
        (logs / "testlog-first.json").write_text(result % ("FAIL", "too late\\n"), encoding="utf-8")
        (logs / "testlog.json").write_text(result % ("OK", "in time\\n"), encoding="utf-8")
        done = subprocess.run([self.tree / "tests/lib/tally", logs.parent], capture_output=True, text=True, check=False)
        self.assertRegex(done.stdout, r"(?s)^1 0\ncount    road: 1 passed, 0 failed, 0 skipped in build-again\nagain    road storm .*failed FAIL.*\| too late\n.*passed OK")
        self.assertEqual((logs / "again-storm-failed.txt").read_text(encoding="utf-8"), "too late\n")
        self.assertEqual((logs / "again-storm-passed.txt").read_text(encoding="utf-8"), "in time\n")

    # ---- manual ----

    def test_an_undocumented_verb_and_option_are_seen(self):
        self.plant("src/cmd/verbs.c", '{ "dance", IN_MODULE(dance), "", "", false },\n\t{ "probe",', old='{ "probe",')
        self.plant("src/cmd/refresh.c", '\nstatic const struct option more[] = {{ "sideways", no_argument, NULL, 0 }};\n')
        self.expect("manual", r"(?s)verb dance is missing.*option of refresh --sideways is missing")

    def test_help_that_differs_from_the_program_is_seen(self):
        self.plant("src/cmd/verb-help.c", '"accept-newer"', old='"accept-older"')
        self.plant("src/cmd/verb-help.c", '"modfetch rollback 12"', old='"modfetch undo 12"')
        self.plant("src/cmd/help.c", '{ "sideways", 0, NULL, "move" }, 0 },\n\t{ { "json"', old='{ "json"')
        self.expect("manual", r"(?s)(?=.*option --accept-newer of refresh: )(?=.*option --accept-older of refresh: )"
                    r"(?=.*verb undo: 'modfetch rollback 12' does not call it)(?=.*global option --sideways: )")

    def test_an_option_that_is_not_there_is_seen(self):
        self.plant("man/modfetch.8.scd", "\n*--sideways*\n")
        self.expect("manual", r"there is no option --sideways")

    def test_an_undocumented_code_is_seen(self):
        self.plant("include/modfetch/error.h", 'X(NEWS, "NEWS", 1, "news") X(USAGE,', old="X(USAGE,")
        self.expect("manual", r"NEWS \(1\) is missing")


if __name__ == "__main__":
    unittest.main()
