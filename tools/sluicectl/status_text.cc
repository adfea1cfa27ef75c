// Failed calls as text; see status_text.h. Details are google.rpc messages in
// the status's binary form, as every gRPC client library reads them.
#include "tools/sluicectl/status_text.h"

#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"
#include "tools/sluicectl/exit_code.h"
#include "tools/sluicectl/unreachable_text.h"

namespace sluice::ctl {
namespace {

std::string CodeText(grpc::StatusCode code) {
  switch (code) {
    case grpc::StatusCode::OK:
      return "ok";
    case grpc::StatusCode::NOT_FOUND:
      return "not found";
    case grpc::StatusCode::INVALID_ARGUMENT:
      return "invalid";
    case grpc::StatusCode::FAILED_PRECONDITION:
      return "precondition failed";
    case grpc::StatusCode::ALREADY_EXISTS:
      return "exists already";
    case grpc::StatusCode::ABORTED:
      return "aborted";
    case grpc::StatusCode::OUT_OF_RANGE:
      return "out of range";
    case grpc::StatusCode::RESOURCE_EXHAUSTED:
      return "limit reached";
    case grpc::StatusCode::PERMISSION_DENIED:
      return "not permitted";
    case grpc::StatusCode::UNAUTHENTICATED:
      return "not authenticated";
    case grpc::StatusCode::UNIMPLEMENTED:
      return "not implemented";
    case grpc::StatusCode::UNAVAILABLE:
      return "unavailable";
    case grpc::StatusCode::DEADLINE_EXCEEDED:
      return "no answer in time";
    case grpc::StatusCode::CANCELLED:
      return "cancelled";
    case grpc::StatusCode::INTERNAL:
    case grpc::StatusCode::DATA_LOSS:
    case grpc::StatusCode::UNKNOWN:
    case grpc::StatusCode::DO_NOT_USE:
      return "failed";
  }
  return "failed";
}

std::string OneLine(const std::string& text) {
  std::string out = OptionWords(text);
  for (char& c : out) {
    if (c == '\n' || c == '\r') c = ' ';
  }
  return out;
}

// One line per violation that the message does not tell already.
class Details {
 public:
  explicit Details(const grpc::Status& status) : told_(OneLine(status.error_message())) {}

  void Add(const std::string& subject, const std::string& description) {
    const std::string words = OneLine(description);
    if (told_.find(words) != std::string::npos) return;
    lines_ += "  " + OneLine(subject) + ": " + words + "\n";
    // A limit is a wrong field and a quota: once is enough.
    told_ += "\n" + words;
  }
  const std::string& lines() const { return lines_; }

 private:
  std::string told_;
  std::string lines_;
};

std::string DetailLines(const grpc::Status& status) {
  google::rpc::Status details;
  if (!details.ParseFromString(status.error_details())) return "";
  Details out(status);
  for (const auto& any : details.details()) {
    google::rpc::BadRequest bad_request;
    google::rpc::PreconditionFailure precondition;
    google::rpc::QuotaFailure quota;
    if (any.UnpackTo(&bad_request)) {
      for (const auto& v : bad_request.field_violations()) out.Add(v.field(), v.description());
    } else if (any.UnpackTo(&precondition)) {
      for (const auto& v : precondition.violations()) out.Add(v.subject(), v.description());
    } else if (any.UnpackTo(&quota)) {
      for (const auto& v : quota.violations()) out.Add(v.subject(), v.description());
    }
  }
  return out.lines();
}

}  // namespace

std::string OptionWords(std::string text) {
  // Fields of the API that sluicectl has options for.
  static const std::pair<const char*, const char*> kWords[] = {
      {"set break_glass to write all the same", "--break-glass writes all the same"},
      {"set overwrite to go back", "--overwrite goes back"},
      {"or set overwrite", "or leave --create-only out"},
      {"set overwrite", "--overwrite"},
  };
  for (const auto& [field, option] : kWords) {
    const std::string words = field;
    for (size_t at = text.find(words); at != std::string::npos; at = text.find(words, at))
      text.replace(at, words.size(), option);
  }
  return text;
}

std::string StatusText(const grpc::Status& status, const std::string& server) {
  if (const std::string cut = UnreachableText(server, status.error_message());
      !cut.empty() && ExitCodeOf(status.error_code()) != kRefused)
    return "sluicectl: " + cut + "\n";
  std::string where;
  if (status.error_code() == grpc::StatusCode::UNAVAILABLE ||
      status.error_code() == grpc::StatusCode::DEADLINE_EXCEEDED) {
    where = server + ": ";
  }
  return "sluicectl: " + where + CodeText(status.error_code()) + ": " + OneLine(status.error_message()) +
         "\n" + DetailLines(status);
}

}  // namespace sluice::ctl
