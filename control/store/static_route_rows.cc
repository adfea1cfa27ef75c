// Compact rows: the body is metric and next hops.
#include "control/store/static_route_rows.h"

#include <optional>
#include <string>

#include "control/store/prefix_set_rows.h"

namespace sluice::store {
namespace {

using net::ByteReader;
using net::ByteWriter;
using tenant::NextHop;
using tenant::StaticRoute;

// In place of the family of a next hop that is a connection itself.
constexpr uint8_t kNoAddress = 0;
constexpr PrefixSetTables kTables{"static_set", "static_route", "SELECT static_set FROM tenant"};

void WriteBody(ByteWriter& out, const StaticRoute& route) {
  out.U32(route.metric);
  out.U8(static_cast<uint8_t>(route.next_hops.size()));
  for (const NextHop& hop : route.next_hops) {
    if (hop.address) {
      WriteAddress(out, *hop.address);
    } else {
      out.U8(kNoAddress);
    }
    out.U16(hop.weight);
    out.U8(static_cast<uint8_t>(hop.connection.size()));
    out.Bytes({reinterpret_cast<const uint8_t*>(hop.connection.data()), hop.connection.size()});
  }
}

std::optional<StaticRoute> Read(const net::Prefix& prefix, ByteReader& in) {
  StaticRoute route{prefix, 0, {}};
  route.metric = in.U32();
  const unsigned count = in.U8();
  for (unsigned i = 0; i < count && in.ok(); ++i) {
    NextHop hop;
    const uint8_t family = in.U8();
    if (family != kNoAddress) {
      hop.address = ReadAddress(in, family);
      if (!hop.address) return std::nullopt;
    }
    hop.weight = in.U16();
    const auto name = in.Take(in.U8());
    hop.connection.assign(name.begin(), name.end());
    route.next_hops.push_back(std::move(hop));
  }
  if (!in.ok() || in.remaining() != 0 || route.next_hops.empty()) return std::nullopt;
  return route;
}

}  // namespace

int64_t CreateStaticSet(Database& database, int64_t tenant_uid) {
  return CreateSet(database, kTables, tenant_uid);
}

void PutStaticRoutes(Database& database, int64_t set, std::span<const StaticRoute> routes) {
  PrefixRowWriter rows(database, kTables, set);
  for (const StaticRoute& route : routes) {
    ByteWriter body;
    WriteBody(body, route);
    rows.Put(route.prefix, body);
  }
}

void RemoveStaticRoutes(Database& database, int64_t set, std::span<const net::Prefix> prefixes) {
  RemoveRows(database, kTables, set, prefixes);
}

uint64_t LoadStaticRoutes(Database& database, int64_t set, absl::FunctionRef<void(StaticRoute)> route) {
  return LoadRows(database, kTables, set, [&](const net::Prefix& prefix, ByteReader& body) {
    auto read = Read(prefix, body);
    if (read) route(*std::move(read));
    return read.has_value();
  });
}

absl::StatusOr<bool> CollectStaticSets(Database& database, std::span<const int64_t> filling, uint32_t rows) {
  return CollectSets(database, kTables, filling, rows);
}

}  // namespace sluice::store
