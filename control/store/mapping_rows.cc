// Compact rows: the body is host, inner MAC and subnet.
#include "control/store/mapping_rows.h"

#include <algorithm>
#include <optional>

#include "control/store/prefix_set_rows.h"

namespace sluice::store {
namespace {

using net::ByteReader;
using net::ByteWriter;
using tenant::Mapping;

constexpr PrefixSetTables kTables{"mapping_set", "mapping", "SELECT mapping_set FROM virtual_network"};

void WriteBody(ByteWriter& out, const Mapping& mapping) {
  WriteAddress(out, mapping.provider);
  out.Bytes(mapping.mac.bytes);
  out.U8(static_cast<uint8_t>(mapping.subnet.size()));
  out.Bytes({reinterpret_cast<const uint8_t*>(mapping.subnet.data()), mapping.subnet.size()});
}

std::optional<Mapping> Read(const net::Prefix& prefix, ByteReader& in) {
  const auto provider = ReadAddress(in, in.U8());
  const auto mac = in.Take(6);
  const auto subnet = in.Take(in.U8());
  if (!provider || !in.ok() || in.remaining() != 0) return std::nullopt;
  Mapping mapping{prefix, std::string(subnet.begin(), subnet.end()), *provider, {}};
  std::copy_n(mac.begin(), 6, mapping.mac.bytes.begin());
  return mapping;
}

}  // namespace

int64_t CreateMappingSet(Database& database, int64_t tenant_uid) {
  return CreateSet(database, kTables, tenant_uid);
}

void PutMappings(Database& database, int64_t set, std::span<const Mapping> mappings) {
  PrefixRowWriter rows(database, kTables, set);
  for (const Mapping& mapping : mappings) {
    ByteWriter body;
    WriteBody(body, mapping);
    rows.Put(mapping.prefix, body);
  }
}

void RemoveMappings(Database& database, int64_t set, std::span<const net::Prefix> prefixes) {
  RemoveRows(database, kTables, set, prefixes);
}

uint64_t LoadMappings(Database& database, int64_t set, absl::FunctionRef<void(const Mapping&)> mapping) {
  return LoadRows(database, kTables, set, [&](const net::Prefix& prefix, ByteReader& body) {
    const auto read = Read(prefix, body);
    if (read) mapping(*read);
    return read.has_value();
  });
}

absl::StatusOr<bool> CollectMappingSets(Database& database, std::span<const int64_t> filling, uint32_t rows) {
  return CollectSets(database, kTables, filling, rows);
}

}  // namespace sluice::store
