// The durable desired state of a gateway: one SQLite file and the key that seals
// its secrets. What is here is what was acknowledged; it is there after kill -9.
#pragma once

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "control/store/database.h"
#include "control/store/sealing.h"

namespace sluice::store {

// One thread at a time. Rows are read and written by the functions of
// *_rows.h, which take the database; a request wraps its writes in one
// Transaction.
class Store {
 public:
  // Creates the schema in an empty file, and then the key when there is none. Refuses a
  // file of a newer schema, of another program, in use by another process, or sealed with
  // another key or one that is not there.
  static absl::StatusOr<std::unique_ptr<Store>> Open(const std::string& database_file,
                                                     const std::string& key_file);
  // For a lost key: what it sealed is removed for good, and the file's key, a new one when
  // there is none, seals from now on. FAILED_PRECONDITION when the key is the right one.
  // The number of secrets that were removed.
  static absl::StatusOr<int64_t> ForgetSecrets(const std::string& database_file, const std::string& key_file);

  Database& database() { return *database_; }
  const Sealing& sealing() const { return sealing_; }

 private:
  Store(std::unique_ptr<Database> database, Sealing sealing)
      : database_(std::move(database)), sealing_(std::move(sealing)) {}

  std::unique_ptr<Database> database_;
  Sealing sealing_;
};

}  // namespace sluice::store
