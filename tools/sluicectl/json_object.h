// Lists of several API messages side by side, for `-o json` where the API has
// no message that says so: {"connections": [{"tenant": …, "spec": …, "status": …}]}.
#pragma once

#include <google/protobuf/struct.pb.h>

#include <string>
#include <utility>
#include <vector>

namespace sluice::ctl {

class JsonList {
 public:
  explicit JsonList(const std::string& name);

  void Add(const std::vector<std::pair<std::string, std::string>>& texts,
           const std::vector<std::pair<std::string, const google::protobuf::Message*>>& messages);

  const google::protobuf::Struct& message() const { return object_; }

 private:
  google::protobuf::Struct object_;
  google::protobuf::ListValue* list_;
};

}  // namespace sluice::ctl
