// What an operator reads about where a packet goes.
#include "control/api/lookup_answer.h"

#include <google/protobuf/text_format.h>

#include <catch2/catch.hpp>

namespace sluice::api {
namespace {

const NameTable::Link kDatacenter{"contoso", "datacenter", "port0", 101, 1};
const NameTable::Link kSite{"contoso", "site", "", 0, 1, "GRE to 198.51.100.2 key 7"};
const NameTable::Link kWeb{"contoso", "inside/web", "", 0, 1, "VXLAN VNI 5001"};
const NameTable::Link* Named(uint32_t interface) {
  return interface == 2 ? &kDatacenter : interface == 3 ? &kSite : interface == 4 ? &kWeb : nullptr;
}

template <typename Message>
Message From(const std::string& text) {
  Message message;
  REQUIRE(google::protobuf::TextFormat::ParseFromString(text, &message));
  return message;
}

AdjacencyTable Adjacencies() {
  const char* const rows[] = {
      "id: 1 kind: 'local'",
      "id: 2 kind: 'neighbor' interface: 2 next_hop: '15.0.0.1' mac: '02:00:00:00:00:01' live: true",
      "id: 3 kind: 'neighbor' interface: 2 next_hop: '15.0.0.9' down_ms: 61000 down_reason: 'neighbour does "
      "not answer'",
      "id: 4 kind: 'glean' interface: 2 live: true",
      "id: 5 kind: 'drop'",
      "id: 6 kind: 'tunnel' interface: 3 next_hop: '198.51.100.2' live: true down_ms: 61000 down_reason: 'no "
      "route to 198.51.100.2'",
      "id: 7 kind: 'tunnel' interface: 4 next_hop: '192.0.2.21' mac: '02:00:5e:00:53:04' live: true",
  };
  AdjacencyTable table;
  for (const char* row : rows) {
    const auto adjacency = From<dataplane::v1::Adjacency>(row);
    table[adjacency.id()] = adjacency;
  }
  return table;
}

}  // namespace

TEST_CASE("a lookup is answered in one plain sentence") {
  // 2026-11-22 02:00:00 UTC.
  const LookupFacts facts{"15.0.0.77", "contoso", "address of connection datacenter", 1'795'312'800'000'000};
  struct Row {
    const char* reply;
    const char* verdict;
    const char* sentence;
    int next_hops;
  };
  const Row rows[] = {
      {"found: true members { adjacency: 2 } adjacency { id: 2 kind: 'neighbor' mac: '02:00:00:00:00:01' }",
       "forward", "to next hop 15.0.0.1 over connection datacenter (port0, VLAN 101), MAC 02:00:00:00:00:01",
       1},
      {"found: true members { adjacency: 4 } adjacency { id: 4 kind: 'glean' } neighbor_state: 'failed'",
       "forward",
       "to host 15.0.0.77 over connection datacenter (port0, VLAN 101), which does not answer: the packet is "
       "held "
       "while it is asked for, then dropped",
       1},
      {"found: true members { adjacency: 1 } adjacency { id: 1 kind: 'local' }", "local",
       "address of connection datacenter", 0},
      {"found: true members { adjacency: 3 } adjacency { id: 3 kind: 'neighbor' } drop_reason: "
       "'next_hop_down'",
       "drop",
       "next hop 15.0.0.9 over connection datacenter (port0, VLAN 101) is down since 2026-11-22 01:58:59 "
       "UTC: "
       "neighbour does not answer",
       1},
      {"found: true members { adjacency: 4 } adjacency { id: 4 kind: 'glean' } drop_reason: "
       "'martian_destination'",
       "drop", "directed broadcast of connection datacenter (port0, VLAN 101)", 1},
      {"found: true members { adjacency: 5 } adjacency { id: 5 kind: 'drop' } drop_reason: 'blackhole'",
       "drop", "the route says to drop", 0},
      {"drop_reason: 'no_route'", "drop", "no route of tenant contoso matches", 0},
  };
  for (const Row& row : rows) {
    DYNAMIC_SECTION(row.sentence) {
      const auto got =
          LookupAnswer(From<dataplane::v1::LookupRouteReply>(row.reply), Adjacencies(), Named, facts);
      CHECK(got.verdict() == row.verdict);
      REQUIRE(got.explanation_size() == 1);
      CHECK(got.explanation(0) == row.sentence);
      CHECK(got.next_hops_size() == row.next_hops);
    }
  }
}

TEST_CASE("a lookup through a tunnel names the tunnel, what is behind it and the way to its far end") {
  LookupFacts facts{"10.1.2.3", "contoso", "", 1'795'312'800'000'000, "subnet web of virtual network inside"};
  facts.behind_tunnels[3] = "10.40.0.2";
  facts.ways["198.51.100.2"] = {"next hop 192.0.2.1 over underlay interface tor-a (edge, VLAN 300)"};
  facts.ways["192.0.2.21"] = {"the link itself over underlay interface tor-a (edge, VLAN 300)"};
  const auto answer = [&](const char* reply) {
    return LookupAnswer(From<dataplane::v1::LookupRouteReply>(reply), Adjacencies(), Named, facts);
  };
  const auto gre =
      answer("found: true members { adjacency: 6 weight: 1 live: true } adjacency { id: 6 kind: 'tunnel' }");
  REQUIRE(gre.explanation_size() == 2);
  CHECK(gre.explanation(0) == "to next hop 10.40.0.2 through connection site (GRE to 198.51.100.2 key 7)");
  CHECK(gre.explanation(1) ==
        "underlay: to 198.51.100.2 by next hop 192.0.2.1 over underlay interface tor-a (edge, VLAN 300)");
  CHECK(gre.next_hops(0).address() == "10.40.0.2");
  CHECK(gre.next_hops(0).port().empty());
  const auto host = answer("found: true members { adjacency: 7 } adjacency { id: 7 kind: 'tunnel' }");
  CHECK(host.explanation(0) ==
        "to host 192.0.2.21 through virtual network inside, subnet web (VXLAN VNI 5001), inner MAC "
        "02:00:5e:00:53:04");
  CHECK(host.next_hops(0).address() == "192.0.2.21");
  facts.ways.clear();
  const auto down =
      answer("found: true members { adjacency: 6 } adjacency { id: 6 } drop_reason: 'next_hop_down'");
  CHECK(down.explanation(0) ==
        "connection site (GRE to 198.51.100.2 key 7) is down since 2026-11-22 01:58:59 UTC: no route to "
        "198.51.100.2");
  CHECK(down.explanation(1) == "underlay: no route to 198.51.100.2");
  const auto unmapped = answer("found: true members { adjacency: 5 } drop_reason: 'blackhole'");
  CHECK(unmapped.explanation(0) == "no mapping for 10.1.2.3 in subnet web of virtual network inside");
}

}  // namespace sluice::api
