// Virtual networks and their mappings for people.
#pragma once

#include <string>
#include <vector>

#include "sluice/gateway/v1/tenant.pb.h"

namespace sluice::ctl {

namespace api = ::sluice::gateway::v1;

struct VirtualNetworkView {
  std::string tenant;
  api::VirtualNetwork spec;
  api::VirtualNetworkStatus status;
};
std::vector<VirtualNetworkView> VirtualNetworksOf(const api::Tenant& tenant);

std::string VirtualNetworksTable(const std::vector<VirtualNetworkView>& views);
std::string VirtualNetworkDescription(const VirtualNetworkView& view);
std::string MappingsTable(const std::vector<api::Mapping>& mappings);
std::string MappingsResultText(const std::string& network, const api::MappingsResult& result);

}  // namespace sluice::ctl
