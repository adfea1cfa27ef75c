// Conditions and their roll-up.
#include "control/api/conditions.h"

#include <algorithm>

namespace sluice::api {

namespace v1 = ::sluice::gateway::v1;

void SetTimestamp(google::protobuf::Timestamp& out, int64_t time_us) {
  constexpr int64_t kSecond = 1'000'000;
  out.set_seconds(time_us / kSecond);
  out.set_nanos(static_cast<int32_t>(time_us % kSecond * 1000));
}

void Conditions::Add(std::string_view type, v1::ConditionStatus status, v1::Severity severity,
                     std::string_view reason, std::string message) {
  auto& condition = *out_.Add();
  condition.set_type(std::string(type));
  condition.set_status(status);
  condition.set_severity(severity);
  condition.set_reason(std::string(reason));
  condition.set_message(std::move(message));
  condition.set_object(object_);
  condition.set_observed_generation(generation_);
  auto& since = times_[{object_, condition.type()}];
  const std::string text = v1::ConditionStatus_Name(status);
  if (since.first != text) since = {text, now_us_};
  SetTimestamp(*condition.mutable_last_change_time(), since.second);
}

void Conditions::True(std::string_view type, std::string_view reason, std::string message) {
  Add(type, v1::CONDITION_STATUS_TRUE, v1::SEVERITY_UNSPECIFIED, reason, std::move(message));
}

void Conditions::False(std::string_view type, v1::Severity severity, std::string_view reason,
                       std::string message) {
  Add(type, v1::CONDITION_STATUS_FALSE, severity, reason, std::move(message));
}

void Conditions::Unknown(std::string_view type, std::string_view reason, std::string message) {
  Add(type, v1::CONDITION_STATUS_UNKNOWN, v1::SEVERITY_UNSPECIFIED, reason, std::move(message));
}

void Conditions::Alert(std::string_view type, std::string_view reason, std::string message) {
  Add(type, v1::CONDITION_STATUS_TRUE, v1::SEVERITY_WARNING, reason, std::move(message));
}

v1::ConfigurationState RollUp(const Conditions::List& conditions) {
  v1::ConfigurationState state;
  auto worst = v1::CONFIGURATION_STATUS_SUCCESS;
  int64_t updated = 0;
  for (const v1::Condition& each : conditions) {
    if (each.last_change_time().seconds() >= updated) {
      updated = each.last_change_time().seconds();
      *state.mutable_last_updated() = each.last_change_time();
    }
    if (each.severity() == v1::SEVERITY_UNSPECIFIED) continue;
    const auto status = each.severity() == v1::SEVERITY_ERROR     ? v1::CONFIGURATION_STATUS_FAILURE
                        : each.severity() == v1::SEVERITY_WARNING ? v1::CONFIGURATION_STATUS_WARNING
                                                                  : v1::CONFIGURATION_STATUS_IN_PROGRESS;
    worst = std::max(worst == v1::CONFIGURATION_STATUS_SUCCESS ? status : worst, status);
    auto& reason = *state.add_reasons();
    reason.set_source(each.object());
    reason.set_code(each.reason());
    reason.set_message(each.message());
  }
  state.set_status(worst);
  return state;
}

}  // namespace sluice::api
