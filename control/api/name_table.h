// Numbers of the dataplane and the names operators know, both ways, as they
// were at one moment. A value: made on the core thread, used on any.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include "control/api/desired_state.h"
#include "control/api/programming_status.h"
#include "sluice/gateway/v1/routes.pb.h"

namespace sluice::api {

class NameTable {
 public:
  struct Link {
    std::string tenant;
    std::string connection;  // of a virtual network "red/web": its subnet
    std::string port;
    uint16_t vlan = 0;
    uint32_t vrf = 0;
    std::string tunnel =
        {};  // "GRE to 198.51.100.2 key 7", "VXLAN VNI 5001"; then there is neither port nor VLAN
  };

  explicit NameTable(const DesiredState& state);

  // Empty, or nullptr, for what is not known (any more).
  std::string TenantOf(uint32_t vrf) const;
  const Link* LinkOf(uint32_t interface) const;
  absl::StatusOr<uint32_t> VrfOf(std::string_view tenant) const;
  absl::StatusOr<uint32_t> InterfaceOf(std::string_view tenant, std::string_view connection) const;
  const std::map<uint32_t, Link>& links() const { return links_; }

 private:
  void AddSubnets(const TenantRecord& record);

  std::map<uint32_t, std::string> tenants_;
  std::map<uint32_t, Link> links_;
};

// Where a link is: "p1, VLAN 100", "GRE to 198.51.100.2 key 7".
std::string PlaceText(const NameTable::Link& link);

// Names a subinterface or tunnel; nullptr for one that is not known (any more).
using LinkOf = absl::FunctionRef<const NameTable::Link*(uint32_t)>;

gateway::v1::RouteSource SourceOf(rib::Source source);
gateway::v1::AddressFamily FamilyOf(net::Family family);
gateway::v1::Route ShowRoute(const RibRoute& route, const std::string& tenant, const NameTable& names);

}  // namespace sluice::api
