// What validation found wrong with a request: every fault with the path of its
// field, the object's name, and what would be accepted instead.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::tenant {

enum class Fault : uint8_t {
  kInvalid,        // can never be accepted like this
  kLimit,          // a named limit is reached
  kUnimplemented,  // understood, and not there yet
};

struct Finding {
  Fault fault = Fault::kInvalid;
  std::string field;        // "spec.connections[0].l3.vlan"
  std::string object;       // "tenants/contoso/connections/los-angeles"
  std::string description;  // what is wrong; what would be accepted
  std::string limit;        // name of the limit or of what is not implemented

  friend bool operator==(const Finding&, const Finding&) = default;
};

// Where in a request one is: the field's path and the object it belongs to.
struct Place {
  std::string field;
  std::string object;

  Place Field(std::string_view name) const;
  Place Element(std::string_view list, size_t index) const;
  // The same field, as part of another object.
  Place Of(std::string object_name) const { return {field, std::move(object_name)}; }
};

// Collects findings in the order they were made. Beyond kFindingsMax they are
// only counted, because one wrong file can have a million.
class Findings {
 public:
  static constexpr size_t kFindingsMax = 100;

  void Invalid(const Place& place, std::string description);
  // `limit` is the limit's name; both figures belong into the description.
  void Limit(const Place& place, std::string_view limit, std::string description);
  // `what` is named as an operator would, e.g. "IPsec connections".
  void Unimplemented(const Place& place, std::string_view what);

  bool empty() const { return count_ == 0; }
  size_t count() const { return count_; }
  // Those that keep the object from being programmed: all but limits.
  size_t blocking_count() const { return blocking_count_; }
  const std::vector<Finding>& list() const { return list_; }

 private:
  void Add(Finding finding);

  std::vector<Finding> list_;
  size_t count_ = 0;
  size_t blocking_count_ = 0;
};

}  // namespace sluice::tenant
