// Compares frames in tests so that a failure names the field.
#pragma once

#include <catch2/catch.hpp>
#include <string>

#include "tests/lib/packet.h"

namespace sluice::testing {

inline void CheckSameFrame(const Bytes& got, const Bytes& expected) {
  const Fields got_fields = Dissect(got), expected_fields = Dissect(expected);
  Fields all = got_fields;
  all.insert(expected_fields.begin(), expected_fields.end());
  for (const auto& [name, unused] : all) {
    const auto got_at = got_fields.find(name), expected_at = expected_fields.find(name);
    INFO("field " << name);
    CHECK((got_at == got_fields.end() ? "absent" : got_at->second) ==
          (expected_at == expected_fields.end() ? "absent" : expected_at->second));
  }
}

}  // namespace sluice::testing
