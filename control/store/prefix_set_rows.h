// Rows of large sets that are keyed by prefix: static routes, mappings. A set is
// filled unseen, over several transactions, and belongs to its owner once the
// owner's row names it; what no owner names is collected in portions.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "absl/functional/function_ref.h"
#include "control/store/database.h"
#include "proto/net/byte_reader.h"
#include "proto/net/byte_writer.h"
#include "proto/net/prefix.h"

namespace sluice::store {

// Where the sets of one kind are. The column of `rows` that names a row's set is called as `sets`.
struct PrefixSetTables {
  const char* sets;
  const char* rows;
  const char* named;  // a query for the sets that owners name
};

// A new, empty set that nobody names yet.
int64_t CreateSet(Database& database, const PrefixSetTables& tables, int64_t tenant_uid);
// Adds or replaces; in order of prefix it is fastest. `body` is what Row reads back.
class PrefixRowWriter {
 public:
  PrefixRowWriter(Database& database, const PrefixSetTables& tables, int64_t set);
  void Put(const net::Prefix& prefix, const net::ByteWriter& body);

 private:
  Statement insert_;
  const int64_t set_;
};
void RemoveRows(Database& database, const PrefixSetTables& tables, int64_t set,
                std::span<const net::Prefix> prefixes);
// In order of prefix. Answers how many rows could not be read: with a damaged key, or for which
// `row` said no.
uint64_t LoadRows(Database& database, const PrefixSetTables& tables, int64_t set,
                  absl::FunctionRef<bool(const net::Prefix&, net::ByteReader&)> row);
// Deletes up to `rows` rows of sets that nobody names, other than `filling`, in a transaction of
// its own. False when nothing is left.
absl::StatusOr<bool> CollectSets(Database& database, const PrefixSetTables& tables,
                                 std::span<const int64_t> filling, uint32_t rows);

// Addresses inside bodies.
void WriteAddress(net::ByteWriter& out, const net::Address& address);
// `family`, 4 or 6, was read already.
std::optional<net::Address> ReadAddress(net::ByteReader& in, uint8_t family);

}  // namespace sluice::store
