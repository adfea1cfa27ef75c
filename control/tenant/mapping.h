// Customer to provider mappings of requests as values. Reports by complaint instead
// of by path, because a hundred thousand of them pass here and nearly all are right.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "control/tenant/model.h"
#include "proto/net/prefix.h"
#include "sluice/gateway/v1/virtual_network.pb.h"

namespace sluice::tenant {

// What is wrong with a mapping: its field and why.
struct MappingComplaint {
  std::string field;
  std::string description;
};

// What mappings of one virtual network are judged by; a value, for any thread.
class MappingRules {
 public:
  // `network` is one of `model`'s, over `underlay`.
  MappingRules(const TenantModel& model, const VirtualNetwork& network, const UnderlayModel& underlay);

  // In canonical form: the subnet is named.
  std::optional<Mapping> Parse(const gateway::v1::Mapping& wanted, MappingComplaint& complaint) const;
  // Why a mapping that was parsed under other rules does not stand under these; absent when it does.
  std::optional<MappingComplaint> Complaint(const Mapping& mapping) const;
  // What they were made for.
  const UnderlayModel& underlay() const { return underlay_; }

 private:
  struct Subnet {
    net::Prefix prefix;
    std::string name;   // of this virtual network's; else empty
    std::string owner;  // "subnet web", "connection paris"
  };
  const VirtualSubnet* Find(const std::string& name) const;
  std::optional<MappingComplaint> CheckPrefix(const Mapping& mapping) const;
  std::optional<MappingComplaint> CheckHost(const Mapping& mapping) const;
  std::string SubnetNames() const;

  VirtualNetwork network_;
  UnderlayModel underlay_;
  std::vector<Subnet> subnets_;  // of the whole tenant
};

// "10.1.0.4" and "10.1.0.4/32" are the same prefix; absent when it is neither.
std::optional<net::Prefix> ParseCustomerPrefix(const std::string& text);
std::string CustomerPrefixText(const net::Prefix& prefix);

void ToProto(const Mapping& mapping, gateway::v1::Mapping& out);

}  // namespace sluice::tenant
