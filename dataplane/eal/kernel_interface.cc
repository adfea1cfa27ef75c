// Quietens the host's stack on interfaces that carry tenants' packets.
#include "dataplane/eal/kernel_interface.h"

#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <fstream>

#include "absl/strings/str_cat.h"

namespace sluice::dataplane {
namespace {

class InterfaceControl {
 public:
  explicit InterfaceControl(const std::string& name)
      : socket_(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)) {
    name.copy(request_.ifr_name, IFNAMSIZ - 1);
  }
  ~InterfaceControl() {
    if (socket_ >= 0) close(socket_);
  }
  InterfaceControl(const InterfaceControl&) = delete;
  InterfaceControl& operator=(const InterfaceControl&) = delete;

  bool SetMtu(uint16_t mtu) {
    request_.ifr_mtu = mtu;
    return ioctl(socket_, SIOCSIFMTU, &request_) == 0;
  }
  bool SetUpWithoutArp() {
    if (ioctl(socket_, SIOCGIFFLAGS, &request_) != 0) return false;
    request_.ifr_flags = static_cast<short>(request_.ifr_flags | IFF_UP | IFF_NOARP);
    return ioctl(socket_, SIOCSIFFLAGS, &request_) == 0;
  }
  // Clears one ethtool feature by its old, driver-independent command.
  bool SwitchOff(uint32_t command) {
    ethtool_value value{command, 0};
    request_.ifr_data = reinterpret_cast<char*>(&value);
    return ioctl(socket_, SIOCETHTOOL, &request_) == 0;
  }
  bool SwitchOffLro() {
    ethtool_value value{ETHTOOL_GFLAGS, 0};
    request_.ifr_data = reinterpret_cast<char*>(&value);
    if (ioctl(socket_, SIOCETHTOOL, &request_) != 0) return false;
    if ((value.data & ETH_FLAG_LRO) == 0) return true;
    value.cmd = ETHTOOL_SFLAGS;
    value.data &= ~static_cast<uint32_t>(ETH_FLAG_LRO);
    return ioctl(socket_, SIOCETHTOOL, &request_) == 0;
  }

 private:
  int socket_;
  ifreq request_{};
};

bool WriteSetting(const std::string& path, const char* value) {
  std::ofstream file(path);
  file << value;
  file.flush();
  return static_cast<bool>(file);
}

}  // namespace

absl::Status SetKernelMtu(const std::string& name, uint16_t mtu_bytes) {
  if (InterfaceControl(name).SetMtu(mtu_bytes)) return absl::OkStatus();
  return absl::UnavailableError(
      absl::StrCat("interface ", name, " refuses mtu ", mtu_bytes, ": ", std::strerror(errno)));
}

absl::Status TakeOverKernelInterface(const std::string& name, uint16_t mtu_bytes,
                                     std::vector<std::string>& remarks) {
  // IPv6 off before the interface comes up, or the host would announce itself.
  const std::string family = "/proc/sys/net/ipv6/conf/" + name;
  if (!WriteSetting(family + "/disable_ipv6", "1"))
    remarks.push_back(absl::StrCat("the host's own IPv6 stays on at ", name, ": ", std::strerror(errno)));
  if (!WriteSetting("/proc/sys/net/ipv4/conf/" + name + "/rp_filter", "1"))
    remarks.push_back(
        absl::StrCat("the host's own IPv4 still listens at ", name, ": ", std::strerror(errno)));
  if (auto sized = SetKernelMtu(name, mtu_bytes); !sized.ok()) return sized;
  InterfaceControl interface(name);
  if (!interface.SwitchOff(ETHTOOL_SGRO) || !interface.SwitchOffLro())
    remarks.push_back(
        absl::StrCat("interface ", name, " may merge received packets: ", std::strerror(errno)));
  if (!interface.SetUpWithoutArp())
    return absl::UnavailableError(
        absl::StrCat("interface ", name, " cannot be set up: ", std::strerror(errno)));
  return absl::OkStatus();
}

}  // namespace sluice::dataplane
