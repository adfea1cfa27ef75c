// Families of metrics: see the header.
#include "control/metrics/exposition.h"

#include <algorithm>

namespace sluice::metrics {

void Exposition::Add(prometheus::MetricType type, const std::string& name, const std::string& help,
                     const Labels& labels, double value) {
  auto family = std::find_if(families_.rbegin(), families_.rend(),
                             [&](const prometheus::MetricFamily& at) { return at.name == name; });
  if (family == families_.rend()) {
    families_.emplace_back();
    families_.back().name = name;
    families_.back().help = help;
    families_.back().type = type;
    family = families_.rbegin();
  }
  prometheus::ClientMetric& metric = family->metric.emplace_back();
  for (const auto& [label, text] : labels) metric.label.push_back({label, text});
  if (type == prometheus::MetricType::Counter) {
    metric.counter.value = value;
  } else {
    metric.gauge.value = value;
  }
}

}  // namespace sluice::metrics
