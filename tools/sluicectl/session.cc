// Channel to the gateway and forms of output; see session.h.
#include "tools/sluicectl/session.h"

#include <google/protobuf/util/json_util.h>

#include <cstdio>
#include <cstring>
#include <fstream>
#include <iostream>
#include <sstream>

namespace sluice::ctl {
namespace {

constexpr int kMessageBytesMax = 64 << 20;

grpc::Status Usage(const std::string& message) {
  return {grpc::StatusCode::INVALID_ARGUMENT, message};
}

void Write(const std::string& text) {
  std::fwrite(text.data(), 1, text.size(), stdout);
  std::fflush(stdout);
}

// Names as in the .proto files, which are also those of refusals; both forms are read back.
std::string JsonText(const google::protobuf::Message& message, bool one_line) {
  google::protobuf::util::JsonPrintOptions options;
  options.add_whitespace = !one_line;
  options.preserve_proto_field_names = true;
  options.always_print_primitive_fields = true;
  std::string json;
  const auto status = google::protobuf::util::MessageToJsonString(message, &json, options);
  if (!status.ok()) return "{}\n";
  if (one_line) json += '\n';
  return json;
}

}  // namespace

std::string FileName(const std::string& path) {
  return path == "-" ? "standard input" : path;
}

grpc::Status ReadFile(const std::string& path, std::string& content) {
  std::stringstream buffer;
  if (path == "-") {
    buffer << std::cin.rdbuf();
    if (std::cin.bad()) return Usage("standard input: cannot be read");
  } else {
    std::ifstream file(path, std::ios::binary);
    if (!file) return Usage(path + ": " + std::strerror(errno));
    buffer << file.rdbuf();
    if (file.bad()) return Usage(path + ": cannot be read");
  }
  content = buffer.str();
  return grpc::Status::OK;
}

grpc::Status Session::Open() {
  const ServerOptions& options = server_options_;
  grpc::ChannelArguments arguments;
  arguments.SetMaxReceiveMessageSize(kMessageBytesMax);
  std::shared_ptr<grpc::ChannelCredentials> credentials;
  if (options.server.rfind("unix:", 0) == 0) {
    // The socket's mode is the access control.
    credentials = grpc::InsecureChannelCredentials();
  } else if (options.server.find(':') == std::string::npos) {
    return Usage("--server: \"" + options.server + "\" is neither unix:/path nor host:port");
  } else {
    if (options.ca_file.empty() || options.certificate_file.empty() || options.key_file.empty()) {
      return Usage(options.server +
                   ": TCP is served with mutual TLS only: give --tls-ca, --tls-cert and --tls-key");
    }
    grpc::SslCredentialsOptions tls;
    if (auto s = ReadFile(options.ca_file, tls.pem_root_certs); !s.ok()) return s;
    if (auto s = ReadFile(options.certificate_file, tls.pem_cert_chain); !s.ok()) return s;
    if (auto s = ReadFile(options.key_file, tls.pem_private_key); !s.ok()) return s;
    credentials = grpc::SslCredentials(tls);
    if (!options.server_name.empty()) arguments.SetSslTargetNameOverride(options.server_name);
  }
  channel_ = grpc::CreateCustomChannel(options.server, credentials, arguments);
  return grpc::Status::OK;
}

void Session::LimitTime(grpc::ClientContext& context) const {
  context.set_deadline(std::chrono::system_clock::now() + timeout);
}

void Session::Show(const google::protobuf::Message& message, const std::function<std::string()>& text,
                   const std::vector<std::string>& names) const {
  if (output == OutputForm::kJson) return Write(JsonText(message, false));
  if (output == OutputForm::kTable || names.empty()) return Write(output == OutputForm::kTable ? text() : "");
  for (const std::string& name : names) Write(name + "\n");
}

void Session::ShowLine(const google::protobuf::Message& message,
                       const std::function<std::string()>& text) const {
  Write(output == OutputForm::kJson ? JsonText(message, true) : text());
}

void Session::Say(const std::string& text) const {
  if (output != OutputForm::kJson) Write(text);
}

}  // namespace sluice::ctl
