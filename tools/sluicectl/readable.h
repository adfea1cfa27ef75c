// What can be read from a gateway, by the names that `get` and `describe` take.
#pragma once

#include <span>
#include <string>

#include "tools/sluicectl/session.h"

namespace sluice::ctl {

// Which of them; empty means all.
struct Selection {
  std::string tenant;
  std::string name;
  std::string connection;
  // Labels of tenants, "key=value".
  std::vector<std::string> labels;
  // Of routes: "best", "received", "advertised", "programmed".
  std::string view = "best";
  std::string within;
  uint64_t limit = 0;
};

using Reading = grpc::Status (*)(Session&, const Selection&);

struct Readable {
  const char* plural;
  const char* singular;
  const char* what;
  Reading get;
  // Null: `describe` shows what `get` shows.
  Reading describe;
};

std::span<const Readable> Readables();
// By plural or singular name; null if there is none.
const Readable* FindReadable(const std::string& name);

// "contoso/inside" is connection inside of tenant contoso; a tenant given twice must be the same.
grpc::Status SplitTenant(Selection& selection);
// The same of `connection`.
grpc::Status SplitConnection(Selection& selection);
// Refuses a part of a tenant whose tenant was not said.
grpc::Status NeedTenant(const Selection& selection);

grpc::Status GetTenants(Session&, const Selection&);
grpc::Status DescribeTenant(Session&, const Selection&);
grpc::Status GetConnections(Session&, const Selection&);
grpc::Status DescribeConnection(Session&, const Selection&);
grpc::Status GetBgpPeers(Session&, const Selection&);
grpc::Status GetPolicyMaps(Session&, const Selection&);
grpc::Status GetVirtualNetworks(Session&, const Selection&);
grpc::Status DescribeVirtualNetwork(Session&, const Selection&);
grpc::Status GetGateway(Session&, const Selection&);
grpc::Status DescribeGateway(Session&, const Selection&);
grpc::Status GetWorkers(Session&, const Selection&);
grpc::Status GetLimits(Session&, const Selection&);
grpc::Status GetPorts(Session&, const Selection&);
grpc::Status DescribePorts(Session&, const Selection&);
grpc::Status GetNeighbors(Session&, const Selection&);
grpc::Status GetDrops(Session&, const Selection&);
grpc::Status GetAudit(Session&, const Selection&);
grpc::Status GetRoutes(Session&, const Selection&);

}  // namespace sluice::ctl
