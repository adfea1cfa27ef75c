// The rules we build against the golden file.
#include "dataplane/eal/flow_rule.h"

#include <catch2/catch.hpp>
#include <fstream>
#include <iterator>
#include <map>
#include <string>

namespace sluice::dataplane {
namespace {

using channel::TunnelKind;

net::Address A(const char* text) {
  return net::Address::Parse(text).value();
}

// By name; the path comes from the build.
std::map<std::string, std::string> Golden() {
  std::map<std::string, std::string> rules;
  std::ifstream file(FLOW_RULES_GOLDEN);
  for (std::string line; std::getline(file, line);) {
    const size_t tab = line.find('\t');
    if (tab != line.npos) rules[line.substr(0, tab)] = line.substr(tab + 1);
  }
  return rules;
}

TEST_CASE("a steered flow becomes the rule that a port understands") {
  const auto v4 = A("198.51.100.1"), site4 = A("203.0.113.9");
  const auto v6 = A("2001:db8::1"), site6 = A("2001:db8:9::9");
  const SteeredTunnel keyed{TunnelKind::kGre, v4, site4, 77, 0};
  struct Row {
    const char* name;  // in the golden file
    SteeredFlow flow;
  };
  const Row rows[] = {
      {"vlan", {0, 100, {}, 1, 7}},
      {"gre key", {0, 0, keyed, 1, 9}},
      {"gre key, tagged underlay", {0, 30, keyed, 1, 9}},
      {"gre key 0", {0, 0, SteeredTunnel{TunnelKind::kGre, v4, site4, 0, 0}, 0, 9}},
      {"gre without key over ipv6", {0, 0, SteeredTunnel{TunnelKind::kGre, v6, site6, {}, 0}, 1, 65535}},
      {"vxlan", {0, 0, SteeredTunnel{TunnelKind::kVxlan, v4, {}, 5001, 4789}, 1, 10}},
      {"vxlan over ipv6, other port, highest vni",
       {0, 4094, SteeredTunnel{TunnelKind::kVxlan, v6, {}, 0xffffff, 8472}, 1, 11}},
      {"nvgre", {0, 0, SteeredTunnel{TunnelKind::kNvgre, v4, {}, 0x010203, 0}, 1, 12}},
  };
  const std::map<std::string, std::string> golden = Golden();
  CHECK(golden.size() == std::size(rows));
  for (const Row& row : rows) {
    DYNAMIC_SECTION(row.name) {
      REQUIRE(golden.contains(row.name));
      CHECK(FlowRule(row.flow, true).ToText() == golden.at(row.name));
    }
  }
}

TEST_CASE("a rule without a mark only steers") {
  const FlowRule rule({0, 100, {}, 2, 7}, false);
  CHECK(rule.ToText() == "ingress pattern eth / vlan vid is 100 / end actions queue index 2 / end");
  CHECK(rule.attributes().ingress == 1);
  CHECK(rule.attributes().egress == 0);
  CHECK(rule.attributes().priority == 0);
}

// Bits that a rule does not name must not be matched by accident.
TEST_CASE("only the named bits of a header are matched") {
  const FlowRule rule({0, 100, SteeredTunnel{TunnelKind::kVxlan, A("198.51.100.1"), {}, 5001, 4789}, 0, 1},
                      true);
  const auto& vlan = *static_cast<const rte_flow_item_vlan*>(rule.items()[1].mask);
  CHECK(vlan.tci == RTE_BE16(0x0fff));
  CHECK(vlan.inner_type == 0);
  const auto& ip = *static_cast<const rte_flow_item_ipv4*>(rule.items()[2].mask);
  CHECK(ip.hdr.src_addr == 0);
  CHECK(ip.hdr.type_of_service == 0);
  CHECK(ip.hdr.fragment_offset == 0);
  const auto& udp = *static_cast<const rte_flow_item_udp*>(rule.items()[3].mask);
  CHECK(udp.hdr.src_port == 0);
  const auto& vxlan = *static_cast<const rte_flow_item_vxlan*>(rule.items()[4].mask);
  CHECK(vxlan.flags == 0);
  CHECK(vxlan.rsvd1 == 0);
}

}  // namespace
}  // namespace sluice::dataplane
