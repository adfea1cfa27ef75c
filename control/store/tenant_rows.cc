// SQL of tenants. A connection is a row of its own, so that a change of one does
// not rewrite the others.
#include "control/store/tenant_rows.h"

#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>

#include <map>

#include "proto/net/check.h"

namespace sluice::store {
namespace {

using gateway::v1::Connection;
using tenant::ConnectionNumbers;

// Deterministic bytes, so that equal messages compare equal as stored.
std::string Bytes(const google::protobuf::Message& message) {
  std::string bytes;
  google::protobuf::io::StringOutputStream stream(&bytes);
  google::protobuf::io::CodedOutputStream out(&stream);
  out.SetSerializationDeterministic(true);
  SLUICE_CHECK(message.SerializeToCodedStream(&out));
  out.Trim();
  return bytes;
}

void LoadConnections(Database& database, TenantRow& row) {
  Statement select(database,
                   "SELECT name, connection, interface, policer_in, policer_out, spec FROM connection "
                   "WHERE tenant = ? ORDER BY position");
  select.Bind(row.uid);
  while (select.Step()) {
    ConnectionNumbers& numbers = row.numbers.connections[select.Text(0)];
    numbers.connection = static_cast<uint32_t>(select.Integer(1));
    numbers.interface = static_cast<uint32_t>(select.Integer(2));
    numbers.policer_in = static_cast<uint32_t>(select.Integer(3));
    numbers.policer_out = static_cast<uint32_t>(select.Integer(4));
    const std::string_view bytes = select.Blob(5);
    row.spec.add_connections()->ParseFromArray(bytes.data(), static_cast<int>(bytes.size()));
  }
}

void SaveConnection(Database& database, const TenantRow& row, int position) {
  const Connection& connection = row.spec.connections(position);
  const auto numbers = row.numbers.connections.find(connection.name());
  SLUICE_CHECK(numbers != row.numbers.connections.end());
  Statement(database, "INSERT OR REPLACE INTO connection VALUES (?, ?, ?, ?, ?, ?, ?, ?)")
      .Bind(row.uid)
      .Bind(connection.name())
      .Bind(position)
      .Bind(numbers->second.connection)
      .Bind(numbers->second.interface)
      .Bind(numbers->second.policer_in)
      .Bind(numbers->second.policer_out)
      .BindBlob(Bytes(connection))
      .Run();
}

void SaveConnections(Database& database, const TenantRow& row, const TenantRow* before) {
  std::map<std::string, std::pair<int, std::string>> stored;  // name -> position, bytes
  for (int i = 0; before != nullptr && i < before->spec.connections_size(); ++i)
    stored[before->spec.connections(i).name()] = {i, Bytes(before->spec.connections(i))};
  for (int i = 0; i < row.spec.connections_size(); ++i) {
    const Connection& connection = row.spec.connections(i);
    const auto old = stored.find(connection.name());
    const bool same =
        old != stored.end() && old->second == std::pair(i, Bytes(connection)) &&
        before->numbers.connections.at(connection.name()) == row.numbers.connections.at(connection.name());
    if (!same) SaveConnection(database, row, i);
    if (old != stored.end()) stored.erase(old);
  }
  for (const auto& [name, rest] : stored)
    Statement(database, "DELETE FROM connection WHERE tenant = ? AND name = ?")
        .Bind(row.uid)
        .Bind(name)
        .Run();
}

void LoadVirtualNetworks(Database& database, TenantRow& row) {
  Statement networks(database,
                     "SELECT name, mappings_version, mapping_set FROM virtual_network WHERE tenant = ?");
  networks.Bind(row.uid);
  while (networks.Step())
    row.mappings[networks.Text(0)] = {static_cast<uint64_t>(networks.Integer(1)), networks.Integer(2)};
  Statement subnets(database, "SELECT virtual_network, name, interface FROM virtual_subnet WHERE tenant = ?");
  subnets.Bind(row.uid);
  while (subnets.Step())
    row.numbers.subnets[{subnets.Text(0), subnets.Text(1)}] = static_cast<uint32_t>(subnets.Integer(2));
}

void SaveMappings(Database& database, const TenantRow& row, const TenantRow* before) {
  static const std::map<std::string, MappingsRow> kNone;
  const auto& stored = before == nullptr ? kNone : before->mappings;
  for (const auto& [name, mappings] : row.mappings) {
    const auto old = stored.find(name);
    if (old != stored.end() && old->second == mappings) continue;
    Statement(database, "INSERT OR REPLACE INTO virtual_network VALUES (?, ?, ?, ?)")
        .Bind(row.uid)
        .Bind(name)
        .Bind(static_cast<int64_t>(mappings.version))
        .Bind(mappings.set)
        .Run();
  }
  for (const auto& [name, old] : stored) {
    if (row.mappings.contains(name)) continue;
    Statement(database, "DELETE FROM virtual_network WHERE tenant = ? AND name = ?")
        .Bind(row.uid)
        .Bind(name)
        .Run();
  }
}

void SaveSubnets(Database& database, const TenantRow& row, const TenantRow* before) {
  static const std::map<tenant::SubnetName, uint32_t> kNone;
  const auto& stored = before == nullptr ? kNone : before->numbers.subnets;
  for (const auto& [name, interface] : row.numbers.subnets) {
    const auto old = stored.find(name);
    if (old != stored.end() && old->second == interface) continue;
    Statement(database, "INSERT OR REPLACE INTO virtual_subnet VALUES (?, ?, ?, ?)")
        .Bind(row.uid)
        .Bind(name.virtual_network)
        .Bind(name.subnet)
        .Bind(interface)
        .Run();
  }
  for (const auto& [name, interface] : stored) {
    if (row.numbers.subnets.contains(name)) continue;
    Statement(database, "DELETE FROM virtual_subnet WHERE tenant = ? AND virtual_network = ? AND name = ?")
        .Bind(row.uid)
        .Bind(name.virtual_network)
        .Bind(name.subnet)
        .Run();
  }
}

}  // namespace

std::optional<GatewayRow> LoadGateway(Database& database) {
  Statement select(database, "SELECT generation, update_us, spec FROM gateway");
  if (!select.Step()) return std::nullopt;
  GatewayRow row;
  row.generation = static_cast<uint64_t>(select.Integer(0));
  row.update_us = select.Integer(1);
  const std::string_view bytes = select.Blob(2);
  row.spec.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()));
  Statement interfaces(database, "SELECT name, interface FROM underlay_interface");
  while (interfaces.Step())
    row.underlay_numbers[interfaces.Text(0)] = static_cast<uint32_t>(interfaces.Integer(1));
  return row;
}

void SaveGateway(Database& database, const GatewayRow& row) {
  Statement(database, "INSERT OR REPLACE INTO gateway VALUES (1, ?, ?, ?)")
      .Bind(static_cast<int64_t>(row.generation))
      .Bind(row.update_us)
      .BindBlob(Bytes(row.spec))
      .Run();
  database.Execute("DELETE FROM underlay_interface");
  Statement insert(database, "INSERT INTO underlay_interface VALUES (?, ?)");
  for (const auto& [name, interface] : row.underlay_numbers) insert.Bind(name).Bind(interface).Run();
}

std::vector<TenantRow> LoadTenants(Database& database) {
  std::vector<TenantRow> rows;
  Statement select(
      database,
      "SELECT uid, name, generation, create_us, update_us, manager, diverged, vrf, spec, static_version, "
      "static_set FROM tenant ORDER BY name");
  while (select.Step()) {
    TenantRow row;
    row.uid = select.Integer(0);
    row.name = select.Text(1);
    row.generation = static_cast<uint64_t>(select.Integer(2));
    row.create_us = select.Integer(3);
    row.update_us = select.Integer(4);
    row.manager = select.Text(5);
    row.diverged = select.Integer(6) != 0;
    row.numbers.vrf = static_cast<uint32_t>(select.Integer(7));
    const std::string_view bytes = select.Blob(8);
    row.spec.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()));
    row.static_version = static_cast<uint64_t>(select.Integer(9));
    row.static_set = select.Integer(10);
    LoadConnections(database, row);
    LoadVirtualNetworks(database, row);
    rows.push_back(std::move(row));
  }
  return rows;
}

void SaveTenant(Database& database, TenantRow& row, const TenantRow* before) {
  gateway::v1::TenantSpec rest = row.spec;
  rest.clear_connections();
  const char* sql =
      row.uid == 0
          ? "INSERT INTO tenant (name, generation, create_us, update_us, manager, diverged, vrf, spec, "
            "static_version, static_set) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
          : "UPDATE tenant SET name = ?, generation = ?, create_us = ?, update_us = ?, manager = ?, "
            "diverged = ?, vrf = ?, spec = ?, static_version = ?, static_set = ? WHERE uid = ?";
  Statement save(database, sql);
  save.Bind(row.name)
      .Bind(static_cast<int64_t>(row.generation))
      .Bind(row.create_us)
      .Bind(row.update_us)
      .Bind(row.manager)
      .Bind(row.diverged ? 1 : 0)
      .Bind(row.numbers.vrf)
      .BindBlob(Bytes(rest))
      .Bind(static_cast<int64_t>(row.static_version))
      .Bind(row.static_set);
  if (row.uid != 0) save.Bind(row.uid);
  save.Run();
  if (row.uid == 0) row.uid = database.LastInsertId();
  SaveConnections(database, row, before);
  SaveMappings(database, row, before);
  SaveSubnets(database, row, before);
}

void DeleteTenant(Database& database, const TenantRow& row) {
  Statement(database, "DELETE FROM tenant WHERE uid = ?").Bind(row.uid).Run();
}

}  // namespace sluice::store
