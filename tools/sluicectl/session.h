// One run of sluicectl: where the gateway is, how answers are shown, how long
// a call may take. Made from the command line, used by every command.
#pragma once

#include <google/protobuf/message.h>
#include <grpcpp/grpcpp.h>

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "tools/sluicectl/exit_code.h"

namespace sluice::ctl {

enum class OutputForm { kTable, kJson, kName };

// Where the gateway listens and who we are there.
struct ServerOptions {
  // "unix:/path" or "host:port"; TCP needs all three PEM files.
  std::string server = "unix:/run/sluice/gateway.sock";
  std::string ca_file;
  std::string certificate_file;
  std::string key_file;
  // The name in the gateway's certificate when it is not the host we dial.
  std::string server_name;
};

class Session {
 public:
  ServerOptions& server_options() { return server_options_; }
  const std::string& server() const { return server_options_.server; }
  OutputForm output = OutputForm::kTable;
  std::chrono::milliseconds timeout{30'000};
  // A command that succeeded may still have something to say to scripts.
  int exit_code = kDone;

  // Opens the channel (lazily connected). Fails by file or option, without asking anybody.
  grpc::Status Open();

  template <typename Service>
  std::unique_ptr<typename Service::Stub> Stub() {
    asked_ = true;
    return Service::NewStub(channel_);
  }

  // False: whatever failed so far is a fault of the command line or of a local file.
  bool asked() const { return asked_; }

  // Sets the deadline of a call that answers once.
  void LimitTime(grpc::ClientContext& context) const;

  // Shows one message in the form that was asked for: JSON, `text()`, or `names`,
  // one a line.
  void Show(const google::protobuf::Message& message, const std::function<std::string()>& text,
            const std::vector<std::string>& names = {}) const;
  // Messages of a stream: one JSON object a line.
  void ShowLine(const google::protobuf::Message& message, const std::function<std::string()>& text) const;
  // Text of people that has no form for programs; nothing with -o json.
  void Say(const std::string& text) const;

 private:
  bool asked_ = false;
  ServerOptions server_options_;
  std::shared_ptr<grpc::Channel> channel_;
};

// What a file is called in messages: "-" is standard input.
std::string FileName(const std::string& path);
// The whole file, or standard input for "-".
grpc::Status ReadFile(const std::string& path, std::string& content);

}  // namespace sluice::ctl
