// Conditions of a resource as they are collected, and their roll-up.
#pragma once

#include <google/protobuf/repeated_field.h>

#include <cstdint>
#include <string>
#include <string_view>

#include "control/api/desired_state.h"
#include "sluice/gateway/v1/state.pb.h"

namespace sluice::api {

// Appends to `out`; `times` remembers when the status of each last changed.
class Conditions {
 public:
  using List = google::protobuf::RepeatedPtrField<gateway::v1::Condition>;

  Conditions(List& out, std::string object, uint64_t generation, int64_t now_us, ConditionTimes& times)
      : out_(out), object_(std::move(object)), generation_(generation), now_us_(now_us), times_(times) {}

  void True(std::string_view type, std::string_view reason, std::string message = {});
  // `severity` says how bad it is that it is not so.
  void False(std::string_view type, gateway::v1::Severity severity, std::string_view reason,
             std::string message);
  // Nobody can say; what is wrong then is another condition's.
  void Unknown(std::string_view type, std::string_view reason, std::string message);
  // A condition that is bad when it is true.
  void Alert(std::string_view type, std::string_view reason, std::string message);

 private:
  void Add(std::string_view type, gateway::v1::ConditionStatus status, gateway::v1::Severity severity,
           std::string_view reason, std::string message);

  List& out_;
  const std::string object_;
  const uint64_t generation_;
  const int64_t now_us_;
  ConditionTimes& times_;
};

// Reasons that more than one object gives.
inline constexpr char kDataplaneAway[] = "DataplaneAway";  // a fault of its own
inline constexpr char kNoDataplane[] = "NoDataplane";      // what cannot be known without
inline constexpr char kNotValid[] = "NotValid";
// Of the gateway, which tell in short what tenants tell themselves.
inline constexpr char kTenantsRefused[] = "TenantsRefused";
inline constexpr char kTenantsNotValid[] = "TenantsNotValid";

// The worst of `conditions`. IN_PROGRESS is one that only waits (severity INFO).
gateway::v1::ConfigurationState RollUp(const Conditions::List& conditions);

void SetTimestamp(google::protobuf::Timestamp& out, int64_t time_us);

}  // namespace sluice::api
