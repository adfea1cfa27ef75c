// rtnetlink behind KernelLinkWatch.
#include "dataplane/eal/kernel_link_watch.h"

#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "absl/strings/str_cat.h"

namespace sluice::dataplane {
namespace {

// <linux/if.h> has it, but does not go together with <net/if.h>.
constexpr unsigned kIffLowerUp = 1u << 16;
constexpr size_t kDatagramBytesMax = 32768;

// The interface's name among the attributes behind `message`; empty if absent.
std::string NameIn(std::span<const std::byte> attributes) {
  while (attributes.size() >= sizeof(rtattr)) {
    rtattr head;
    std::memcpy(&head, attributes.data(), sizeof head);
    if (head.rta_len < sizeof head || head.rta_len > attributes.size()) return {};
    if (head.rta_type == IFLA_IFNAME) {
      const auto* const text = reinterpret_cast<const char*>(attributes.data()) + sizeof head;
      return std::string(text, strnlen(text, head.rta_len - sizeof head));
    }
    attributes = attributes.subspan(std::min<size_t>(RTA_ALIGN(head.rta_len), attributes.size()));
  }
  return {};
}

}  // namespace

std::vector<KernelLinkChange> ParseLinkMessages(std::span<const std::byte> datagram) {
  std::vector<KernelLinkChange> changes;
  while (datagram.size() >= sizeof(nlmsghdr)) {
    nlmsghdr head;
    std::memcpy(&head, datagram.data(), sizeof head);
    if (head.nlmsg_len < sizeof head || head.nlmsg_len > datagram.size()) break;
    const auto body = datagram.subspan(sizeof head, head.nlmsg_len - sizeof head);
    datagram = datagram.subspan(std::min<size_t>(NLMSG_ALIGN(head.nlmsg_len), datagram.size()));
    if (head.nlmsg_type != RTM_NEWLINK && head.nlmsg_type != RTM_DELLINK) continue;
    if (body.size() < sizeof(ifinfomsg)) continue;
    ifinfomsg link;
    std::memcpy(&link, body.data(), sizeof link);
    const std::string name = NameIn(body.subspan(std::min(NLMSG_ALIGN(sizeof link), body.size())));
    if (name.empty()) continue;
    const bool carrier = (link.ifi_flags & IFF_UP) != 0 && (link.ifi_flags & kIffLowerUp) != 0;
    changes.push_back({name, head.nlmsg_type == RTM_NEWLINK && carrier});
  }
  return changes;
}

absl::StatusOr<std::unique_ptr<KernelLinkWatch>> KernelLinkWatch::Open(
    const std::vector<std::string>& interfaces) {
  const int descriptor = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE);
  if (descriptor < 0) return absl::UnavailableError(absl::StrCat("netlink: ", std::strerror(errno)));
  std::unique_ptr<KernelLinkWatch> watch(new KernelLinkWatch(descriptor));
  sockaddr_nl address{};
  address.nl_family = AF_NETLINK;
  address.nl_groups = RTMGRP_LINK;
  if (bind(descriptor, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
      !watch->AskForAll())
    return absl::UnavailableError(absl::StrCat("netlink: ", std::strerror(errno)));
  for (const std::string& interface : interfaces) watch->up_[interface] = false;
  return watch;
}

KernelLinkWatch::~KernelLinkWatch() {
  close(socket_);
}

bool KernelLinkWatch::AskForAll() {
  struct {
    nlmsghdr head;
    ifinfomsg link;
  } request{};
  request.head.nlmsg_len = sizeof request;
  request.head.nlmsg_type = RTM_GETLINK;
  request.head.nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
  request.link.ifi_family = AF_UNSPEC;
  return send(socket_, &request, sizeof request, 0) == sizeof request;
}

std::vector<KernelLinkChange> KernelLinkWatch::Read() {
  std::vector<KernelLinkChange> changes;
  std::array<std::byte, kDatagramBytesMax> buffer;
  while (true) {
    const ssize_t got = recv(socket_, buffer.data(), buffer.size(), 0);
    if (got > 0) {
      for (const auto& seen : ParseLinkMessages(std::span(buffer).first(static_cast<size_t>(got))))
        Note(seen, changes);
      continue;
    }
    // Messages were lost: the state of everything will be told again.
    if (got < 0 && errno == ENOBUFS) {
      AskForAll();
      continue;
    }
    if (got < 0 && errno == EINTR) continue;
    return changes;
  }
}

void KernelLinkWatch::Note(const KernelLinkChange& seen, std::vector<KernelLinkChange>& changes) {
  const auto found = up_.find(seen.interface);
  if (found == up_.end() || found->second == seen.up) return;
  found->second = seen.up;
  changes.push_back(seen);
}

}  // namespace sluice::dataplane
