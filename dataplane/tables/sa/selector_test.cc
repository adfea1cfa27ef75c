// Selectors against packets' fields, as RFC 4301 sections 4.4.1 and 7 have it.
#include "dataplane/tables/sa/selector.h"

#include <catch2/catch.hpp>
#include <vector>

namespace sluice::dataplane {
namespace {

SelectorAddress A(const char* text) {
  return SelectorAddress::Of(net::Address::Parse(text).value());
}

constexpr uint8_t kTcp = 6, kUdp = 17, kIcmp = 1;
constexpr PortRange kAny{}, kOpaque{0xffff, 0};

TrafficSelector Selector(uint8_t protocol = 0, PortRange local = kAny, PortRange remote = kAny) {
  return {4, protocol, local, remote, {A("10.1.0.0"), A("10.1.0.255")}, {A("10.2.0.5"), A("10.2.0.9")}};
}

SelectorFields Fields(uint8_t protocol, uint16_t local, uint16_t remote) {
  return {4, protocol, true, local, remote, A("10.1.0.7"), A("10.2.0.7")};
}

SelectorFields WithoutPorts(uint8_t protocol) {
  SelectorFields fields = Fields(protocol, 0, 0);
  fields.has_ports = false;
  return fields;
}

SelectorFields Between(const char* local, const char* remote) {
  SelectorFields fields = Fields(kUdp, 1, 2);
  fields.local = A(local);
  fields.remote = A(remote);
  return fields;
}

}  // namespace

TEST_CASE("a selector matches by ranges of addresses, protocol and ranges of ports") {
  const TrafficSelector ipv6{
      6, 0, kAny, kAny, {A("2001:db8::"), A("2001:db8::ffff")}, {A("::"), A("ffff::")}};
  SelectorFields of_ipv6{6, kTcp, true, 1, 2, A("2001:db8::1"), A("2001:db9::1")};
  SelectorFields beyond = of_ipv6;
  beyond.local = A("2001:db8::1:0");
  const struct {
    const char* what;
    TrafficSelector selector;
    SelectorFields packet;
    bool matches;
  } rows[] = {
      {"inside", Selector(), Fields(kUdp, 1, 2), true},
      {"the first and the last address", Selector(), Between("10.1.0.0", "10.2.0.9"), true},
      {"the last and the first", Selector(), Between("10.1.0.255", "10.2.0.5"), true},
      {"one before", Selector(), Between("10.1.0.1", "10.2.0.4"), false},
      {"one after", Selector(), Between("10.1.0.1", "10.2.0.10"), false},
      {"local above", Selector(), Between("10.1.1.0", "10.2.0.7"), false},
      {"local below", Selector(), Between("10.0.255.255", "10.2.0.7"), false},
      {"the other way round", Selector(), Between("10.2.0.7", "10.1.0.7"), false},
      {"its protocol", Selector(kTcp), Fields(kTcp, 1, 2), true},
      {"another protocol", Selector(kTcp), Fields(kUdp, 1, 2), false},
      {"its local port", Selector(kTcp, {80, 80}), Fields(kTcp, 80, 2), true},
      {"another local port", Selector(kTcp, {80, 80}), Fields(kTcp, 81, 80), false},
      {"its remote ports, the last", Selector(kTcp, kAny, {80, 90}), Fields(kTcp, 1, 90), true},
      {"one above", Selector(kTcp, kAny, {80, 90}), Fields(kTcp, 1, 91), false},
      {"a later fragment, any port", Selector(kTcp), WithoutPorts(kTcp), true},
      {"a later fragment, a port", Selector(kTcp, {80, 80}), WithoutPorts(kTcp), false},
      {"a later fragment, port 0 alone", Selector(kTcp, {0, 0}), WithoutPorts(kTcp), false},
      {"a later fragment, opaque", Selector(kTcp, kOpaque, kOpaque), WithoutPorts(kTcp), true},
      {"ports that are seen, opaque", Selector(kTcp, kOpaque), Fields(kTcp, 80, 80), false},
      {"an ICMP type", Selector(kIcmp, kAny, {0x0800, 0x08ff}), Fields(kIcmp, 0x0800, 0x0800), true},
      {"another ICMP type", Selector(kIcmp, kAny, {0x0800, 0x08ff}), Fields(kIcmp, 0, 0), false},
      {"IPv6", ipv6, of_ipv6, true},
      {"IPv6 beyond the range", ipv6, beyond, false},
      {"the other family", ipv6, Fields(kTcp, 1, 2), false},
  };
  for (const auto& row : rows) {
    INFO(row.what);
    CHECK(Matches(row.selector, row.packet) == row.matches);
  }
}

TEST_CASE("of several selectors one suffices, and none at all matches everything") {
  const std::vector<TrafficSelector> two{Selector(kTcp), Selector(kUdp, {500, 500})};
  CHECK(Matches(two, Fields(kTcp, 1, 2)));
  CHECK(Matches(two, Fields(kUdp, 500, 2)));
  CHECK(!Matches(two, Fields(kUdp, 501, 2)));
  CHECK(Matches(std::span<const TrafficSelector>(), Between("1.2.3.4", "5.6.7.8")));
}

TEST_CASE("a selector that no packet could match, or that asks nobody's ports, is not sound") {
  const auto with = [](auto change) {
    TrafficSelector selector = Selector(kTcp);
    change(selector);
    return IsSound(selector);
  };
  CHECK(with([](auto&) {}));
  CHECK(with([](auto& s) { s.local_ports = kOpaque; }));
  CHECK(!with([](auto& s) { s.family = 5; }));
  CHECK(!with([](auto& s) { std::swap(s.remote.first, s.remote.last); }));
  CHECK(!with([](auto& s) { s.local_ports = {2, 1}; }));
  CHECK(!with([](auto& s) { s.remote.last = A("2001:db8::1"); }));
  CHECK(with([](auto& s) { s.protocol = 0; }));
  CHECK(!with([](auto& s) {
    s.protocol = 0;
    s.local_ports = {1, 2};
  }));
}

}  // namespace sluice::dataplane
