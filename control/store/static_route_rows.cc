// Compact rows: the key sorts as prefixes do, the body is metric and next hops.
#include "control/store/static_route_rows.h"

#include <algorithm>
#include <optional>
#include <string>

#include "proto/net/byte_reader.h"
#include "proto/net/byte_writer.h"

namespace sluice::store {
namespace {

using net::ByteReader;
using net::ByteWriter;
using tenant::NextHop;
using tenant::StaticRoute;

std::string_view Text(const ByteWriter& writer) {
  return {reinterpret_cast<const char*>(writer.bytes().data()), writer.size()};
}
std::span<const uint8_t> Span(std::string_view text) {
  return {reinterpret_cast<const uint8_t*>(text.data()), text.size()};
}

// In place of the family of a next hop that is a connection itself.
constexpr uint8_t kNoAddress = 0;

void WriteAddress(ByteWriter& out, const net::Address& address) {
  out.U8(address.is_v4() ? 4 : 6);
  if (address.is_v4()) {
    out.U32(address.v4().value);
  } else {
    out.Bytes(address.v6().bytes);
  }
}

std::optional<net::Address> ReadAddress(ByteReader& in, uint8_t family) {
  if (family == 4) return net::Ipv4Address{in.U32()};
  const auto bytes = in.Take(16);
  if (family != 6 || bytes.size() != 16) return std::nullopt;
  return net::Ipv6Address::FromBytes(bytes.data());
}

void WriteKey(ByteWriter& out, const net::Prefix& prefix) {
  WriteAddress(out, prefix.address());
  out.U8(prefix.length());
}

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
    out.Bytes(Span(hop.connection));
  }
}

std::optional<StaticRoute> Read(std::string_view key, std::string_view body) {
  ByteReader key_in(Span(key));
  const auto address = ReadAddress(key_in, key_in.U8());
  const uint8_t length = key_in.U8();
  if (!address || !key_in.ok() || length > address->BitLength()) return std::nullopt;
  StaticRoute route{net::Prefix(*address, length), 0, {}};
  ByteReader in(Span(body));
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

// Sets that no tenant names, apart from those being filled.
std::optional<int64_t> Abandoned(Database& database, std::span<const int64_t> filling) {
  Statement select(database, "SELECT id FROM static_set WHERE id NOT IN (SELECT static_set FROM tenant)");
  while (select.Step())
    if (std::find(filling.begin(), filling.end(), select.Integer(0)) == filling.end())
      return select.Integer(0);
  return std::nullopt;
}

}  // namespace

int64_t CreateStaticSet(Database& database, int64_t tenant_uid) {
  Statement(database, "INSERT INTO static_set (tenant) VALUES (?)").Bind(tenant_uid).Run();
  return database.LastInsertId();
}

void PutStaticRoutes(Database& database, int64_t set, std::span<const StaticRoute> routes) {
  Statement insert(database, "INSERT OR REPLACE INTO static_route VALUES (?, ?, ?)");
  for (const StaticRoute& route : routes) {
    ByteWriter key;
    WriteKey(key, route.prefix);
    ByteWriter body;
    WriteBody(body, route);
    insert.Bind(set).BindBlob(Text(key)).BindBlob(Text(body)).Run();
  }
}

void RemoveStaticRoutes(Database& database, int64_t set, std::span<const net::Prefix> prefixes) {
  Statement remove(database, "DELETE FROM static_route WHERE static_set = ? AND prefix = ?");
  for (const net::Prefix& prefix : prefixes) {
    ByteWriter key;
    WriteKey(key, prefix);
    remove.Bind(set).BindBlob(Text(key)).Run();
  }
}

uint64_t LoadStaticRoutes(Database& database, int64_t set, absl::FunctionRef<void(StaticRoute)> route) {
  uint64_t unreadable = 0;
  Statement select(database, "SELECT prefix, body FROM static_route WHERE static_set = ? ORDER BY prefix");
  select.Bind(set);
  while (select.Step()) {
    if (auto read = Read(select.Blob(0), select.Blob(1))) {
      route(*std::move(read));
    } else {
      ++unreadable;
    }
  }
  return unreadable;
}

absl::StatusOr<bool> CollectStaticSets(Database& database, std::span<const int64_t> filling, uint32_t rows) {
  const auto set = Abandoned(database, filling);
  if (!set) return false;
  Transaction transaction(database);
  {
    Statement remove(database,
                     "DELETE FROM static_route WHERE static_set = ?1 AND prefix IN "
                     "(SELECT prefix FROM static_route WHERE static_set = ?1 LIMIT ?2)");
    remove.Bind(*set).Bind(rows).Run();
  }
  if (database.Changes() < rows) Statement(database, "DELETE FROM static_set WHERE id = ?").Bind(*set).Run();
  if (absl::Status status = transaction.Commit(); !status.ok()) return status;
  return true;
}

}  // namespace sluice::store
