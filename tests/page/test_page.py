#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""modfetch pack --page on a small tree of a real kernel, with hostile texts: the files, the search by node, and a browser.

The tests in a browser need chromium (400 MB with what it needs), so they run with MODFETCH_TEST_ALL=1 only.
"""

import functools
import importlib
import http.server
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import threading
import unittest

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "pack"))
from packing import Kernel, PackCase, library  # noqa: E402

SOURCES = HERE.parent.parent / "src/page"
KERNEL = Kernel("default")
ABI, FLAVOR = KERNEL.release.rsplit("-", 1)
SUFFIX = f"{FLAVOR}-{ABI.replace('-', '_')}"
HOSTILE = "<img src=x onerror=\"document.title='owned'\"> </script><script>document.title='owned'</script>"
NIC = "pci:v00008086d000010D3sv00008086sd0000A01Fbc02sc00i00"
LSPCI = f"""00:19.0 Ethernet controller [0200]: Intel Corporation 82574L [8086:10d3] (rev 03)
\tSubsystem: Dell [1028:0123]
\tKernel driver in use: e1000e
02:00.0 System peripheral [0880]: Nobody {HOSTILE.replace('[', '(')} [ffff:0001]
Bus 001 Device 002: ID 0781:0001 SanDisk Corp."""


def ask(page, *requests):
    done = subprocess.run(["node", HERE / "ask.js", SOURCES / "lookup.js", page], input=json.dumps(requests), stdout=subprocess.PIPE,
                          text=True, check=True)
    return json.loads(done.stdout)


class Page(PackCase):
    """One repository for all tests; what they change is a copy."""

    @classmethod
    def setUpClass(cls):
        cls.one = cls("pack_one")
        cls.one.setUp()
        cls.addClassCleanup(cls.one.doCleanups)
        cls.one.pack_one()

    def pack_one(self):
        tree = self.tree(KERNEL, "e1000e", "usb-storage", "usbcore", "usb-common", "scsi_mod", "scsi_common", "xfs", "libcrc32c")
        self.edit_modinfo(tree / KERNEL.find("xfs"), b"alias=fs-<b>xfs</b>")
        self.describe(tree / KERNEL.find("xfs"), HOSTILE.encode())
        firmware = self.scratch / "firmware"
        (firmware / "e1000e").mkdir(parents=True)
        (firmware / "e1000e/fw.bin").write_bytes(b"firmware")
        self.edit_modinfo(tree / KERNEL.find("e1000e"), b"firmware=e1000e/fw.bin")
        # the machine that packs has these names of devices
        self.machine = self.scratch / "machine"
        (self.machine / "usr/share/hwdata").mkdir(parents=True)
        (self.machine / "usr/share/hwdata/pci.ids").write_text(f"8086  Intel Corporation\n\t10d3  82574L {HOSTILE}\n", encoding="utf-8")
        (self.machine / "usr/share/hwdata/usb.ids").write_text("0781  SanDisk Corp.\n\t0001  SDDR-05a Imagemate\n", encoding="utf-8")
        keys = pathlib.Path(library("keys")[0])
        self.arguments = ["--root", self.machine, "--firmware", firmware, "--sign", keys / "repo.key", "--cert", keys / "repo.crt", tree]
        self.pack("--page", *self.arguments)
        self.page = self.repo / "page"

    @staticmethod
    def describe(module, text):
        """Replaces the description in the .modinfo section of a module."""
        section = module.with_suffix(".modinfo")
        subprocess.run(["objcopy", "-O", "binary", "--only-section=.modinfo", "--set-section-flags", ".modinfo=alloc", module, section],
                       check=True)
        section.write_bytes(re.sub(rb"(?<=description=)[^\0]*", lambda _: text, section.read_bytes()))
        subprocess.run(["objcopy", "--update-section", f".modinfo={section}", module], check=True)
        section.unlink()

    def names(self):
        return {p.name for p in self.page.iterdir()}

    def test_a_page_is_written_once_and_then_kept_up_to_date(self):
        before = self.one.names()
        self.assertIn("index.html", before)
        self.one.pack("--incremental", *self.one.arguments)
        self.assertEqual(before, self.one.names())
        self.assertEqual(0o644, (self.one.page / "index.html").stat().st_mode & 0o777)

    def test_every_file_is_small_and_has_the_name_of_its_digest(self):
        for path in self.one.page.iterdir():
            self.assertLess(path.stat().st_size, 60000, path)
            if path.name != "index.html":
                digest = subprocess.run(["sha256sum", path], stdout=subprocess.PIPE, text=True, check=True).stdout[:32]
                self.assertEqual(digest, path.stem)

    def test_a_device_has_its_driver_in_every_form(self):
        for text in ("8086:10d3", "8086:10D3", "pci:8086:10d3", NIC, f"MODALIAS={NIC}\n", "e1000e", "e1000e.ko.xz", "e1000e-kmp",
                     f"e1000e-kmp-{SUFFIX}", "\n  e1000e  \n"):
            self.assertEqual([[["e1000e"]]], ask(self.one.page, ["lookup", text]), text)
        self.assertEqual([[["xfs"]], [["xfs"]], [["usb_storage"]], [[]], [[]]],
                         ask(self.one.page, ["lookup", "fs-xfs"], ["lookup", "fs-<b>xfs</b>"], ["lookup", "usb:0781:0001"],
                             ["lookup", "8086:ffff"], ["lookup", "pci:v0000[8086"]))

    def test_lists_of_lspci_and_lsusb_are_several_devices(self):
        self.assertEqual([[["e1000e"], [], ["usb_storage"]]], ask(self.one.page, ["lookup", LSPCI]))
        usual = "00:19.0 0200: 8086:10d3 (rev 03)\r\n0000:01:00.0 \"Foo\" [0200]: Intel [8086:10d3]"
        self.assertEqual([[["e1000e"], ["e1000e"]]], ask(self.one.page, ["lookup", usual]))

    def test_words_find_drivers_and_devices(self):
        [both, prefix, none, other] = ask(self.one.page, ["search", "Intel 82574l"], ["search", "sand"], ["search", "intel sandisk"],
                                          ["search", "no-such-word"])
        self.assertEqual({"drivers": [], "targets": ["pci:8086:10D3"]}, both)
        self.assertEqual(["usb:0781"], prefix["targets"])
        self.assertEqual({"drivers": [], "targets": []}, none)
        self.assertEqual({"drivers": [], "targets": []}, other)
        [[device]] = ask(self.one.page, ["devices", "pci:8086:10D3"])
        self.assertEqual(("8086:10d3", ["e1000e"]), (device["query"], device["drivers"]))

    def test_a_record_says_what_the_package_is(self):
        pieces = [json.loads(p.read_text(encoding="utf-8")) for p in self.one.page.glob("*.json")]
        [record] = [p["e1000e"] for p in pieces if "e1000e" in p and "p" in p["e1000e"]]
        [[kernels, name, version, arch, href, size, installed, requires, _, firmware]] = record["p"]
        self.assertEqual(([0], f"e1000e-kmp-{SUFFIX}", "x86_64"), (kernels, name, arch))
        self.assertEqual(ABI, version)
        self.assertEqual((self.one.repo / href).stat().st_size, size)
        self.assertGreater(installed, size)
        self.assertEqual([], requires)
        self.assertEqual(["kmp-firmware-e1000e"], firmware)
        [listed] = [p for p in pieces if "kernels" in p]
        self.assertEqual([KERNEL.release], listed["kernels"])
        certificate = subprocess.run(["openssl", "x509", "-in", self.one.repo / "modfetch.pem", "-noout", "-fingerprint", "-sha256"],
                                     stdout=subprocess.PIPE, text=True, check=True).stdout
        self.assertEqual(certificate.strip().split("=")[1].replace(":", "").lower(), listed["fingerprint"])

    def test_a_builtin_module_is_known(self):
        name = (KERNEL.tree / "modules.builtin").read_text(encoding="ascii").splitlines()[0]
        name = re.sub(r"\.ko$", "", os.path.basename(name)).replace("-", "_")
        self.assertEqual([[[name]]], ask(self.one.page, ["lookup", name]))


class Quiet(http.server.SimpleHTTPRequestHandler):
    """Counts what it sends."""

    sent = []

    def log_message(self, *args):
        pass

    def do_GET(self):
        path = pathlib.Path(self.translate_path(self.path))
        self.sent.append((self.path, path.stat().st_size if path.is_file() else 0))
        super().do_GET()


@unittest.skipUnless(os.environ.get("MODFETCH_TEST_ALL") == "1", "a browser is large: with MODFETCH_TEST_ALL=1")
class Browser(Page):
    """The page in a headless Chromium, by its keyboard."""

    @classmethod
    def setUpClass(cls):
        try:
            webdriver = importlib.import_module("selenium.webdriver")
            cls.actions, cls.keys = webdriver.ActionChains, importlib.import_module("selenium.webdriver.common.keys").Keys
        except ImportError:
            raise unittest.SkipTest("python3-selenium is not installed for this python3") from None
        super().setUpClass()
        cls.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=cls.one.repo))
        threading.Thread(target=cls.server.serve_forever, daemon=True).start()
        cls.addClassCleanup(cls.server.server_close)
        cls.addClassCleanup(cls.server.shutdown)
        options = webdriver.ChromeOptions()
        for argument in ("--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", f"--user-data-dir={cls.one.scratch}/profile"):
            options.add_argument(argument)
        options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
        service = webdriver.chrome.service.Service(shutil.which("chromedriver"))
        cls.driver = webdriver.Chrome(options=options, service=service)
        cls.addClassCleanup(cls.driver.quit)

    def get(self, query=None):
        """Loads the page from the beginning, and waits for the answer to QUERY."""
        self.driver.get("about:blank")
        self.driver.execute_cdp_cmd("Network.clearBrowserCache", {})
        Quiet.sent.clear()
        address = f"http://127.0.0.1:{self.server.server_port}/page/"
        self.driver.get(address + (f"#q={query}" if query else ""))
        self.settle()

    def settle(self):
        self.driver.set_script_timeout(60)
        self.driver.execute_async_script("""const done = arguments[0];
            (function look() {
                const busy = document.getElementById('results').getAttribute('aria-busy') !== 'false';
                if (busy || !document.querySelector('#add pre')) setTimeout(look, 5); else done();
            })()""")

    def text(self, selector):
        return self.driver.find_element("css selector", selector).text

    def type(self, *keys):
        self.actions(self.driver).send_keys(*keys).perform()

    def test_the_keyboard_is_enough(self):
        Keys = self.keys
        self.get()
        self.type(Keys.TAB)
        self.assertEqual("query", self.driver.switch_to.active_element.get_attribute("id"))
        self.type("8086:10d3", Keys.ENTER)
        self.settle()
        self.assertRegex(self.text("#status"), "^1 driver for ")
        self.assertIn(f"e1000e-kmp-{SUFFIX}", self.text("#results"))
        self.assertIn("modfetch install e1000e", self.text("#results"))
        self.assertIn("kmp-firmware-e1000e", self.text("#results"))
        self.type(Keys.TAB)
        self.assertEqual("Find", self.driver.switch_to.active_element.text)
        self.type(Keys.TAB)
        self.assertEqual("summary", self.driver.switch_to.active_element.tag_name)
        outline = self.driver.execute_script("return getComputedStyle(document.activeElement).outlineStyle")
        self.assertEqual("solid", outline)
        self.type(Keys.ENTER)
        self.assertNotIn(f"e1000e-kmp-{SUFFIX}", self.text("#results"))
        # back in the history is back in the searches
        self.driver.back()
        self.settle()
        self.assertEqual("", self.text("#results"))

    def test_hostile_texts_are_texts(self):
        for query, shown in (("xfs", HOSTILE), ("8086%3A10d3", HOSTILE), ("%3Cb%3Ex%3C%2Fb%3E", "<b>x</b>"), ("82574l", "onerror")):
            self.get(query)
            self.assertIn(shown, self.text("main"), query)
            self.assertEqual("Find the driver of a device", self.driver.title)
            found = self.driver.execute_script("return [document.images.length, document.scripts.length, document.querySelectorAll('main b').length]")
            self.assertEqual([0, 1, 0], found, query)
        errors = [entry["message"] for entry in self.driver.get_log("browser") if "favicon" not in entry["message"]]
        self.assertEqual([], errors)

    def test_inline_code_is_refused_by_the_policy(self):
        self.get()
        self.driver.execute_script("const s = document.createElement('script'); s.textContent = \"document.title = 'owned'\"; document.body.append(s)")
        self.assertEqual("Find the driver of a device", self.driver.title)
        self.driver.get_log("browser")

    def test_nothing_is_fetched_from_elsewhere_and_little_from_here(self):
        self.get("8086%3A10d3")
        hosts = self.driver.execute_script("return performance.getEntriesByType('resource').map((entry) => new URL(entry.name).host)")
        self.assertEqual({f"127.0.0.1:{self.server.server_port}"}, set(hosts))
        self.assertLess(sum(size for _, size in Quiet.sent), 300000)
        self.assertEqual([], self.driver.get_cookies())

    def test_a_phone_needs_no_sideways_scrolling(self):
        for query in ("8086%3A10d3", "xfs", "82574l"):
            self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", {"width": 320, "height": 640, "deviceScaleFactor": 1, "mobile": True})
            self.addCleanup(self.driver.execute_cdp_cmd, "Emulation.clearDeviceMetricsOverride", {})
            self.get(query)
            self.assertLessEqual(self.driver.execute_script("return document.documentElement.scrollWidth"), 320, query)

    def test_text_has_contrast_in_light_and_dark(self):
        for scheme in ("light", "dark"):
            self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [{"name": "prefers-color-scheme", "value": scheme}]})
            self.addCleanup(self.driver.execute_cdp_cmd, "Emulation.setEmulatedMedia", {"features": []})
            self.get("8086%3A10d3")
            low = self.driver.execute_script((HERE / "contrast.js").read_text(encoding="utf-8"))
            self.assertGreater(low["texts"], 20)
            self.assertGreaterEqual(low["ratio"], 4.5, (scheme, low))
            self.assertEqual(scheme == "dark", low["dark"])

    def test_a_screen_reader_has_names_headings_and_the_status(self):
        self.get("8086%3A10d3")
        tree = self.driver.execute_cdp_cmd("Accessibility.getFullAXTree", {})["nodes"]
        roles = {(node.get("role", {}).get("value"), node.get("name", {}).get("value")) for node in tree if not node.get("ignored")}
        self.assertIn(("textbox", "Device or driver"), roles)
        self.assertIn(("button", "Find"), roles)
        self.assertIn(("heading", "e1000e"), roles)
        self.assertTrue({"search", "main", "status", "banner", "contentinfo"} <= {role for role, _ in roles}, roles)
        levels = self.driver.execute_script("return [...document.querySelectorAll('h1, h2, h3')].map((h) => Number(h.tagName[1]))")
        self.assertEqual(1, levels[0])
        self.assertTrue(all(b <= a + 1 for a, b in zip(levels, levels[1:])), levels)

    def test_a_piece_that_is_missing_is_said(self):
        missing = self.one.scratch / "missing"
        pieces = [p for p in self.one.page.glob("*.json") if "e1000e" in p.read_text(encoding="utf-8") and '"kernels"' not in p.read_text(encoding="utf-8")]
        missing.mkdir()
        for piece in pieces:
            piece.rename(missing / piece.name)
        try:
            self.get("8086%3A10d3")
            self.assertIn("The server has no", self.text("#status"))
        finally:
            for piece in pieces:
                (missing / piece.name).rename(piece)
        self.driver.get_log("browser")


if __name__ == "__main__":
    unittest.main()
