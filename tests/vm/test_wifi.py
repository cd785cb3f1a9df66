#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""A wireless network between two simulated radios: the ciphers that mac80211 requests when a key is set arrive with the driver.

mac80211 has no dependency on them and no device matches them: without them the handshake fails, and wpa_supplicant
keeps scanning. WPA2 with CCMP needs ccm and ctr, the protected management frames of the same network need cmac."""

import os
import time
import unittest

import scene

BUILD = os.environ["MODFETCH_BUILD"]

KEY = "c0ffee" * 10 + "c0ff"  # 256 bits, so that they need not be derived from a passphrase on an emulated processor

ACCESS_POINT = f"""
interface=wlan1
driver=nl80211
ctrl_interface=/run/hostapd
ssid=modfetch
hw_mode=g
channel=1
wpa=2
wpa_key_mgmt=WPA-PSK
rsn_pairwise=CCMP
wpa_psk={KEY}
ieee80211w=1
"""

STATION = f"""
ctrl_interface=/run/wpa_supplicant
network={{
    ssid="modfetch"
    proto=RSN
    key_mgmt=WPA-PSK
    pairwise=CCMP
    group=CCMP
    psk={KEY}
    ieee80211w=1
}}
"""

# The access point has the second radio, in a separate network namespace: all traffic between the two goes by air.
START = """
ip netns add ap
iw phy "$(cat /sys/class/net/wlan1/phy80211/name)" set netns name ap
ip netns exec ap hostapd -B -f /run/hostapd.log /etc/wifi/hostapd.conf
wpa_supplicant -B -i wlan0 -c /etc/wifi/wpa_supplicant.conf -f /run/wpa_supplicant.log
"""
ADDRESSES = "ip netns exec ap ip addr add 192.0.2.1/24 dev wlan1; ip addr add 192.0.2.2/24 dev wlan0"


def station(vm):
    """The status of wpa_supplicant: wpa_state, pairwise_cipher, …"""
    return dict(line.split("=", 1) for line in vm.run("wpa_cli -i wlan0 status", 60).splitlines() if "=" in line)


def connect(vm, timeout):
    """Waits for the connection; returns the last status, connected or not."""
    deadline = time.monotonic() + timeout
    while (status := station(vm)).get("wpa_state") != "COMPLETED" and time.monotonic() < deadline:
        time.sleep(1)
    return status


class Wifi(unittest.TestCase):
    def test_a_network_with_ccmp_works_on_what_came_with_the_driver(self):
        files = [("etc/wifi/hostapd.conf", 0o600, ACCESS_POINT), ("etc/wifi/wpa_supplicant.conf", 0o600, STATION)]
        with scene.Scene(BUILD, kind="full", files=files) as stage, stage.boot() as vm:
            scene.wait_idle(vm, 300)
            before = len(scene.history(vm))
            vm.run("modfetch probe mac80211_hwsim && udevadm settle && ls -d /sys/class/net/wlan[01]", 120)
            runs = [run for run in scene.history(vm)[before:] if run["outcome"] == "done"]
            packages = {package["name"].split("-kmp-")[0] for run in runs for package in run["packages"]}
            print(f"mac80211_hwsim: {len(runs)} transaction, packages: {' '.join(sorted(packages))}")
            vm.run(START, 120)
            status = connect(vm, 120)
            log = vm.run("head -n 40 /run/hostapd.log /run/wpa_supplicant.log; dmesg | tail -n 20")
            self.assertEqual(status.get("wpa_state"), "COMPLETED", log)
            self.assertEqual((status["pairwise_cipher"], status["group_cipher"]), ("CCMP", "CCMP"))
            self.assertEqual(status.get("mgmt_group_cipher"), "BIP", log)
            # the keys work: one end encrypts a packet, the other decrypts and answers it
            vm.run(ADDRESSES)
            self.assertIn(" 3 received", vm.run("ping -c 3 -W 10 192.0.2.1", 60))
            loaded = set(vm.run("lsmod | awk 'NR > 1 { print $1 }'").split())
            self.assertLessEqual({"mac80211", "ccm", "ctr", "cmac"}, loaded)
            # by the transaction of the driver: nothing was fetched while the keys were set
            self.assertLessEqual({"mac80211", "ccm", "ctr", "cmac"}, packages)
            self.assertEqual([run for run in scene.history(vm)[before:] if run["outcome"] == "done"], runs)


if __name__ == "__main__":
    unittest.main(verbosity=2)
