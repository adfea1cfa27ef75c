#!/usr/bin/python3
"""The scripts: the house rules find what they forbid and allow the rest; sums and verdicts are right."""

import unittest

import bench_rows
import tally
import tidy
import tidy_functions
import tidy_includes


class Includes(unittest.TestCase):
    def faults(self, path, line):
        return tidy_includes.faults(path, line)

    def test_the_table_of_the_architecture_holds(self):
        forbidden = [
            ("proto/net/a.h", '#include "proto/channel/ring.h"'),
            ("proto/channel/a.h", "#include <rte_ring.h>"),
            ("dataplane/tables/fib/a.cc", '#include "dataplane/packet/mbuf.h"'),
            ("dataplane/tables/fib/a.cc", "#include <rte_ethdev.h>"),
            ("dataplane/tables/fib/a.cc", "#include <intel-ipsec-mb.h>"),
            ("dataplane/nodes/a.cc", '#include "dataplane/agent/agent.h"'),
            ("dataplane/agent/a.cc", '#include "control/rib/rib.h"'),
            ("control/io/a.cc", '#include "dataplane/tables/fib/fib.h"'),
            ("control/bgp/a.cc", '#include "control/ike/ike_sa.h"'),
            ("control/bgp/a.cc", "#include <sys/socket.h>"),
            ("control/ike/a.cc", "#include <thread>"),
            ("control/rib/a.cc", '#include "sluice/gateway/v1/tenant.pb.h"'),
            ("control/tenant/a.cc", '#include "control/api/service.h"'),
            ("tools/sluicectl/a.cc", '#include "control/tenant/tenant.h"'),
        ]
        for path, line in forbidden:
            self.assertTrue(self.faults(path, line), f"{path} {line}")

    def test_what_the_table_allows_is_allowed(self):
        allowed = [
            ("proto/net/a.cc", '#include "absl/strings/str_cat.h"'),
            ("dataplane/tables/fib/a.cc", "#include <rte_rcu_qsbr.h>"),
            ("dataplane/tables/fib/a_test.cc", '#include "tests/lib/packet.h"'),
            ("dataplane/nodes/a.cc", '#include "dataplane/tables/fib/fib.h"'),
            ("dataplane/agent/a.cc", '#include "dataplane/graph/worker.h"'),
            ("control/programming/a.cc", '#include "control/rib/rib.h"'),
            ("control/api/a.cc", '#include "sluice/gateway/v1/tenant.pb.h"'),
            ("tests/graph/a.cc", '#include "dataplane/graph/worker.h"'),
        ]
        for path, line in allowed:
            self.assertEqual(self.faults(path, line), [], f"{path} {line}")


class Functions(unittest.TestCase):
    def test_a_function_is_measured_from_its_first_line_to_its_brace(self):
        text = ("namespace a {\n\nstruct Row {\n  int x = {1};\n  int F() const { return 1; }\n};\n\n"
                "int G(int a,\n      int b) {\n  if (a) {\n    return '}';\n  }\n  return b;  // }\n}\n\n}  // namespace\n")
        self.assertEqual([(line, count) for line, count, _ in tidy_functions.functions(text)], [(5, 1), (8, 7)])

    def test_braces_in_strings_and_arguments_do_not_confuse_it(self):
        text = 'TEST_CASE("a { b") {\n  const Row rows[] = {{1}, {2}};\n  F({1, 2}, [] { return "}"; });\n}\nint x;\n'
        self.assertEqual([count for _, count, _ in tidy_functions.functions(text)], [4])


class Rules(unittest.TestCase):
    def test_banned_names_are_found_as_words_only(self):
        self.assertTrue(tidy.name_fault("RouteManager"))
        self.assertTrue(tidy.name_fault("string_utils"))
        self.assertTrue(tidy.name_fault("Handler"))
        for good in ("Dataplane", "dataplane", "Database", "Information", "PathSelector", "SignalHandler"):
            self.assertIsNone(tidy.name_fault(good), good)

    def test_types_are_checked_and_their_uses_are_not(self):
        found = list(tidy.name_faults("control/rib/a.h", "// why\nclass RouteInfo {\n};\nconst rte_eth_dev_info info;\n"))
        self.assertEqual([line for line, _ in found], [2])

    def test_a_citation_needs_its_row_or_its_parent_section(self):
        rows = tidy.standards_rows("| RFC 791 | 3.1, 3.2 | a | b | c | done |\n")
        text = "// RFC 791 section 3.2.1; RFC\n// 791 section 3.3; RFC 792\n"
        found = list(tidy.rfc_faults(rows, text))
        self.assertEqual(len(found), 2)

    def test_tests_do_not_sleep_and_logic_reads_no_clock(self):
        self.assertTrue(list(tidy.time_faults("control/rib/rib_test.cc", "usleep(1);")))
        self.assertTrue(list(tidy.time_faults("control/rib/rib.cc", "auto t = steady_clock::now();")))
        self.assertFalse(list(tidy.time_faults("control/io/clock.cc", "auto t = steady_clock::now();")))

    def test_open_work_names_its_issue(self):
        self.assertTrue(list(tidy.text_faults("a.h", "// TODO: later\n")))
        self.assertFalse(list(tidy.text_faults("a.h", "// TODO(#12): later\n")))


class Tally(unittest.TestCase):
    def test_cases_programs_and_skips_add_up(self):
        lines = [
            '{"name": "a", "result": "OK", "stdout": "All tests passed (9 assertions in 4 test cases)\\n"}',
            '{"name": "b", "result": "OK", "stdout": "fine"}',
            '{"name": "c", "result": "FAIL", "stdout": "test cases: 5 | 3 passed | 2 failed\\n"}',
            '{"name": "d", "result": "TIMEOUT"}',
            '{"name": "e", "result": "SKIP"}',
            '{"name": "f", "result": "FAIL", "stdout": "ok a\\n7 passed, 2 failed, 1 skipped\\n"}',
            '{"name": "g", "result": "TIMEOUT", "stdout": "7 passed, 0 failed, 0 skipped\\n"}',
        ]
        self.assertEqual(tally.tally(lines), ([22, 6, 2], ["c", "d", "f", "g"]))


class BenchRows(unittest.TestCase):
    TARGETS = {"rows": {"a": {"unit": "c", "better": "less", "must": 10, "aim": 5},
                        "b": {"unit": "1/s", "better": "more", "must": 10},
                        "c": {"unit": "c", "better": "less", "must": "2*a", "aim": "1*a"}},
               "variants": {".inflight4096": {"bound_factor": 2.5}}}

    def verdicts(self, **values):
        rows = [{"name": name.replace("__", "."), "value": value} for name, value in values.items()]
        return [row["verdict"] for row in bench_rows.judge(rows, self.TARGETS)]

    def test_a_row_is_judged_by_its_bound_in_its_direction(self):
        self.assertEqual(self.verdicts(a=5, b=11, c=8), ["aim", "must", "must"])
        self.assertEqual(self.verdicts(a=11, b=9, c=23), ["MISSED", "MISSED", "MISSED"])

    def test_a_variant_has_its_factor_and_a_missing_row_is_named(self):
        self.assertEqual(self.verdicts(a__inflight4096=25, x=1), ["must", "reported", "absent", "absent", "absent"])

    def test_what_missed_its_bound_is_named(self):
        rows = [{"name": "a", "value": 11}, {"name": "a.inflight4096", "value": 26}, {"name": "b", "value": 11}]
        self.assertEqual(bench_rows.missed(bench_rows.judge(rows, self.TARGETS)), ["a", "a.inflight4096"])


if __name__ == "__main__":
    unittest.main()
