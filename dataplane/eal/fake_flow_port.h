// A port with room for some rules, for tests of steering.
#pragma once

#include <catch2/catch.hpp>
#include <map>
#include <set>
#include <string>

#include "dataplane/eal/flow_port.h"

namespace sluice::dataplane::testing {

// What a driver would do with the rules, and what it was asked.
struct Hardware {
  size_t room = 100;
  bool marks = true;
  std::string refuses;  // rules whose text has this
  bool creates = true;
  std::map<rte_flow*, std::string> rules;
  unsigned asked = 0;
  uintptr_t next = 1;
};

class FakePort : public FlowPort {
 public:
  explicit FakePort(Hardware& hardware) : hardware_(hardware) {}
  absl::Status Validate(const FlowRule& rule) override {
    ++hardware_.asked;
    const std::string text = rule.ToText();
    if (!hardware_.marks && text.find("mark") != text.npos) return absl::UnavailableError("no such action");
    if (!hardware_.refuses.empty() && text.find(hardware_.refuses) != text.npos)
      return absl::UnavailableError("no such item");
    return absl::OkStatus();
  }
  absl::StatusOr<rte_flow*> Create(const FlowRule& rule) override {
    if (!hardware_.creates || hardware_.rules.size() >= hardware_.room)
      return absl::UnavailableError("table full");
    auto* flow = reinterpret_cast<rte_flow*>(hardware_.next++);
    hardware_.rules[flow] = rule.ToText();
    return flow;
  }
  void Destroy(rte_flow* rule) override { REQUIRE(hardware_.rules.erase(rule) == 1); }

 private:
  Hardware& hardware_;
};

inline std::set<std::string> Texts(const Hardware& hardware) {
  std::set<std::string> texts;
  for (const auto& [flow, text] : hardware.rules) texts.insert(text);
  return texts;
}

}  // namespace sluice::dataplane::testing
