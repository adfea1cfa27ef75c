// SQL of prefix sets; keys sort as prefixes do.
#include "control/store/prefix_set_rows.h"

#include <algorithm>
#include <optional>

#include "absl/strings/str_cat.h"

namespace sluice::store {
namespace {

using net::ByteReader;
using net::ByteWriter;

std::string_view Text(const ByteWriter& writer) {
  return {reinterpret_cast<const char*>(writer.bytes().data()), writer.size()};
}
std::span<const uint8_t> Span(std::string_view text) {
  return {reinterpret_cast<const uint8_t*>(text.data()), text.size()};
}

void WriteKey(ByteWriter& out, const net::Prefix& prefix) {
  WriteAddress(out, prefix.address());
  out.U8(prefix.length());
}

std::optional<net::Prefix> ReadKey(std::string_view key) {
  ByteReader in(Span(key));
  const auto address = ReadAddress(in, in.U8());
  const uint8_t length = in.U8();
  if (!address || !in.ok() || length > address->BitLength()) return std::nullopt;
  return net::Prefix(*address, length);
}

std::optional<int64_t> Abandoned(Database& database, const PrefixSetTables& tables,
                                 std::span<const int64_t> filling) {
  Statement select(
      database,
      absl::StrCat("SELECT id FROM ", tables.sets, " WHERE id NOT IN (", tables.named, ")").c_str());
  while (select.Step())
    if (std::find(filling.begin(), filling.end(), select.Integer(0)) == filling.end())
      return select.Integer(0);
  return std::nullopt;
}

}  // namespace

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

int64_t CreateSet(Database& database, const PrefixSetTables& tables, int64_t tenant_uid) {
  Statement(database, absl::StrCat("INSERT INTO ", tables.sets, " (tenant) VALUES (?)").c_str())
      .Bind(tenant_uid)
      .Run();
  return database.LastInsertId();
}

PrefixRowWriter::PrefixRowWriter(Database& database, const PrefixSetTables& tables, int64_t set)
    : insert_(database, absl::StrCat("INSERT OR REPLACE INTO ", tables.rows, " VALUES (?, ?, ?)").c_str()),
      set_(set) {}

void PrefixRowWriter::Put(const net::Prefix& prefix, const ByteWriter& body) {
  ByteWriter key;
  WriteKey(key, prefix);
  insert_.Bind(set_).BindBlob(Text(key)).BindBlob(Text(body)).Run();
}

void RemoveRows(Database& database, const PrefixSetTables& tables, int64_t set,
                std::span<const net::Prefix> prefixes) {
  Statement remove(
      database,
      absl::StrCat("DELETE FROM ", tables.rows, " WHERE ", tables.sets, " = ? AND prefix = ?").c_str());
  for (const net::Prefix& prefix : prefixes) {
    ByteWriter key;
    WriteKey(key, prefix);
    remove.Bind(set).BindBlob(Text(key)).Run();
  }
}

uint64_t LoadRows(Database& database, const PrefixSetTables& tables, int64_t set,
                  absl::FunctionRef<bool(const net::Prefix&, ByteReader&)> row) {
  uint64_t unreadable = 0;
  Statement select(database, absl::StrCat("SELECT prefix, body FROM ", tables.rows, " WHERE ", tables.sets,
                                          " = ? ORDER BY prefix")
                                 .c_str());
  select.Bind(set);
  while (select.Step()) {
    const auto prefix = ReadKey(select.Blob(0));
    ByteReader body(Span(select.Blob(1)));
    if (!prefix || !row(*prefix, body)) ++unreadable;
  }
  return unreadable;
}

absl::StatusOr<bool> CollectSets(Database& database, const PrefixSetTables& tables,
                                 std::span<const int64_t> filling, uint32_t rows) {
  const auto set = Abandoned(database, tables, filling);
  if (!set) return false;
  Transaction transaction(database);
  {
    Statement remove(database, absl::StrCat("DELETE FROM ", tables.rows, " WHERE ", tables.sets,
                                            " = ?1 AND prefix IN (SELECT prefix FROM ", tables.rows,
                                            " WHERE ", tables.sets, " = ?1 LIMIT ?2)")
                                   .c_str());
    remove.Bind(*set).Bind(rows).Run();
  }
  if (database.Changes() < rows)
    Statement(database, absl::StrCat("DELETE FROM ", tables.sets, " WHERE id = ?").c_str()).Bind(*set).Run();
  if (absl::Status status = transaction.Commit(); !status.ok()) return status;
  return true;
}

}  // namespace sluice::store
