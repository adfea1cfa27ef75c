// A value per object. What configuration states is few and found by hash; adjacencies
// and groups come by the hundred thousand, under numbers that the RIB keeps dense, and
// are found by them: every step of one would else be a miss in a large hash table.
#pragma once

#include <array>
#include <cstddef>
#include <memory>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "control/programming/object_key.h"

namespace sluice::programming {

template <typename Value>
class ObjectMap {
 public:
  // Null when there is none. Of what the RIB made it stays where it is until Erase.
  Value* Find(const ObjectKey& key) {
    if (IsConfigured(key.kind)) {
      const auto at = configured_.find(key);
      return at == configured_.end() ? nullptr : &at->second;
    }
    const auto& values = Made(key.kind);
    return key.id < values.size() ? values[key.id].get() : nullptr;
  }
  const Value* Find(const ObjectKey& key) const { return const_cast<ObjectMap*>(this)->Find(key); }

  Value& FindOrAdd(const ObjectKey& key) {
    if (IsConfigured(key.kind)) return configured_[key];
    auto& values = Made(key.kind);
    if (key.id >= values.size()) values.resize(key.id + size_t{1});
    std::unique_ptr<Value>& at = values[key.id];
    if (at == nullptr) at = std::make_unique<Value>();
    return *at;
  }
  void Erase(const ObjectKey& key) {
    if (IsConfigured(key.kind)) {
      configured_.erase(key);
    } else if (auto& values = Made(key.kind); key.id < values.size()) {
      values[key.id].reset();
    }
  }

  // In no order. `visit(key, value)` neither adds nor erases.
  template <typename Visit>
  void ForEach(Visit visit) {
    for (auto& [key, value] : configured_) visit(key, value);
    for (const ObjectKind kind : {ObjectKind::kAdjacency, ObjectKind::kGroup}) {
      auto& values = Made(kind);
      for (uint32_t id = 0; id < values.size(); ++id)
        if (values[id] != nullptr) visit(ObjectKey{kind, id, {}}, *values[id]);
    }
  }

 private:
  std::vector<std::unique_ptr<Value>>& Made(ObjectKind kind) {
    return made_[kind == ObjectKind::kGroup ? 1 : 0];
  }

  absl::flat_hash_map<ObjectKey, Value> configured_;
  std::array<std::vector<std::unique_ptr<Value>>, 2> made_;  // adjacencies, groups; by id
};

}  // namespace sluice::programming
