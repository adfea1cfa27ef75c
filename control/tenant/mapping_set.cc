// Mappings in order of prefix, and the merge that finds a difference in one pass.
#include "control/tenant/mapping_set.h"

#include <algorithm>
#include <limits>

#include "proto/net/check.h"

namespace sluice::tenant {

uint16_t MappingSet::IndexOf(const std::string& subnet) {
  const auto at =
      std::find_if(subnets_.begin(), subnets_.end(), [&](const Subnet& each) { return each.name == subnet; });
  if (at != subnets_.end()) return static_cast<uint16_t>(at - subnets_.begin());
  // A name that nothing has any more makes room.
  const auto unused =
      std::find_if(subnets_.begin(), subnets_.end(), [](const Subnet& each) { return each.mappings == 0; });
  if (unused != subnets_.end()) {
    unused->name = subnet;
    return static_cast<uint16_t>(unused - subnets_.begin());
  }
  SLUICE_CHECK(subnets_.size() <= std::numeric_limits<uint16_t>::max());
  subnets_.push_back({subnet, 0});
  return static_cast<uint16_t>(subnets_.size() - 1);
}

uint64_t MappingSet::CountTo(const net::Address& host) const {
  const auto found = hosts_.find(host);
  return found == hosts_.end() ? 0 : found->second;
}

void MappingSet::Release(const Value& value) {
  --subnets_[value.subnet].mappings;
  const auto host = hosts_.find(value.provider);
  if (--host->second == 0) hosts_.erase(host);
}

bool MappingSet::Put(const Mapping& mapping) {
  const Value value{mapping.provider, mapping.mac, IndexOf(mapping.subnet)};
  ++subnets_[value.subnet].mappings;
  ++hosts_[value.provider];
  const auto [at, fresh] = mappings_.try_emplace(mapping.prefix, value);
  if (fresh) return true;
  Release(at->second);
  at->second = value;
  return false;
}

bool MappingSet::Remove(const net::Prefix& prefix) {
  const auto at = mappings_.find(prefix);
  if (at == mappings_.end()) return false;
  Release(at->second);
  mappings_.erase(at);
  return true;
}

uint64_t MappingSet::CountIn(std::string_view subnet) const {
  for (const Subnet& each : subnets_)
    if (each.name == subnet) return each.mappings;
  return 0;
}

bool MappingDifference::Advance(size_t prefixes, absl::FunctionRef<void(const Mapping&)> put,
                                absl::FunctionRef<void(const net::Prefix&)> remove) {
  const auto old_end = before_.mappings().end();
  const auto new_end = after_.mappings().end();
  for (; prefixes > 0 && (old_at_ != old_end || new_at_ != new_end); --prefixes) {
    if (new_at_ == new_end || (old_at_ != old_end && old_at_->first < new_at_->first)) {
      remove(old_at_->first);
      ++counts_.removed;
      ++old_at_;
    } else if (old_at_ == old_end || new_at_->first < old_at_->first) {
      put(after_.At(new_at_));
      ++counts_.added;
      ++new_at_;
    } else {
      const Mapping wanted = after_.At(new_at_);
      if (!(before_.At(old_at_) == wanted)) {
        put(wanted);
        ++counts_.changed;
      }
      ++old_at_;
      ++new_at_;
    }
  }
  return old_at_ != old_end || new_at_ != new_end;
}

MappingCounts CountDifference(const MappingSet& before, const MappingSet& after) {
  MappingDifference difference(before, after);
  difference.Advance(
      before.size() + after.size(), [](const Mapping&) {}, [](const net::Prefix&) {});
  return difference.counts();
}

}  // namespace sluice::tenant
