#!/usr/bin/python3
"""The whole-process rig: its packets are what routers take, its sums are right, loss fails."""
import unittest

from io_rig import traffic, windows
from io_rig.windows import Window


class Traffic(unittest.TestCase):
    def test_no_two_flows_are_alike_and_every_tenant_and_site_has_some(self):
        flows = traffic.flows(2048)
        self.assertEqual(len(set(flows)), 2048)
        self.assertEqual({flow.vlan for flow in flows}, set(range(1, traffic.TENANTS + 1)))
        self.assertEqual({flow.destination >> 16 for flow in flows}, {0x0A00 + site for site in range(1, 11)})

    def test_tagged_and_untagged_frames_differ_in_the_tag_and_the_length_alone(self):
        flow = traffic.flows(1)[0]
        tagged, untagged = traffic.frame(flow, True), traffic.frame(flow, False)
        self.assertEqual((len(tagged), len(untagged)), (64, 64))
        self.assertEqual(tagged[12:16], b"\x81\x00" + flow.vlan.to_bytes(2, "big"))
        self.assertEqual(tagged[16:18], untagged[12:14])
        self.assertEqual(tagged[30:38], untagged[26:34])  # addresses
        for ip in (tagged[18:38], untagged[14:34]):
            self.assertEqual(traffic.checksum(ip), 0)
        self.assertEqual(int.from_bytes(tagged[20:22], "big"), 64 - 18)
        self.assertEqual(int.from_bytes(untagged[16:18], "big"), 64 - 14)


class Figures(unittest.TestCase):
    def test_only_quiet_windows_make_the_value_and_it_is_scaled(self):
        found = windows.total([Window(50, 10), Window(52, 10.4), Window(90, 20), None], 10)
        self.assertEqual((found.value, found.raw, found.windows, found.quiet_windows), (50, 52, 3, 2))

    def test_the_net_figure_pairs_windows_of_one_round(self):
        own = [Window(80, 10), Window(200, 10), None, Window(90, 10)]
        io = [Window(30, 10), None, Window(30, 10), Window(30, 30)]
        found = windows.net(own, io, 10)
        self.assertEqual((found.value, found.windows, found.quiet_windows), (50, 2, 1))

    def test_a_busy_machine_still_gives_its_quietest_quarter(self):
        found = windows.total([Window(100, 20), Window(50, 11), Window(90, 20), Window(90, 20)], 10)
        self.assertEqual((round(found.value, 2), found.quiet_windows), (45.45, 0))

    def test_what_is_received_and_not_sent_is_lost(self):
        self.assertEqual(windows.lost_share((1000, 900), (2000, 1900)), 0)
        self.assertEqual(windows.lost_share((0, 0), (1000, 990)), 0.01)
        self.assertEqual(windows.lost_share((5, 5), (5, 5)), 1)


if __name__ == "__main__":
    unittest.main()
