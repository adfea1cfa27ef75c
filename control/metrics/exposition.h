// What Prometheus is shown, as families of named values. Names, units and labels
// are documented in docs/metrics.md; a test compares the two.
#pragma once

#include <prometheus/metric_family.h>

#include <string>
#include <utility>
#include <vector>

namespace sluice::metrics {

using Labels = std::vector<std::pair<std::string, std::string>>;

// Gathers values into families; the order of families is that of first use.
class Exposition {
 public:
  // A total since start; resets are seen by Prometheus itself.
  void Counter(const std::string& name, const std::string& help, const Labels& labels, double value) {
    Add(prometheus::MetricType::Counter, name, help, labels, value);
  }
  void Gauge(const std::string& name, const std::string& help, const Labels& labels, double value) {
    Add(prometheus::MetricType::Gauge, name, help, labels, value);
  }
  std::vector<prometheus::MetricFamily> Take() { return std::move(families_); }

 private:
  void Add(prometheus::MetricType type, const std::string& name, const std::string& help,
           const Labels& labels, double value);

  std::vector<prometheus::MetricFamily> families_;
};

}  // namespace sluice::metrics
