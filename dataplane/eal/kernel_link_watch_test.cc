// Netlink datagrams in, link changes out.
#include "dataplane/eal/kernel_link_watch.h"

#include <linux/rtnetlink.h>
#include <net/if.h>

#include <catch2/catch.hpp>
#include <cstring>

namespace sluice::dataplane {
namespace {

using Bytes = std::vector<std::byte>;

Bytes LinkMessage(uint16_t type, unsigned flags, const std::string& name) {
  struct {
    nlmsghdr head;
    ifinfomsg link;
    rtattr other;
    uint32_t other_value;
    rtattr attribute;
    char name[16];
  } message{};
  message.head.nlmsg_len = static_cast<uint32_t>(offsetof(decltype(message), name) + name.size() + 1);
  message.head.nlmsg_type = type;
  message.link.ifi_flags = flags;
  message.other = {8, IFLA_MTU};
  message.attribute = {static_cast<uint16_t>(sizeof(rtattr) + name.size() + 1), IFLA_IFNAME};
  name.copy(message.name, sizeof message.name - 1);
  Bytes bytes(NLMSG_ALIGN(message.head.nlmsg_len));
  std::memcpy(bytes.data(), &message, message.head.nlmsg_len);
  return bytes;
}

constexpr unsigned kLowerUp = 1u << 16;

TEST_CASE("a link is up when it is administratively up and has carrier") {
  struct Row {
    const char* what;
    uint16_t type;
    unsigned flags;
    bool up;
  };
  const Row rows[] = {
      {"up with carrier", RTM_NEWLINK, IFF_UP | kLowerUp, true},
      {"up without carrier", RTM_NEWLINK, IFF_UP, false},
      {"carrier but down", RTM_NEWLINK, kLowerUp, false},
      {"deleted", RTM_DELLINK, IFF_UP | kLowerUp, false},
  };
  for (const Row& row : rows) {
    DYNAMIC_SECTION(row.what) {
      const auto changes = ParseLinkMessages(LinkMessage(row.type, row.flags, "eth1"));
      CHECK((changes == std::vector{KernelLinkChange{"eth1", row.up}}));
    }
  }
}

TEST_CASE("several messages of one datagram are all read, others are skipped") {
  Bytes datagram = LinkMessage(RTM_NEWLINK, IFF_UP | kLowerUp, "eth1");
  const Bytes address = LinkMessage(RTM_NEWADDR, 0, "eth2");
  const Bytes down = LinkMessage(RTM_NEWLINK, IFF_UP, "eth3");
  datagram.insert(datagram.end(), address.begin(), address.end());
  datagram.insert(datagram.end(), down.begin(), down.end());
  CHECK((ParseLinkMessages(datagram) ==
         std::vector{KernelLinkChange{"eth1", true}, KernelLinkChange{"eth3", false}}));
}

TEST_CASE("a truncated datagram yields nothing that it does not hold") {
  const Bytes whole = LinkMessage(RTM_NEWLINK, IFF_UP | kLowerUp, "eth1");
  for (size_t cut = 0; cut + 4 < whole.size(); ++cut) {
    const Bytes truncated(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(cut));
    CHECK(ParseLinkMessages(truncated).empty());
  }
}

}  // namespace
}  // namespace sluice::dataplane
