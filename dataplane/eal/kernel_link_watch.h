// The carrier of kernel network interfaces, from rtnetlink: af_packet, af_xdp and
// tap ports report "up" whatever their peer does, the kernel knows better.
#pragma once

#include <cstddef>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace sluice::dataplane {

struct KernelLinkChange {
  std::string interface;
  bool up = false;  // IFF_UP and carrier (IFF_LOWER_UP)

  friend bool operator==(const KernelLinkChange&, const KernelLinkChange&) = default;
};

// What the messages of one netlink datagram say about links. Separate from the
// socket so that tests can feed it bytes. A deleted interface is down.
std::vector<KernelLinkChange> ParseLinkMessages(std::span<const std::byte> datagram);

// One thread's. Interfaces may vanish and come back under their name.
class KernelLinkWatch {
 public:
  static absl::StatusOr<std::unique_ptr<KernelLinkWatch>> Open(const std::vector<std::string>& interfaces);
  ~KernelLinkWatch();
  KernelLinkWatch(const KernelLinkWatch&) = delete;
  KernelLinkWatch& operator=(const KernelLinkWatch&) = delete;

  // Readable when Read has something.
  int poll_fd() const { return socket_; }
  // What changed since the last call; never waits. The first call reports every
  // interface that is up.
  std::vector<KernelLinkChange> Read();

 private:
  explicit KernelLinkWatch(int socket) : socket_(socket) {}
  bool AskForAll();
  void Note(const KernelLinkChange& seen, std::vector<KernelLinkChange>& changes);

  int socket_;
  std::map<std::string, bool> up_;  // the interfaces of interest
};

}  // namespace sluice::dataplane
