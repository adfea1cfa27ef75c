// What the host offers, as values: read once at start, so that the check of the
// start-up file is a pure function that tests can feed with any machine.
#pragma once

#include <cstdint>
#include <set>
#include <string>

namespace sluice::dataplane {

struct HostFacts {
  std::set<uint32_t> cores;  // this process may run on
  uint64_t free_huge_page_mib = 0;
  std::set<std::string> network_interfaces;  // of this network namespace
  std::set<std::string> pci_functions;       // "0000:3b:00.0", every function of the host
  bool may_open_raw_sockets = false;         // CAP_NET_RAW
  bool may_administer_network = false;       // CAP_NET_ADMIN
  bool may_use_pci = false;                  // CAP_SYS_ADMIN: physical addresses and VFIO groups
};

// Reads sysfs, /proc and the capabilities of this process.
HostFacts ReadHostFacts();

}  // namespace sluice::dataplane
